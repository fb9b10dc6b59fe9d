"""w2v-BERT: bands, attention and blocks, compared with those of transformers."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache

import numpy as np
import pytest
import torch
import transformers
import tunable_checkpoints
from spoken_corpus import noise
from torch import nn

from affuse.data.options.extraction_options import CheckpointChoice
from affuse.extract.audio.decoding import Unusable
from affuse.extract.encoders import wav2vec2, wav2vec2_bert
from affuse.extract.encoding import batching
from affuse.extract.encoding.encoder_loading import encoder_for_checkpoint
from affuse.extract.encoding.protocol import hidden
from affuse.extract.finetune import backbone
from affuse.extract.networks import mel_bands
from affuse.extract.networks.position_embeddings import Guarded, guard

SIZES = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 64,
}
ROUNDING = {"rtol": 1e-3, "atol": 3e-4}  # statistics of float32 there, of float64 here
KINDS = {  # configurations that differ between checkpoints
    "shaw": {},  # as the published one
    "short": {"left_max_position_embeddings": 3, "right_max_position_embeddings": 0},
    "relative": {"position_embeddings_type": "relative"},
    "rotary": {"position_embeddings_type": "rotary"},
    "none": {"position_embeddings_type": None},
    "adapter": {"add_adapter": True},
}


def save(folder, **changes):
    """A checkpoint of random weights with its feature extractor."""
    torch.manual_seed(0)
    config = transformers.Wav2Vec2BertConfig(**{**SIZES, **changes})
    transformers.Wav2Vec2BertModel(config).save_pretrained(folder)
    transformers.SeamlessM4TFeatureExtractor().save_pretrained(folder)
    return folder


def load(folder, **options):
    return wav2vec2_bert.Encoder.pretrained(str(folder), **options)


def block(encoder, wave):
    (found,) = encoder.prepare(wave.copy()).blocks
    return found


@lru_cache(maxsize=1)
def load_model(folder):
    """Return the model and the feature extractor that transformers loads."""
    model = transformers.AutoModel.from_pretrained(folder).eval()
    return model, transformers.AutoFeatureExtractor.from_pretrained(folder)


def reference(folder, wave):
    """Return all layers of transformers, without the frames that it masks."""
    model, extractor = load_model(folder)
    given = extractor(wave, sampling_rate=16_000, return_tensors="pt")
    with torch.inference_mode():
        output = model(**given, output_hidden_states=True)
    real = given["attention_mask"][0].bool()
    inner = [layer[0][real] for layer in output.hidden_states[:-1]]
    last = output.last_hidden_state[0]
    return [*inner, last[real] if len(last) == len(real) else last]


@pytest.mark.parametrize("kind", KINDS)
def test_hidden_states_agree_with_transformers(tmp_path, kind):
    folder = save(tmp_path, **KINDS[kind])
    adapted = kind == "adapter"
    encoder = load(folder, layers="last" if adapted else "all")
    # 560 is one frame; of 720 and 12,005, half a frame at the end is hidden
    for samples in (560, 880, 8_000) if adapted else (560, 719, 720, 880, 12_005):
        wave = noise(samples, seed=samples)
        wanted = reference(folder, wave)
        found = hidden(encoder, block(encoder, wave)[None])[0]
        for mine, theirs in zip(found, wanted[-len(found) :], strict=True):
            torch.testing.assert_close(mine, theirs, **ROUNDING)


def test_a_batch_agrees_with_single_inputs():
    encoder = wav2vec2_bert.Encoder.tiny(layers="all")
    lengths = [8_000, 8_100, 5_000, 8_000]  # the first two have equally many frames
    blocks = [block(encoder, noise(n, seed=i)) for i, n in enumerate(lengths)]
    found = batching.equal_length_batches([len(b) for b in blocks], budget=10**9)
    assert sorted(map(len, found)) == [1, 3]
    for places in found:
        rows = hidden(encoder, np.stack([blocks[i] for i in places]))
        for row, i in zip(rows, places, strict=True):
            alone = hidden(encoder, blocks[i][None])[0]
            torch.testing.assert_close(row, alone, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("samples", [1, 399, 400, 559])
def test_a_recording_shorter_than_a_frame_is_refused(samples):
    with pytest.raises(
        Unusable, match=rf"has {samples} samples at 16 kHz, under the 560"
    ):
        wav2vec2_bert.Encoder.tiny().prepare(noise(samples))


def test_silence_becomes_zeros():
    encoder = wav2vec2_bert.Encoder.tiny()
    found = block(encoder, np.zeros(8_000, np.float32))
    np.testing.assert_array_equal(found, 0.0)
    assert hidden(encoder, found[None]).isfinite().all()


def test_the_level_of_a_recording_has_no_effect():
    encoder = wav2vec2_bert.Encoder.tiny()
    wave = noise(8_000)
    found, louder = block(encoder, wave), block(encoder, 4 * wave)
    np.testing.assert_allclose(found, louder, atol=1e-3)  # logarithms of float32


def test_bands_do_not_depend_on_the_block_size(monkeypatch):
    extractor = transformers.SeamlessM4TFeatureExtractor()
    waves = [noise(n) for n in (8_000, 8_160)]  # 48 and 49 mel frames
    whole = [mel_bands.bands(extractor, wave) for wave in waves]
    for piece in (7, 8, 48):
        monkeypatch.setattr(mel_bands, "PIECE", piece)
        for wave, wanted in zip(waves, whole, strict=True):
            np.testing.assert_array_equal(mel_bands.bands(extractor, wave), wanted)


def test_blocks_are_cut_from_the_bands_of_the_whole_recording():
    encoder = wav2vec2_bert.Encoder.tiny(block_seconds=1.0)
    wave = noise(40_000)
    found = encoder.prepare(wave)
    whole = block(wav2vec2_bert.Encoder.tiny(), wave)
    assert [len(b) // 160 for b in found.blocks] == [50, 50, 24]
    np.testing.assert_array_equal(np.concatenate(found.blocks), whole)
    assert found.notes == ("encoded in 3 blocks",)


def test_blocks_are_of_thirty_seconds_at_most():
    inputs = wav2vec2_bert.Encoder.tiny(block_seconds=60.0).inputs
    assert inputs["block_seconds"] == 30.0
    with pytest.raises(
        ValueError, match="--block-seconds 0.5 is shorter than a second"
    ):
        wav2vec2_bert.Encoder.tiny(block_seconds=0.5)


@pytest.mark.parametrize(("kind", "hop"), [("shaw", 320), ("adapter", 640)])
def test_hop_and_window_locate_hidden_states_in_time(tmp_path, kind, hop):
    encoder = load(save(tmp_path, **KINDS[kind]))
    assert (encoder.hop, encoder.window) == (hop, 560)
    frames = hidden(encoder, block(encoder, noise(16_000))[None]).shape[2]
    assert frames == -(-49 * 320 // hop)


def test_only_the_encoder_of_a_speech_recogniser_is_used(tmp_path):
    torch.manual_seed(0)
    config = transformers.Wav2Vec2BertConfig(**SIZES, vocab_size=40)
    transformers.Wav2Vec2BertForCTC(config).save_pretrained(tmp_path)
    transformers.SeamlessM4TFeatureExtractor().save_pretrained(tmp_path)
    found = hidden(load(tmp_path), block(load(tmp_path), noise(5_000))[None])[0, -1]
    wanted = reference(tmp_path, noise(5_000))[-1]
    torch.testing.assert_close(found, wanted, **ROUNDING)


# Errors about checkpoints


def edit_json(name, **values):
    """Write other values into a JSON file of a folder."""

    def edit(folder):
        path = folder / name
        path.write_text(json.dumps({**json.loads(path.read_text()), **values}))

    return edit


EXTRACTOR = "preprocessor_config.json"
FAULTS = [
    (lambda f: (f / EXTRACTOR).unlink(), "has no readable preprocessor_config.json, w"),
    (
        edit_json(EXTRACTOR, sampling_rate=8000),
        "needs speech at 8000 Hz, and this progra",
    ),
    (
        edit_json(EXTRACTOR, num_mel_bins=40),
        r"frames of 80 numbers \(40 bands, 2 joined\)",
    ),
    (
        edit_json(EXTRACTOR, stride=1),
        r"frames of 80 numbers \(80 bands, 1 joined\), and",
    ),
    (edit_json(EXTRACTOR, stride=0), r"preprocessor_config\.json: .*stride"),
    (
        edit_json(EXTRACTOR, feature_extractor_type="Wav2Vec2FeatureExtractor"),
        "names a Wav2Vec2FeatureExtractor, and w2v-BERT takes a SeamlessM4TFeatureExtr",
    ),
    (
        edit_json("config.json", conv_depthwise_kernel_size=0),
        r"config\.json: .*_kernel_si",
    ),
    (
        edit_json("config.json", conv_depthwise_kernel_size=4),
        "cannot load the checkpoint",
    ),
]


@pytest.mark.parametrize(("edit", "sentence"), FAULTS)
def test_a_damaged_checkpoint_is_refused(tmp_path, edit, sentence):
    edit(save(tmp_path))
    with pytest.raises(ValueError, match=sentence):
        load(tmp_path)


def test_the_encoder_is_chosen_by_model_type_and_has_no_head(tmp_path):
    folder = save(tmp_path)
    assert encoder_for_checkpoint("audio", str(folder), "") == "wav2vec2_bert"
    with pytest.raises(ValueError, match="has no head for ratings; leave out --head"):
        load(folder, head=True)
    with pytest.raises(
        ValueError, match="is a wav2vec2-bert model, not of the Wav2Vec2"
    ):
        wav2vec2.Encoder.pretrained(str(folder))
    with pytest.raises(ValueError, match="is a wav2vec2 model, not w2v-BERT"):
        load(tunable_checkpoints.speech(tmp_path / "other"))


@pytest.mark.parametrize("kind", ["wav2vec2-bert", "sew", "sew-d"])
def test_what_cannot_be_fine_tuned_is_refused_by_name(tmp_path, kind):
    (tmp_path / "config.json").write_text(json.dumps({"model_type": kind}))
    found = CheckpointChoice(audio_checkpoint=str(tmp_path))
    with pytest.raises(
        ValueError, match=f"is a {kind} model, which cannot be fine-tun"
    ):
        backbone.open_all("audio", found, max_seconds=30.0)


# Position embeddings that transformers keeps in the module


class Alone(nn.Module):
    """Module that fails if two threads are in it at once."""

    def __init__(self):
        super().__init__()
        self.inside = 0

    def forward(self, hidden_states):
        self.inside += 1
        time.sleep(0.001)
        assert self.inside == 1
        self.inside -= 1
        return hidden_states


def test_one_thread_at_a_time_computes_position_embeddings():
    guarded = Guarded(Alone())
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(guarded, range(12))) == list(range(12))


@pytest.mark.parametrize("kind", ["Wav2Vec2Bert", "Wav2Vec2Conformer"])
@pytest.mark.parametrize("positions", ["rotary", "relative"])
def test_position_embeddings_of_conformers_are_guarded(kind, positions):
    config = getattr(transformers, f"{kind}Config")
    model = getattr(transformers, f"{kind}Model")(
        config(**SIZES, position_embeddings_type=positions)
    )
    guard(model)
    assert isinstance(model.encoder.embed_positions, Guarded)
