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

SPEECH_FAMILIES = [
    name for name, (_, config) in FAMILIES.items() if "conv_dim" in config
]
TEXT_FAMILIES = [name for name in FAMILIES if name not in SPEECH_FAMILIES]

SENTENCES = ("hello world", "a very bad day", "", "hello hello", "what a joy it is")


@pytest.fixture(scope="session")
def saved_checkpoint(tmp_path_factory):
    """Function that returns the checkpoint folder of a family, saved on first use."""
    root = tmp_path_factory.mktemp("checkpoints")

    def make(name):
        if not (root / name).is_dir():
            kind, config = FAMILIES[name]
            model = getattr(transformers, kind)
            torch.manual_seed(0)
            model(model.config_class(**config)).save_pretrained(root / name)
            if name in TEXT_FAMILIES:
                vocabulary(root / name, name.partition("-")[0])
        return root / name

    return make


@pytest.fixture
def copied_checkpoint(saved_checkpoint, tmp_path):
    """Function that copies the checkpoint folder of a family, for a test to edit."""

    def copy(name):
        folder = tmp_path / name
        folder.mkdir()
        for file in saved_checkpoint(name).iterdir():
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
    """Return inputs of random lengths, some of them equal."""
    if name in TEXT_FAMILIES:
        return SENTENCES
    rng = np.random.default_rng(0)
    lengths = rng.choice(rng.integers(1600, 16_000, size=4), size=8)
    return [noise(n, seed=i) for i, n in enumerate(lengths)]


def load(name, folder, **options):
    return (text if name in TEXT_FAMILIES else speech)(folder, **options)


def states(output):
    """Return all hidden states of a transformers model, with its last hidden state."""
    return torch.stack([*output.hidden_states[:-1], output.last_hidden_state], dim=1)


@pytest.mark.parametrize("name", FAMILIES)
def test_single_inputs_give_the_hidden_states_of_transformers(name, saved_checkpoint):
    encoder = load(name, saved_checkpoint(name), layers="all")
    model = transformers.AutoModel.from_pretrained(saved_checkpoint(name)).eval()
    for source in sources(name):
        tensors = {"input_ids": torch.from_numpy(block(encoder, source))[None]}
        if name in SPEECH_FAMILIES:
            samples = source
            if encoder.normalise:
                samples = (source - source.mean()) / np.sqrt(source.var() + 1e-7)
            tensors = {"input_values": torch.from_numpy(samples)[None]}
        with torch.inference_mode():
            wanted = states(model(**tensors, output_hidden_states=True))[0]
        found = hidden(encoder, block(encoder, source)[None])[0]
        torch.testing.assert_close(found, wanted, **ROUNDING)


@pytest.mark.parametrize("name", FAMILIES)
def test_batches_agree_with_single_inputs(name, saved_checkpoint):
    encoder = load(name, saved_checkpoint(name), layers="all")
    blocks = [block(encoder, source) for source in sources(name)]
    found = batching.equal_length_batches([len(b) for b in blocks], budget=10**9)
    assert any(len(batch) > 1 for batch in found)
    for batch in found:
        rows = hidden(encoder, np.stack([blocks[i] for i in batch]))
        for row, i in zip(rows, batch, strict=True):
            torch.testing.assert_close(
                row, hidden(encoder, blocks[i][None])[0], **ROUNDING
            )


@pytest.mark.parametrize("name", FAMILIES)
def test_loading_is_reproducible_and_in_evaluation_mode(name, saved_checkpoint):
    encoder = load(name, saved_checkpoint(name))
    assert not any(part.training for part in encoder.model.modules())
    assert encoder.checkpoint.name == name
    assert encoder.checkpoint.revision == ""
    # also where a tensor is missing that no embedding needs, and so is random
    assert (
        encoder.checkpoint.weights
        == load(name, saved_checkpoint(name)).checkpoint.weights
    )
    assert encoder.inputs == load(name, saved_checkpoint(name)).inputs
    source = block(encoder, sources(name)[0])[None]
    assert torch.equal(hidden(encoder, source), hidden(encoder, source))


@pytest.mark.parametrize("name", ["wav2vec2-large", "distilbert"])
def test_training_data_of_a_checkpoint_enter_the_recipe(
    name, saved_checkpoint, copied_checkpoint
):
    folder, record = copied_checkpoint(name), {"corpus": "toy", "speakers": ["1F"]}
    (folder / "seen.json").write_text(json.dumps(record), encoding="utf-8")
    choice = Choice("text" if name in TEXT_FAMILIES else "audio")
    recipes = [
        encoder_loading.make_recipe("toy", choice, load(name, where), "0")
        for where in (folder, saved_checkpoint(name))
    ]
    assert [recipe.training for recipe in recipes] == [{"seen": [record]}, {}]
    assert recipes[0].folder() != recipes[1].folder()
    (folder / "seen.json").write_text("[5]", encoding="utf-8")
    with pytest.raises(ValueError, match=r"seen\.json: a record of training data has"):
        load(name, folder)


@pytest.mark.parametrize("name", ["wav2vec2", "hubert", "wavlm"])
def test_waveforms_are_not_cut_if_frames_are_normalised_over_time(
    name, saved_checkpoint
):
    samples = noise(16_000 + 123)
    assert len(block(speech(saved_checkpoint(name)), samples)) == len(samples)


@pytest.mark.parametrize("name", ["wav2vec2-large", "short-front-end", "data2vec"])
def test_samples_after_the_last_frame_are_cut_off(name, saved_checkpoint):
    encoder = speech(saved_checkpoint(name))
    samples = noise(16_000 + 123)
    prepared = block(encoder, samples)
    assert len(prepared) == encoder.window + encoder.hop * (
        encoder.count_frames(len(samples)) - 1
    )
    assert hidden(encoder, prepared[None]).shape[2] == encoder.count_frames(
        len(samples)
    )


def test_front_end_is_read_from_the_configuration(saved_checkpoint):
    encoder = speech(saved_checkpoint("short-front-end"))
    assert (encoder.window, encoder.hop) == (880, 320)
    with pytest.raises(ValueError, match="has 879 samples at 16 kHz, under the 880"):
        encoder.prepare(noise(879))
    assert hidden(encoder, block(encoder, noise(880))[None]).shape[2] == 1


@pytest.mark.parametrize("name", FAMILIES)
def test_top_layer_is_the_last_hidden_state(name, saved_checkpoint):
    model = transformers.AutoModel.from_pretrained(saved_checkpoint(name)).eval()
    encoder = load(name, saved_checkpoint(name), layers="1,3")
    source = torch.from_numpy(block(encoder, sources(name)[0]))[None]
    with torch.inference_mode():
        output = model(source, output_hidden_states=True)
    found = hidden(encoder, source.numpy())[0]
    torch.testing.assert_close(found[0], output.hidden_states[1][0], **ROUNDING)
    torch.testing.assert_close(found[1], output.last_hidden_state[0], **ROUNDING)


def test_bin_and_safetensors_give_equal_weights(copied_checkpoint):
    folder = copied_checkpoint("wav2vec2-large")
    wanted = speech(folder).checkpoint.weights
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    assert speech(folder).checkpoint.weights == wanted


def test_half_precision_weights_are_loaded_in_float32(copied_checkpoint):
    folder = copied_checkpoint("wav2vec2-large")
    tensors = load_file(folder / "model.safetensors")
    half = {name: tensor.half() for name, tensor in tensors.items()}
    save_file(half, folder / "model.safetensors", {"format": "pt"})
    assert hidden(speech(folder), noise(1600)[None]).dtype == torch.float32


# Whether a waveform is standardised, and at which rate


@pytest.mark.parametrize("normalise", [True, False])
@pytest.mark.parametrize("name", ["wav2vec2", "wav2vec2-large"])
def test_the_preprocessor_decides_whether_to_standardise(
    copied_checkpoint, name, normalise
):
    folder = copied_checkpoint(name)
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
def test_without_a_preprocessor_the_architecture_decides_whether_to_standardise(
    saved_checkpoint, name, usual
):
    assert speech(saved_checkpoint(name)).inputs["normalised"] is bool(usual)


def test_another_sampling_rate_is_refused(copied_checkpoint):
    folder = copied_checkpoint("wav2vec2")
    transformers.Wav2Vec2FeatureExtractor(sampling_rate=8000).save_pretrained(folder)
    with pytest.raises(ValueError, match="needs speech at 8000 Hz, and this prog"):
        speech(folder)


def test_damaged_preprocessor_is_named(copied_checkpoint):
    folder = copied_checkpoint("wav2vec2")
    (folder / "preprocessor_config.json").write_text("{")
    with pytest.raises(ValueError, match=r"preprocessor_config\.json: it ends too e"):
        speech(folder)


# Tokenizers


@pytest.mark.parametrize("name", ["distilbert", "bert"])
def test_token_ids_are_those_of_the_vocabulary(saved_checkpoint, name):
    encoder = text(saved_checkpoint(name))
    assert block(encoder, "hello Ab").tolist() == [2, 5, 7, 34, 3]
    assert block(encoder, "").tolist() == [2, 3]


def test_roberta_has_its_own_special_tokens(saved_checkpoint):
    assert block(text(saved_checkpoint("roberta")), "ab").tolist() == [0, 6, 7, 2]


@pytest.mark.parametrize("name", TEXT_FAMILIES)
def test_missing_vocabulary_is_refused(copied_checkpoint, name):
    # transformers silently returns a tokenizer without words
    folder = copied_checkpoint(name)
    for file in ("vocab.txt", "vocab.json", "merges.txt"):
        (folder / file).unlink(missing_ok=True)
    with pytest.raises(ValueError, match="has no tokenizer: put tokenizer.json or "):
        text(folder)


def test_vocabulary_of_another_checkpoint_is_refused(copied_checkpoint):
    folder = copied_checkpoint("bert")
    with (folder / "vocab.txt").open("a") as file:
        file.writelines(f"word{i}\n" for i in range(10))
    with pytest.raises(ValueError, match="numbers words up to 68, but its weights hav"):
        text(folder)


def test_another_vocabulary_is_another_input(copied_checkpoint):
    folder = copied_checkpoint("bert")
    before = text(folder)
    words = (folder / "vocab.txt").read_text().replace("hello", "howdy")
    (folder / "vocab.txt").write_text(words)
    after = text(folder)
    assert after.checkpoint.weights == before.checkpoint.weights
    assert after.inputs["vocabulary"] != before.inputs["vocabulary"]


def test_padding_and_truncation_of_a_tokenizer_are_ignored(copied_checkpoint):
    # sentence-transformers saves such tokenizers; several threads must work
    folder = copied_checkpoint("bert")
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder).backend_tokenizer
    tokenizer.enable_padding(length=64)
    tokenizer.enable_truncation(max_length=64)
    tokenizer.save(str(folder / "tokenizer.json"))
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


# Errors about checkpoints


@pytest.mark.parametrize("load", [speech, text])
@pytest.mark.parametrize(
    "where", ["/nowhere/at/all", "./nowhere", "~no-such-user/x", "a/b/c"]
)
def test_a_missing_checkpoint_folder_is_an_error(load, where):
    with pytest.raises(ValueError, match=f"^checkpoint folder {where} not found$"):
        load(where)


def test_a_revision_of_a_local_folder_is_refused(saved_checkpoint):
    with pytest.raises(ValueError, match="--revision v2 does not apply to the local"):
        speech(saved_checkpoint("wav2vec2"), revision="v2")


@pytest.mark.parametrize("name", TEXT_FAMILIES)
def test_a_text_model_is_refused_as_speech_encoder(saved_checkpoint, name):
    with pytest.raises(ValueError, match=r"is a \w+ model, not of the Wav2Vec2 family"):
        speech(saved_checkpoint(name))


@pytest.mark.parametrize("name", ["wav2vec2", "hubert", "wavlm-large"])
def test_a_speech_model_is_refused_as_text_encoder(saved_checkpoint, name):
    with pytest.raises(ValueError, match=r"is a \w+ model, not a text encoder"):
        text(saved_checkpoint(name))


@pytest.mark.parametrize("name", ["wav2vec2", "hubert", "bert"])
def test_head_of_a_checkpoint_without_one_is_refused(saved_checkpoint, name):
    with pytest.raises(
        ValueError,
        match=r"(no head like .*audEERING;|lacks .* no such head:) leave out --head",
    ):
        speech(saved_checkpoint(name), head=True)


def test_text_encoders_have_no_head(saved_checkpoint):
    with pytest.raises(ValueError, match="text encoders have no head; leave out --hea"):
        text(saved_checkpoint("bert"), head=True)


def test_a_missing_tensor_is_refused(copied_checkpoint):
    folder = copied_checkpoint("hubert")
    tensors = load_file(folder / "model.safetensors")
    del tensors["encoder.layers.1.attention.k_proj.weight"]
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(
        ValueError, match=r"lacks 1 tensors .*, first 'encoder.layers.1.attention.k_pro"
    ):
        speech(folder)


@pytest.mark.parametrize("name", ["wav2vec2", "roberta"])
def test_unused_tensors_may_be_missing(copied_checkpoint, name):
    folder = copied_checkpoint(name)
    tensors = load_file(folder / "model.safetensors")
    kept = {k: t for k, t in tensors.items() if "pooler" not in k and "mask" not in k}
    assert len(kept) < len(tensors)
    wanted = load(name, folder).checkpoint.weights
    save_file(kept, folder / "model.safetensors", {"format": "pt"})
    assert load(name, folder).checkpoint.weights == wanted


def test_tensors_of_other_sizes_are_refused(copied_checkpoint):
    folder = copied_checkpoint("wavlm")
    config = json.loads((folder / "config.json").read_text())
    config["intermediate_size"] = 48
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(ValueError, match="lacks 9 tensors .* has them in other shapes"):
        speech(folder)


@pytest.mark.parametrize("kept", [0, 100, 5000])
def test_truncated_weights_are_refused(copied_checkpoint, kept):
    folder = copied_checkpoint("wav2vec2")
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:kept])
    with pytest.raises(ValueError, match="cannot load the checkpoint 'wav2vec2' from "):
        speech(folder)


class Trap:
    """Object that runs code when it is unpickled."""

    def __reduce__(self):
        return Path.touch, (Path("sprung"),)


def test_weights_that_run_code_are_refused(copied_checkpoint, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = copied_checkpoint("wav2vec2")
    (folder / "model.safetensors").unlink()
    trap = {"weight": Trap(), "rest": torch.zeros(200_000)}  # as large as a model
    torch.save(trap, folder / "pytorch_model.bin")
    with pytest.raises(
        ValueError, match="its weights are damaged, or more than tensors"
    ):
        speech(folder)
    assert not Path("sprung").exists()


@pytest.mark.parametrize("content", ["{", "{}", '{"model_type": "unheard-of"}', None])
def test_a_damaged_configuration_is_refused(copied_checkpoint, content):
    folder = copied_checkpoint("wav2vec2")
    (folder / "config.json").unlink()
    if content is not None:
        (folder / "config.json").write_text(content)
    with pytest.raises(ValueError, match="cannot load the checkpoint 'wav2vec2' from "):
        speech(folder)


def test_only_the_last_layer_is_taken_if_layers_differ_in_length(tmp_path):
    config = transformers.Wav2Vec2Config(**SPEECH, add_adapter=True)
    transformers.Wav2Vec2Model(config).save_pretrained(tmp_path)
    every, last = speech(tmp_path, layers="all"), speech(tmp_path)
    with pytest.raises(
        ValueError, match="differ in length or size; choose its last layer"
    ):
        hidden(every, block(every, noise(8000))[None])
    assert hidden(last, block(last, noise(8000))[None]).shape[:2] == (1, 1)


# The hub


def test_a_hub_that_cannot_be_reached_is_an_error(monkeypatch, caplog):
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


def test_loading_is_quiet_but_downloads_are_not(saved_checkpoint, capfd):
    logs = transformers.utils.logging
    before, folder = logs.is_progress_bar_enabled(), saved_checkpoint("wav2vec2-ctc")
    logs.enable_progress_bar()
    try:
        capfd.readouterr()
        speech(folder)
        assert capfd.readouterr() == ("", "")
        assert logs.is_progress_bar_enabled()
    finally:
        if not before:
            logs.disable_progress_bar()


def test_a_name_that_the_hub_refuses_is_an_error():
    with pytest.raises(ValueError, match="cannot fetch the checkpoint 'not a name': R"):
        speech("not a name")


@pytest.mark.parametrize("form", ["safetensors", "bin"])
def test_a_checkpoint_of_the_hub_is_recorded_with_its_commit(
    copied_checkpoint, monkeypatch, form
):
    commit = "0123456789abcdef" * 2 + "01234567"
    folder = copied_checkpoint("wav2vec2").rename(
        copied_checkpoint("hubert").parent / commit
    )
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
    """Assert that every tensor is loaded, and that the head computes as published."""
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
def test_the_audeering_checkpoint_is_loaded_completely(tmp_path, spelling, form):
    tensors = publish(tmp_path, sizes=REDUCED, spelling=spelling, form=form)
    check_published(tmp_path, tensors)


@pytest.mark.slow
@pytest.mark.parametrize(("spelling", "form"), [("old", "bin"), ("new", "safetensors")])
def test_the_audeering_checkpoint_of_full_size_is_loaded_completely(
    tmp_path, spelling, form
):
    tensors = publish(tmp_path, sizes={}, spelling=spelling, form=form)
    assert len(tensors) == 234
    assert sum(t.numel() for t in tensors.values()) == 165_336_707
    check_published(tmp_path, tensors)


def test_head_outputs_are_named_by_the_checkpoint(tmp_path):
    labels = ("valence", "arousal", "dominance")
    publish(tmp_path, sizes=REDUCED, spelling="old", form="bin", labels=labels)
    assert speech(tmp_path, head=True).head == labels


def test_a_head_for_other_outputs_is_refused(tmp_path):
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
def test_a_head_without_one_of_its_tensors_is_refused(tmp_path, name):
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


# Trained weights, if they are available

WEIGHTS = SHARED / "weights"


@pytest.mark.parametrize(
    ("name", "load", "source", "dim"),
    [
        ("wav2vec2-mini-whisperdistil", speech, noise(RATE), 192),
        ("distilbert-minilm", text, "what a lovely morning", 384),
    ],
)
def test_trained_checkpoints_give_finite_hidden_states(name, load, source, dim):
    if not (WEIGHTS / name).is_dir():
        pytest.skip(f"there is no {name} here")
    encoder = load(WEIGHTS / name)
    found = hidden(encoder, block(encoder, source)[None])
    assert found.shape[3] == dim
    assert found.isfinite().all()


# Text models with few positions, and models whose blocks cannot be hooked

POSITION_LIMITS = {  # positions in the configuration, and the tokens that fit
    "distilbert": ({"max_position_embeddings": 60}, 60),
    "bert": ({"max_position_embeddings": 127}, 127),
    "roberta": ({"max_position_embeddings": 80}, 78),  # two are never used
    "bert-mlm": ({"max_position_embeddings": 8}, 8),
}


def save_checkpoint(folder, name, more):
    """Save a checkpoint of a family with other settings, and return its folder."""
    kind, config = FAMILIES[name]
    model = getattr(transformers, kind)
    torch.manual_seed(0)
    model(model.config_class(**{**config, **more})).save_pretrained(folder)
    vocabulary(folder, name.partition("-")[0])
    return folder


@pytest.mark.parametrize("name", POSITION_LIMITS)
def test_a_text_is_cut_to_the_positions_of_the_model(tmp_path, name):
    more, most = POSITION_LIMITS[name]
    encoder = text(save_checkpoint(tmp_path, name, more), layers="all")
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
    folder = save_checkpoint(tmp_path, "bert", {"max_position_embeddings": 50})
    words = (folder / "vocab.txt").read_text(encoding="utf-8").replace("\na\n", "\nß\n")
    (folder / "vocab.txt").write_text(words, encoding="utf-8")
    assert text(folder).inputs["max_tokens"] == 50


UNHOOKED_MODELS = {  # models whose blocks do not return all hidden states
    "SqueezeBertModel": {**TEXT, "embedding_size": 32},
    "LongformerModel": {**TEXT, "max_position_embeddings": 140},
    "AlbertModel": {**TEXT, "embedding_size": 16},
}


@pytest.mark.parametrize("layers", ["all", "1", "0,2", "last"])
@pytest.mark.parametrize("kind", UNHOOKED_MODELS)
def test_layers_equal_transformers_if_blocks_cannot_be_hooked(kind, layers):
    model = getattr(transformers, kind)
    torch.manual_seed(0)
    whole = model(model.config_class(**UNHOOKED_MODELS[kind])).eval()
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


def test_a_model_that_does_not_return_lower_layers_is_refused(tmp_path):
    config = {**TEXT, "max_position_embeddings": 256}
    model = transformers.CanineModel(transformers.CanineConfig(**config))
    loaded = checkpoint_files.Checkpoint(model, "canine", "", "weights")
    with pytest.raises(ValueError, match="does not give its lower layers one by one"):
        distilbert.Encoder(
            loaded, tokenise=lambda _: [1, *range(5, 20), 2], vocabulary="x", layers="0"
        )
