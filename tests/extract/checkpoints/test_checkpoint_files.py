"""Checkpoints of every family, saved with random weights and loaded again."""

import json
import logging
from concurrent.futures import ThreadPoolExecutor
from copy import copy, deepcopy
from pathlib import Path

import huggingface_hub
import numpy as np
import pytest
import torch
import transformers
from family_checkpoints import FAMILIES, SPEECH, TEXT, vocabulary
from huggingface_hub.errors import LocalEntryNotFoundError
from locations import SHARED
from published_checkpoints import REDUCED, SPELLINGS, publish
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer

from affuse.extract.checkpoints import checkpoint_files
from affuse.extract.encoders import distilbert, wav2vec2
from affuse.extract.encoding import batching, encoder_loading
from affuse.extract.encoding.choices import Choice
from affuse.extract.encoding.protocol import hidden

RATE = 16_000
# float32 through a few layers, in another order of summation
ROUNDING = {"rtol": 1e-4, "atol": 1e-4}

SPOKEN = [name for name, (_, config) in FAMILIES.items() if "conv_dim" in config]
WRITTEN = [name for name in FAMILIES if name not in SPOKEN]

SENTENCES = ("hello world", "a very bad day", "", "hello hello", "what a joy it is")


@pytest.fixture(scope="session")
def saved(tmp_path_factory):
    """Folder of a checkpoint of a family; made when first asked for."""
    root = tmp_path_factory.mktemp("checkpoints")

    def make(name):
        if not (root / name).is_dir():
            kind, config = FAMILIES[name]
            model = getattr(transformers, kind)
            torch.manual_seed(0)
            model(model.config_class(**config)).save_pretrained(root / name)
            if name in WRITTEN:
                vocabulary(root / name, name.partition("-")[0])
        return root / name

    return make


@pytest.fixture
def copied(saved, tmp_path):
    """The same, to be damaged."""

    def copy(name):
        folder = tmp_path / name
        folder.mkdir()
        for file in saved(name).iterdir():
            (folder / file.name).write_bytes(file.read_bytes())
        return folder

    return copy


def speech(folder, **options):
    return wav2vec2.Encoder.pretrained(str(folder), **options)


def text(folder, **options):
    return distilbert.Encoder.pretrained(str(folder), **options)


def noise(samples, seed=0):
    rng = np.random.default_rng(seed)
    return (0.1 * rng.standard_normal(samples)).astype(np.float32)


def block(encoder, source):
    (found,) = encoder.prepare(copy(source)).blocks  # it may be changed
    return found


def sources(name):
    """Inputs of random lengths, some of them equal."""
    if name in WRITTEN:
        return SENTENCES
    rng = np.random.default_rng(0)
    lengths = rng.choice(rng.integers(1600, 16_000, size=4), size=8)
    return [noise(n, seed=i) for i, n in enumerate(lengths)]


def load(name, folder, **options):
    return (text if name in WRITTEN else speech)(folder, **options)


def states(output):
    """All hidden states of a transformers model, the last as it leaves the model."""
    return torch.stack([*output.hidden_states[:-1], output.last_hidden_state], dim=1)


@pytest.mark.parametrize("name", FAMILIES)
def test_agrees_with_transformers_on_single_inputs(name, saved):
    encoder = load(name, saved(name), layers="all")
    model = transformers.AutoModel.from_pretrained(saved(name)).eval()
    for source in sources(name):
        tensors = {"input_ids": torch.from_numpy(block(encoder, source))[None]}
        if name in SPOKEN:
            samples = source
            if encoder.normalise:
                samples = (source - source.mean()) / np.sqrt(source.var() + 1e-7)
            tensors = {"input_values": torch.from_numpy(samples)[None]}
        with torch.inference_mode():
            wanted = states(model(**tensors, output_hidden_states=True))[0]
        found = hidden(encoder, block(encoder, source)[None])[0]
        torch.testing.assert_close(found, wanted, **ROUNDING)


@pytest.mark.parametrize("name", FAMILIES)
def test_batches_agree_with_single_inputs(name, saved):
    encoder = load(name, saved(name), layers="all")
    blocks = [block(encoder, source) for source in sources(name)]
    found = batching.equal([len(b) for b in blocks], budget=10**9)
    assert any(len(batch) > 1 for batch in found)
    for batch in found:
        rows = hidden(encoder, np.stack([blocks[i] for i in batch]))
        for row, i in zip(rows, batch, strict=True):
            torch.testing.assert_close(
                row, hidden(encoder, blocks[i][None])[0], **ROUNDING
            )


@pytest.mark.parametrize("name", FAMILIES)
def test_loaded_the_same_each_time_and_ready_to_encode(name, saved):
    encoder = load(name, saved(name))
    assert not any(part.training for part in encoder.model.modules())
    assert encoder.checkpoint.name == name
    assert encoder.checkpoint.revision == ""
    # also where a tensor is missing that no embedding needs, and so is random
    assert encoder.checkpoint.weights == load(name, saved(name)).checkpoint.weights
    assert encoder.inputs == load(name, saved(name)).inputs
    source = block(encoder, sources(name)[0])[None]
    assert torch.equal(hidden(encoder, source), hidden(encoder, source))


@pytest.mark.parametrize("name", ["wav2vec2-large", "distilbert"])
def test_what_a_checkpoint_has_seen_enters_the_recipe(name, saved, copied):
    folder, record = copied(name), {"corpus": "toy", "speakers": ["1F"]}
    (folder / "seen.json").write_text(json.dumps(record), encoding="utf-8")
    choice = Choice("text" if name in WRITTEN else "audio")
    recipes = [
        encoder_loading.make_recipe("toy", choice, load(name, where), "0")
        for where in (folder, saved(name))
    ]
    assert [recipe.training for recipe in recipes] == [{"seen": [record]}, {}]
    assert recipes[0].folder() != recipes[1].folder()
    (folder / "seen.json").write_text("[5]", encoding="utf-8")
    with pytest.raises(ValueError, match=r"seen\.json: a record of training data has"):
        load(name, folder)


@pytest.mark.parametrize("name", ["wav2vec2", "hubert", "wavlm"])
def test_nothing_is_cut_where_frames_are_normalised_over_time(name, saved):
    samples = noise(16_000 + 123)
    assert len(block(speech(saved(name)), samples)) == len(samples)


@pytest.mark.parametrize("name", ["wav2vec2-large", "short-front-end", "data2vec"])
def test_what_no_frame_sees_is_cut_where_it_does_not_matter(name, saved):
    encoder = speech(saved(name))
    samples = noise(16_000 + 123)
    prepared = block(encoder, samples)
    assert len(prepared) == encoder.window + encoder.hop * (
        encoder.count_frames(len(samples)) - 1
    )
    assert hidden(encoder, prepared[None]).shape[2] == encoder.count_frames(
        len(samples)
    )


def test_front_end_is_read_from_the_configuration(saved):
    encoder = speech(saved("short-front-end"))
    assert (encoder.window, encoder.hop) == (880, 320)
    with pytest.raises(ValueError, match="has 879 samples at 16 kHz, under the 880"):
        encoder.prepare(noise(879))
    assert hidden(encoder, block(encoder, noise(880))[None]).shape[2] == 1


@pytest.mark.parametrize("name", FAMILIES)
def test_top_layer_is_the_last_hidden_state(name, saved):
    model = transformers.AutoModel.from_pretrained(saved(name)).eval()
    encoder = load(name, saved(name), layers="1,3")
    source = torch.from_numpy(block(encoder, sources(name)[0]))[None]
    with torch.inference_mode():
        output = model(source, output_hidden_states=True)
    found = hidden(encoder, source.numpy())[0]
    torch.testing.assert_close(found[0], output.hidden_states[1][0], **ROUNDING)
    torch.testing.assert_close(found[1], output.last_hidden_state[0], **ROUNDING)


def test_bin_and_safetensors_are_the_same(copied):
    folder = copied("wav2vec2-large")
    wanted = speech(folder).checkpoint.weights
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    assert speech(folder).checkpoint.weights == wanted


def test_weights_of_half_precision_are_encoded_in_single(copied):
    folder = copied("wav2vec2-large")
    tensors = load_file(folder / "model.safetensors")
    half = {name: tensor.half() for name, tensor in tensors.items()}
    save_file(half, folder / "model.safetensors", {"format": "pt"})
    assert hidden(speech(folder), noise(1600)[None]).dtype == torch.float32


# Whether a waveform is standardised, and at which rate


@pytest.mark.parametrize("normalise", [True, False])
@pytest.mark.parametrize("name", ["wav2vec2", "wav2vec2-large"])
def test_preprocessor_says_whether_to_standardise(copied, name, normalise):
    folder = copied(name)
    transformers.Wav2Vec2FeatureExtractor(do_normalize=normalise).save_pretrained(
        folder
    )
    encoder = speech(folder)
    assert encoder.inputs["normalised"] is normalise
    samples = 3 * noise(1600) + 1
    found = block(encoder, samples)
    extractor = transformers.AutoFeatureExtractor.from_pretrained(folder)
    wanted = extractor(samples, sampling_rate=RATE)["input_values"][0][: len(found)]
    np.testing.assert_allclose(found, wanted, atol=1e-5)  # float32 statistics there


@pytest.mark.parametrize(("name", "usual"), [("wav2vec2", False), ("hubert-large", 1)])
def test_without_preprocessor_as_the_architecture_was_trained(saved, name, usual):
    assert speech(saved(name)).inputs["normalised"] is bool(usual)


def test_another_sampling_rate_is_refused(copied):
    folder = copied("wav2vec2")
    transformers.Wav2Vec2FeatureExtractor(sampling_rate=8000).save_pretrained(folder)
    with pytest.raises(ValueError, match="needs speech at 8000 Hz, and this prog"):
        speech(folder)


def test_damaged_preprocessor_is_named(copied):
    folder = copied("wav2vec2")
    (folder / "preprocessor_config.json").write_text("{")
    with pytest.raises(ValueError, match=r"preprocessor_config\.json: it is no J"):
        speech(folder)


# Tokenizers


@pytest.mark.parametrize("name", ["distilbert", "bert"])
def test_words_are_numbered_as_the_vocabulary_says(saved, name):
    encoder = text(saved(name))
    assert block(encoder, "hello Ab").tolist() == [2, 5, 7, 34, 3]
    assert block(encoder, "").tolist() == [2, 3]


def test_roberta_has_its_own_marks(saved):
    assert block(text(saved("roberta")), "ab").tolist() == [0, 6, 7, 2]


@pytest.mark.parametrize("name", WRITTEN)
def test_missing_vocabulary_is_refused(copied, name):
    # transformers makes a tokenizer that knows no word, and says nothing
    folder = copied(name)
    for file in ("vocab.txt", "vocab.json", "merges.txt"):
        (folder / file).unlink(missing_ok=True)
    with pytest.raises(ValueError, match="has no tokenizer: put tokenizer.json or "):
        text(folder)


def test_vocabulary_of_another_checkpoint_is_refused(copied):
    folder = copied("bert")
    with (folder / "vocab.txt").open("a") as file:
        file.writelines(f"word{i}\n" for i in range(10))
    with pytest.raises(ValueError, match="numbers words up to 68, but its weights hav"):
        text(folder)


def test_another_vocabulary_is_another_input(copied):
    folder = copied("bert")
    before = text(folder)
    words = (folder / "vocab.txt").read_text().replace("hello", "howdy")
    (folder / "vocab.txt").write_text(words)
    after = text(folder)
    assert after.checkpoint.weights == before.checkpoint.weights
    assert after.inputs["vocabulary"] != before.inputs["vocabulary"]


def test_padding_and_cutting_of_a_tokenizer_do_not_count(copied):
    # as sentence-transformers save theirs; many threads must not trip over it
    folder = copied("bert")
    made = transformers.AutoTokenizer.from_pretrained(folder).backend_tokenizer
    made.enable_padding(length=64)
    made.enable_truncation(max_length=64)
    made.save(str(folder / "tokenizer.json"))
    stored = Tokenizer.from_file(str(folder / "tokenizer.json"))
    assert len(stored.encode("hello").ids) == 64
    encoder = text(folder)
    stored.no_padding()
    stored.no_truncation()
    stored.save(str(folder / "tokenizer.json"))
    assert text(folder).inputs == encoder.inputs
    texts = [f"hello {'world ' * (i % 90)}" for i in range(400)]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda t: len(block(encoder, t)), texts))
    assert found == [3 + i % 90 for i in range(400)]


# What is wrong with a checkpoint is said in a sentence


@pytest.mark.parametrize("load", [speech, text])
@pytest.mark.parametrize(
    "where", ["/nowhere/at/all", "./nowhere", "~no-such-user/x", "a/b/c"]
)
def test_missing_folder(load, where):
    with pytest.raises(ValueError, match=f"^checkpoint folder {where} not found$"):
        load(where)


def test_revision_of_a_folder(saved):
    with pytest.raises(ValueError, match="--revision v2 does not apply to the local"):
        speech(saved("wav2vec2"), revision="v2")


@pytest.mark.parametrize("name", WRITTEN)
def test_text_model_given_as_speech(saved, name):
    with pytest.raises(ValueError, match=r"is a \w+ model, not of the Wav2Vec2 family"):
        speech(saved(name))


@pytest.mark.parametrize("name", ["wav2vec2", "hubert", "wavlm-large"])
def test_speech_model_given_as_text(saved, name):
    with pytest.raises(ValueError, match=r"is a \w+ model, not a text encoder"):
        text(saved(name))


@pytest.mark.parametrize("name", ["wav2vec2", "hubert", "bert"])
def test_no_head_to_keep(saved, name):
    with pytest.raises(
        ValueError,
        match=r"(no head like .*audEERING;|lacks .* no such head:) leave out --head",
    ):
        speech(saved(name), head=True)


def test_text_encoders_have_no_head(saved):
    with pytest.raises(ValueError, match="text encoders have no head; leave out --hea"):
        text(saved("bert"), head=True)


def test_missing_tensor(copied):
    folder = copied("hubert")
    tensors = load_file(folder / "model.safetensors")
    del tensors["encoder.layers.1.attention.k_proj.weight"]
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(
        ValueError, match=r"lacks 1 tensors .*, first 'encoder.layers.1.attention.k_pro"
    ):
        speech(folder)


@pytest.mark.parametrize("name", ["wav2vec2", "roberta"])
def test_tensors_of_no_use_may_be_missing(copied, name):
    folder = copied(name)
    tensors = load_file(folder / "model.safetensors")
    kept = {k: t for k, t in tensors.items() if "pooler" not in k and "mask" not in k}
    assert len(kept) < len(tensors)
    wanted = load(name, folder).checkpoint.weights
    save_file(kept, folder / "model.safetensors", {"format": "pt"})
    assert load(name, folder).checkpoint.weights == wanted


def test_other_sizes_than_configured(copied):
    folder = copied("wavlm")
    config = json.loads((folder / "config.json").read_text())
    config["intermediate_size"] = 48
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(ValueError, match="lacks 9 tensors .* has them in other shapes"):
        speech(folder)


@pytest.mark.parametrize("kept", [0, 100, 5000])
def test_truncated_weights(copied, kept):
    folder = copied("wav2vec2")
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:kept])
    with pytest.raises(ValueError, match="cannot load the checkpoint 'wav2vec2' from "):
        speech(folder)


class Trap:
    """Runs code when it is unpickled by a careless reader."""

    def __reduce__(self):
        return Path.touch, (Path("sprung"),)


def test_weights_that_run_code_are_refused(copied, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = copied("wav2vec2")
    (folder / "model.safetensors").unlink()
    trap = {"weight": Trap(), "rest": torch.zeros(200_000)}  # as large as a model
    torch.save(trap, folder / "pytorch_model.bin")
    with pytest.raises(
        ValueError, match="its weights are damaged, or more than tensors"
    ):
        speech(folder)
    assert not Path("sprung").exists()


@pytest.mark.parametrize("content", ["{", "{}", '{"model_type": "unheard-of"}', None])
def test_damaged_configuration(copied, content):
    folder = copied("wav2vec2")
    (folder / "config.json").unlink()
    if content is not None:
        (folder / "config.json").write_text(content)
    with pytest.raises(ValueError, match="cannot load the checkpoint 'wav2vec2' from "):
        speech(folder)


def test_layers_of_unlike_length_are_refused_but_the_last(tmp_path):
    config = transformers.Wav2Vec2Config(**SPEECH, add_adapter=True)
    transformers.Wav2Vec2Model(config).save_pretrained(tmp_path)
    every, last = speech(tmp_path, layers="all"), speech(tmp_path)
    with pytest.raises(
        ValueError, match="differ in length or size; choose its last layer"
    ):
        hidden(every, block(every, noise(8000))[None])
    assert hidden(last, block(last, noise(8000))[None]).shape[:2] == (1, 1)


# The hub


def test_hub_out_of_reach(monkeypatch, caplog):
    def unreachable(*args, **options):
        raise LocalEntryNotFoundError("Got: ConnectError\nAn error happened")

    monkeypatch.setattr(checkpoint_files, "snapshot_download", unreachable)
    with pytest.raises(
        ValueError,
        match="cannot fetch the checkpoint 'some/model': the hub cannot be reached; "
        "give the folder of a checkpoint .*, or 'mini' for the small",
    ):
        speech("some/model")
    assert caplog.records == []


def test_hub_is_not_asked_in_tests_and_fails_at_once(caplog):
    assert huggingface_hub.constants.HF_HUB_OFFLINE
    with caplog.at_level(logging.WARNING), pytest.raises(ValueError, match="give the "):
        text("distilbert-base-uncased")
    assert caplog.records == []


def test_loading_is_quiet_but_downloads_are_not(saved, capfd):
    logs = transformers.utils.logging
    before, folder = logs.is_progress_bar_enabled(), saved("wav2vec2-ctc")
    logs.enable_progress_bar()
    try:
        capfd.readouterr()
        speech(folder)
        assert capfd.readouterr() == ("", "")
        assert logs.is_progress_bar_enabled()
    finally:
        if not before:
            logs.disable_progress_bar()


def test_name_that_the_hub_refuses():
    with pytest.raises(ValueError, match="cannot fetch the checkpoint 'not a name': R"):
        speech("not a name")


@pytest.mark.parametrize("form", ["safetensors", "bin"])
def test_what_the_hub_gives_is_pinned_to_its_commit(copied, monkeypatch, form):
    commit = "0123456789abcdef" * 2 + "01234567"
    folder = copied("wav2vec2").rename(copied("hubert").parent / commit)
    if form == "bin":
        tensors = load_file(folder / "model.safetensors")
        torch.save(tensors, folder / "pytorch_model.bin")
        (folder / "model.safetensors").unlink()
    asked = []

    def snapshot(name, *, revision, allow_patterns):
        asked.append((name, revision, allow_patterns[-1]))
        return str(folder)

    monkeypatch.setattr(checkpoint_files, "snapshot_download", snapshot)
    found = speech("some/model", revision="v1").checkpoint
    assert (found.name, found.revision) == ("some/model", commit)
    wanted = ["model*.safetensors", "pytorch_model*.bin"][: 1 + (form == "bin")]
    assert asked == [("some/model", "v1", weights) for weights in wanted]


# The audEERING checkpoint


def check_published(folder, tensors):
    """Every tensor arrived, and the head computes what its publication says."""
    encoder = speech(folder, head=True)
    origin = checkpoint_files.find(str(folder), "", "audio")
    loaded = checkpoint_files.load(origin, headed=wav2vec2.Wav2Vec2Regressor)
    assert encoder.checkpoint.weights == loaded.weights
    found = loaded.model.state_dict()
    assert found.keys() == tensors.keys()
    assert all(torch.equal(found[k], tensors[k]) for k in tensors)
    assert encoder.head == ("arousal", "dominance", "valence")
    assert encoder.inputs["normalised"] is True
    parts = [*encoder.model.modules(), *encoder.regressor.modules()]
    assert not any(part.training for part in parts)

    last = hidden(encoder, block(encoder, noise(4000))[None])[0, -1]
    mean = last.double().mean(dim=0)
    head = {k: t.double() for k, t in tensors.items() if k.startswith("classifier.")}
    dense = head["classifier.dense.weight"] @ mean + head["classifier.dense.bias"]
    out = head["classifier.out_proj.weight"] @ dense.tanh()
    wanted = (out + head["classifier.out_proj.bias"]).numpy()
    found = encoder.regress(last.mean(dim=0).numpy())
    np.testing.assert_allclose(found, wanted, atol=1e-5)  # float32 sums

    plain = speech(folder)
    assert torch.equal(hidden(plain, block(plain, noise(4000))[None])[0, -1], last)


@pytest.mark.parametrize("form", ["bin", "safetensors"])
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_audeering_checkpoint_arrives_whole(tmp_path, spelling, form):
    tensors = publish(tmp_path, sizes=REDUCED, spelling=spelling, form=form)
    check_published(tmp_path, tensors)


@pytest.mark.slow
@pytest.mark.parametrize(("spelling", "form"), [("old", "bin"), ("new", "safetensors")])
def test_audeering_checkpoint_of_full_size_arrives_whole(tmp_path, spelling, form):
    tensors = publish(tmp_path, sizes={}, spelling=spelling, form=form)
    assert len(tensors) == 234
    assert sum(t.numel() for t in tensors.values()) == 165_336_707
    check_published(tmp_path, tensors)


def test_heads_are_named_by_the_checkpoint_not_by_place(tmp_path):
    labels = ("valence", "arousal", "dominance")
    publish(tmp_path, sizes=REDUCED, spelling="old", form="bin", labels=labels)
    assert speech(tmp_path, head=True).head == labels


def test_head_for_something_else_is_refused(tmp_path):
    labels = ("angry", "happy", "sad")
    publish(tmp_path, sizes=REDUCED, spelling="old", form="bin", labels=labels)
    with pytest.raises(
        ValueError, match="predicts angry, happy, sad, not valence, aro"
    ):
        speech(tmp_path, head=True)


def test_head_needs_the_last_layer(tmp_path):
    publish(tmp_path, sizes=REDUCED, spelling="old", form="bin")
    with pytest.raises(
        ValueError, match="--head works on the last layer; let --layers"
    ):
        speech(tmp_path, head=True, layers="0,1")
    assert speech(tmp_path, head=True, layers="0,3").layers == (0, 3)


@pytest.mark.parametrize(
    "name", ["classifier.out_proj.bias", "classifier.dense.weight"]
)
def test_head_lacking_a_tensor_is_refused(tmp_path, name):
    publish(tmp_path, sizes=REDUCED, spelling="new", form="safetensors")
    tensors = load_file(tmp_path / "model.safetensors")
    del tensors[name]
    save_file(tensors, tmp_path / "model.safetensors", {"format": "pt"})
    with pytest.raises(ValueError, match=f"lacks 1 tensors .*, first '{name}'"):
        speech(tmp_path, head=True)


def test_checkpoint_without_its_norm_weights_is_refused(tmp_path):
    publish(tmp_path, sizes=REDUCED, spelling="old", form="safetensors")
    tensors = load_file(tmp_path / "model.safetensors")
    kept = {k: t for k, t in tensors.items() if not k.endswith("weight_g")}
    save_file(kept, tmp_path / "model.safetensors", {"format": "pt"})
    with pytest.raises(ValueError, match="lacks 1 tensors .*pos_conv_embed"):
        speech(tmp_path)


# Real weights, where they are at hand

WEIGHTS = SHARED / "weights"


@pytest.mark.parametrize(
    ("name", "load", "source", "dim"),
    [
        ("wav2vec2-mini-whisperdistil", speech, noise(RATE), 192),
        ("distilbert-minilm", text, "what a lovely morning", 384),
    ],
)
def test_trained_checkpoints(name, load, source, dim):
    if not (WEIGHTS / name).is_dir():
        pytest.skip(f"there is no {name} here")
    encoder = load(WEIGHTS / name)
    found = hidden(encoder, block(encoder, source)[None])
    assert found.shape[3] == dim
    assert found.isfinite().all()


# Text models with few positions, and those whose blocks cannot be listened to

FEW = {  # positions in the configuration, and the tokens that fit
    "distilbert": ({"max_position_embeddings": 60}, 60),
    "bert": ({"max_position_embeddings": 127}, 127),
    "roberta": ({"max_position_embeddings": 80}, 78),  # two are never used
    "bert-mlm": ({"max_position_embeddings": 8}, 8),
}


def made(folder, name, more):
    """A checkpoint of a family with another configuration."""
    kind, config = FAMILIES[name]
    model = getattr(transformers, kind)
    torch.manual_seed(0)
    model(model.config_class(**{**config, **more})).save_pretrained(folder)
    vocabulary(folder, name.partition("-")[0])
    return folder


@pytest.mark.parametrize("name", FEW)
def test_a_text_is_cut_to_the_positions_of_the_model(tmp_path, name):
    more, most = FEW[name]
    encoder = text(made(tmp_path, name, more), layers="all")
    assert encoder.inputs["max_tokens"] == most
    long = encoder.prepare("hello world " * 99)
    (note,) = long.notes
    assert note.endswith(f" to {most} tokens")
    whole = encoder.tokenise("hello world " * 99)
    assert long.blocks[0].tolist() == [*whole[: most - 1], whole[-1]]
    for layer in encoder(long.blocks[0][None], lambda hidden: hidden):
        assert layer.shape == (1, most, 32)
    assert encoder.prepare("hello").notes == ()


def test_positions_are_counted_where_a_tokenizer_merges_the_trial_text(tmp_path):
    folder = made(tmp_path, "bert", {"max_position_embeddings": 50})
    words = (folder / "vocab.txt").read_text(encoding="utf-8").replace("\na\n", "\nß\n")
    (folder / "vocab.txt").write_text(words, encoding="utf-8")
    assert text(folder).inputs["max_tokens"] == 50


OTHERS = {  # families whose blocks say little or something else
    "SqueezeBertModel": {**TEXT, "embedding_size": 32},
    "LongformerModel": {**TEXT, "max_position_embeddings": 140},
    "AlbertModel": {**TEXT, "embedding_size": 16},
}


@pytest.mark.parametrize("layers", ["all", "1", "0,2", "last"])
@pytest.mark.parametrize("kind", OTHERS)
def test_layers_of_models_whose_blocks_are_not_heard(kind, layers):
    model = getattr(transformers, kind)
    torch.manual_seed(0)
    whole = model(model.config_class(**OTHERS[kind])).eval()
    encoder = distilbert.Encoder(
        checkpoint_files.Checkpoint(deepcopy(whole), kind, "", ""),
        tokenise=lambda text: [2, *range(5, 5 + len(text)), 3],
        vocabulary="letters",
        layers=layers,
    )
    (block,) = encoder.prepare("hello").blocks
    found = encoder(block[None], lambda hidden: hidden)
    with torch.inference_mode():
        ids = torch.from_numpy(block[None])
        wanted = whole(input_ids=ids, output_hidden_states=True).hidden_states
    assert len(found) == len(encoder.layers)
    for layer, number in zip(found, encoder.layers, strict=True):
        torch.testing.assert_close(layer, wanted[number])


def test_a_model_that_keeps_its_lower_layers_is_refused(tmp_path):
    config = {**TEXT, "max_position_embeddings": 256}
    model = transformers.CanineModel(transformers.CanineConfig(**config))
    loaded = checkpoint_files.Checkpoint(model, "canine", "", "weights")
    with pytest.raises(ValueError, match="does not give its lower layers one by one"):
        distilbert.Encoder(
            loaded, tokenise=lambda _: [1, *range(5, 20), 2], vocabulary="x", layers="0"
        )
