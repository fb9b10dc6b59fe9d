import json

import pytest
from irregular_files import KINDS, put_irregular_file
from learnable_corpus import recipe

from affuse.data.cache import training_data
from affuse.data.cache.training_data import KNOWN, TrainingRecord
from affuse.data.errors import AffuseError


def write_records(folder, content):
    """Write seen.json to the folder of a checkpoint."""
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
def test_a_record_covers_a_corpus_by_the_words_of_its_name(one, corpus, same):
    assert TrainingRecord(one).covers(corpus) is same


def test_records_are_read_from_the_checkpoint_folder(tmp_path):
    record = {"corpus": "iemocap", "speakers": ["1F", "1M"], "how": "fine-tuned"}
    facts = training_data.read(write_records(tmp_path, record))
    assert facts == {"seen": [record]}
    expected = (TrainingRecord("iemocap", speakers=("1F", "1M"), how="fine-tuned"),)
    assert training_data.recipe_records(recipe("audio", training=facts)) == expected
    assert training_data.read(write_records(tmp_path, [record, {"corpus": "x"}]))[
        "seen"
    ][1] == {"corpus": "x"}


def test_a_folder_without_records_has_no_training_data(tmp_path):
    assert training_data.read(tmp_path) == {}
    assert training_data.recipe_records(recipe("audio")) == ()


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
def test_an_invalid_record_is_refused_with_the_file_name(tmp_path, record):
    with pytest.raises(ValueError, match=r"seen\.json: .*records? of training data"):
        training_data.read(write_records(tmp_path, record))


@pytest.mark.parametrize("content", [b"\xff{", b"[" * 100_000, b"9" * 5_000, b"NaN"])
def test_a_damaged_file_of_records_is_refused(tmp_path, content):
    (tmp_path / training_data.FILE).write_bytes(content)
    with pytest.raises(AffuseError, match=r"seen\.json is damaged: it "):
        training_data.read(tmp_path)


@pytest.mark.parametrize("kind", KINDS)
def test_records_in_an_irregular_file_are_refused(tmp_path, kind):
    put_irregular_file(tmp_path / training_data.FILE, kind)
    with pytest.raises(AffuseError, match=r"seen\.json is damaged: it is no regular"):
        training_data.read(tmp_path)


@pytest.mark.parametrize("name", [*KNOWN, "SuperB/HuBERT-Large-Superb-ER"])
def test_public_checkpoints_have_records_by_name(name):
    found = training_data.recipe_records(recipe("audio", checkpoint=name))
    assert found
    assert found == KNOWN[name.rpartition("/")[2].lower()]


def test_the_default_speech_encoder_was_tuned_on_msp_podcast():
    name = "audeering/wav2vec2-large-robust-12-ft-emotion-msp-dim"
    (found,) = training_data.recipe_records(recipe("audio", checkpoint=name))
    assert found.covers("MSP-Podcast")
    assert not found.covers("iemocap")
