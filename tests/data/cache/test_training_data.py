import json

import pytest
from irregular_files import KINDS, put_irregular_file
from learnable_corpus import recipe

from affuse.data.cache import training_data
from affuse.data.cache.training_data import KNOWN, Seen
from affuse.data.errors import AffuseError


def say(folder, content):
    """The seen.json of a checkpoint's folder."""
    (folder / training_data.FILE).write_text(json.dumps(content), encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("one", "corpus", "same"),
    [
        ("MSP-Podcast", "msp_podcast-1.11", True),
        ("iemocap", "IEMOCAP", True),
        ("iemocap", "iemocap-small", True),
        ("iemocap", "emobank", False),
        ("EmoDB", "emo", False),
        ("emo", "remote-demonstration", False),
        ("demo", "demonstration", False),
        ("demo", "my_demo2", True),
        ("emo", "emo-2024", True),
        ("Aff-Wild", "affwild2", True),
        ("iemocap", "OurIEMOCAPcopy", True),
        ("x y", "x-z-y", False),
    ],
)
def test_corpora_are_compared_by_words(one, corpus, same):
    assert Seen(one).covers(corpus) is same


def test_a_folder_says_what_was_trained_on(tmp_path):
    record = {"corpus": "iemocap", "speakers": ["1F", "1M"], "how": "fine-tuned"}
    facts = training_data.read(say(tmp_path, record))
    assert facts == {"seen": [record]}
    expected = (Seen("iemocap", speakers=("1F", "1M"), how="fine-tuned"),)
    assert training_data.of(recipe("audio", training=facts)) == expected
    assert training_data.read(say(tmp_path, [record, {"corpus": "x"}]))["seen"][1] == {
        "corpus": "x"
    }


def test_a_folder_that_says_nothing(tmp_path):
    assert training_data.read(tmp_path) == {}
    assert training_data.of(recipe("audio")) == ()


@pytest.mark.parametrize(
    "record",
    [
        5,
        "iemocap",
        [[]],
        {},
        {"corpus": ""},
        {"corpus": "-"},
        {"corpus": 5},
        {"corpus": "x", "speakers": "1F"},
        {"corpus": "x", "splits": [1]},
        {"corpus": "x", "how": None},
        {"corpus": "x", "reader": 5},
        {"corpus": "x", "sample": "0"},
        {"corpus": "x", "sample": [0]},
        {"corpus": "x", "speaker": ["1F"]},
        [{"corpus": "x"}] * 21,
    ],
)
def test_what_is_no_record_is_refused_with_its_file(tmp_path, record):
    with pytest.raises(ValueError, match=r"seen\.json: .*records? of training data"):
        training_data.read(say(tmp_path, record))


@pytest.mark.parametrize("content", [b"\xff{", b"[" * 100_000, b"9" * 5_000, b"NaN"])
def test_damage_is_named(tmp_path, content):
    (tmp_path / training_data.FILE).write_bytes(content)
    with pytest.raises(AffuseError, match=r"seen\.json is damaged: it is "):
        training_data.read(tmp_path)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_file_is_named(tmp_path, kind):
    put_irregular_file(tmp_path / training_data.FILE, kind)
    with pytest.raises(AffuseError, match=r"seen\.json is damaged: it is no regular"):
        training_data.read(tmp_path)


@pytest.mark.parametrize("name", [*KNOWN, "SuperB/HuBERT-Large-Superb-ER"])
def test_checkpoints_are_known_by_name(name):
    found = training_data.of(recipe("audio", checkpoint=name))
    assert found
    assert found == KNOWN[name.rpartition("/")[2].lower()]


def test_the_default_speech_encoder_was_tuned_on_msp_podcast():
    name = "audeering/wav2vec2-large-robust-12-ft-emotion-msp-dim"
    (found,) = training_data.of(recipe("audio", checkpoint=name))
    assert found.covers("MSP-Podcast")
    assert not found.covers("iemocap")
