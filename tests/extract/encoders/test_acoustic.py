"""Acoustic functionals as an encoder: extraction, recipe, and training on them."""

import numpy as np
import pytest
import spoken_corpus
from cli_calls import call, error_sentence
from spoken_corpus import RATE, record

from affuse.data.cache import parts, store
from affuse.data.errors import AffuseError
from affuse.data.records import Utterance
from affuse.extract.audio.refusal import Unusable
from affuse.extract.encoders import acoustic
from affuse.extract.encoding.choices import Choice, Machine
from affuse.extract.encoding.encoder_loading import encoder_for_checkpoint, load

NAMED = {"checkpoint": "", "encoder": "acoustic"}
ALONE = ("--modality", "audio", "--encoder", "acoustic")


def column(outcome, name):
    """The values of a feature by utterance id."""
    place = acoustic.NAMES.index(name)
    return {u: row[0, place] for u, row in spoken_corpus.rows(outcome).items()}


def test_the_recorded_level_reaches_the_encoder(tmp_path):
    wave = spoken_corpus.noise(RATE)
    both = [
        Utterance(name, audio=record(tmp_path / f"{name}.wav", gain * wave, subtype=s))
        for name, gain, s in (("soft", 1, "FLOAT"), ("loud", 2, "FLOAT"))
    ]
    found = spoken_corpus.corpus(tmp_path, *both)
    levels = column(spoken_corpus.run(found, tmp_path / "cache", **NAMED), "level_mean")
    assert levels["loud"] - levels["soft"] == pytest.approx(20 * np.log10(2), abs=1e-5)


def test_batches_threads_and_devices_give_the_same_bytes(tmp_path, monkeypatch):
    monkeypatch.setattr("torch.cuda.get_device_name", str)  # for the log of the work
    found = spoken_corpus.corpus(tmp_path, count=8)
    machines = [
        Machine(threads=1, progress=False),
        Machine(threads=3, batch=0.2, progress=False),
        Machine(threads=2, device="cuda", progress=False),
    ]
    images = [
        spoken_corpus.images(
            spoken_corpus.run(found, tmp_path / str(i), machine=m, **NAMED).folder
        )
        for i, m in enumerate(machines)
    ]
    assert images[0] == images[1] == images[2]


def test_the_recipe_says_what_was_computed(tmp_path):
    found = spoken_corpus.corpus(tmp_path, count=2)
    options = {"pooling": "mean+std", "dtype": "bfloat16", "layers": "all"}
    outcome = spoken_corpus.run(found, tmp_path / "cache", **NAMED, **options)
    recipe = store.read_headers(outcome.folder).recipe
    assert (recipe.encoder, recipe.checkpoint) == ("acoustic", "acoustic")
    assert (recipe.revision, len(recipe.weights)) == ("", 16)
    assert (recipe.layers, recipe.pooling, recipe.dtype) == ((0,), "mean", "float32")
    assert "vector of features" in recipe.layer_meaning
    assert recipe.inputs["features"] == len(acoustic.NAMES)
    versions = parts.header(parts.part_path(outcome.folder, 0)).versions
    assert versions["librosa"]
    assert spoken_corpus.run(found, tmp_path / "cache", **NAMED).folder == (
        outcome.folder
    )


def test_a_long_recording_is_one_utterance(tmp_path):
    encoder = acoustic.Encoder.tiny(block_seconds=1.0)
    assert len(encoder.prepare(spoken_corpus.noise(3 * RATE)).blocks) == 1


@pytest.mark.parametrize(
    ("wave", "reason"),
    [
        (np.zeros(1599, np.float32), "has 1599 samples at 16 kHz, under the 1600 "),
        (np.full(RATE, 1e7, np.float32), "has samples of 1e.07, where full scale is 1"),
    ],
)
def test_unusable_recordings(wave, reason):
    with pytest.raises(Unusable, match=reason):
        acoustic.Encoder.tiny().prepare(wave)


def test_the_name_of_the_feature_set_chooses_the_encoder():
    assert encoder_for_checkpoint("audio", "acoustic", "") == "acoustic"
    assert encoder_for_checkpoint("audio", "eGeMAPSv02", "") == "opensmile"


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"checkpoint": "mini"}, "has no checkpoint, .* checkpoint 'mini'"),
        ({"checkpoint": "tiny"}, "has no checkpoint, .* checkpoint 'tiny'"),
        ({"revision": "0123abc"}, "no revision; leave out --revision 0123abc"),
        ({"layers": "3"}, "has one layer, 0; choose last, all or 0"),
        ({"pooling": "frames"}, "has no frames; leave out --pooling"),
        ({"head": True}, "leave out --head"),
    ],
)
def test_options_that_do_not_apply_are_refused(options, reason):
    with pytest.raises(AffuseError, match=reason):
        load(Choice("audio", **{**NAMED, **options}), Machine(threads=1))


def test_a_checkpoint_is_refused_in_one_sentence(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    sentence = error_sentence(
        call("extract", "demo", *ALONE, "--audio-checkpoint", "mini")
    )
    assert "the encoder 'acoustic' has no checkpoint" in sentence


def test_the_command_line_from_recordings_to_a_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = call(
        "extract", "demo", *ALONE, "--limit", 45, "--pooling", "mean+std",
        "--threads", 1,
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    assert done.output.count("--pooling mean+std has no effect, because the") == 1
    assert "audio: 45 utterances in cache/demo/audio-acoustic-" in done.output
    assert "acoustic layers 0, mean, float32" in call("cache", "list").output
    trained = call("train", "--fusion", "ridge", "--seeds", 1, "--threads", 1)
    assert trained.exit_code == 0, trained.output
    table = call("report")
    assert table.exit_code == 0, table.output
    assert "acoustic" in table.output
