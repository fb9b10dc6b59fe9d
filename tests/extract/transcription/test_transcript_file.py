"""The file of recognised transcripts: names, damage and times of saving."""

import json

import pytest
from stand_in_speech import Recogniser

from affuse.data.cache.cache_folder import CorpusFolder
from affuse.data.errors import DamagedFileError, OptionError
from affuse.extract.transcription import transcript_file
from affuse.extract.transcription.transcript_file import (
    TranscriptFile,
    find_transcripts,
    open_transcripts,
    read_transcripts,
)
from affuse.extract.transcription.transcript_records import (
    Transcript,
    TranscriptSegment,
)

WORDS = Transcript((TranscriptSegment(0.0, 1.5, "Äh, ja."),), "de")
KEY = "0a" * 16


def saved(cache, model="small.en", corpus="toy"):
    """Save one transcript of a model, and return its file."""
    identity = Recogniser(model).identity
    path = CorpusFolder(cache / corpus).transcript_file(identity.label)
    file = TranscriptFile(path, identity, {KEY: WORDS})
    file.save()
    return file


def test_a_saved_file_comes_back(tmp_path):
    file = saved(tmp_path)
    found = read_transcripts(file.path)
    assert (found.identity, found.transcripts) == (file.identity, {KEY: WORDS})
    assert list(json.loads(file.path.read_text())) == [
        "format",
        "recogniser",
        "transcripts",
    ]


def test_a_file_that_does_not_exist_has_no_transcripts(tmp_path):
    identity = Recogniser().identity
    assert open_transcripts(tmp_path / "x.json", identity).transcripts == {}


def test_a_changed_file_is_refused_by_its_digest(tmp_path):
    path = saved(tmp_path).path
    path.write_text(path.read_text().replace("ja", "ne"))
    with pytest.raises(DamagedFileError, match="repeat the transcribe command"):
        read_transcripts(path)


def test_a_file_of_another_structure_is_refused(tmp_path):
    path = tmp_path / "x.json"
    path.write_text('{"format": 2}')
    with pytest.raises(DamagedFileError, match="is damaged"):
        read_transcripts(path)


@pytest.mark.parametrize("name", ["small.en", Recogniser().identity.label])
def test_transcripts_are_found_by_model_and_by_label(tmp_path, name):
    saved(tmp_path)
    assert find_transcripts(tmp_path, "toy", name).transcripts == {KEY: WORDS}


def test_an_unknown_name_lists_the_choices(tmp_path):
    label = saved(tmp_path).identity.label
    with pytest.raises(OptionError, match=f"choose from gold, {label}"):
        find_transcripts(tmp_path, "toy", "tiny")
    with pytest.raises(OptionError, match="the corpus 'other' has no such"):
        find_transcripts(tmp_path, "other", "small.en")


def test_a_name_of_several_transcripts_lists_them(tmp_path):
    path = saved(tmp_path).path
    path.with_name("small.en-00000000.json").write_text("{}")
    with pytest.raises(OptionError, match="there are small.en-00000000, small.en-"):
        find_transcripts(tmp_path, "toy", "small.en")


def test_saving_takes_a_small_share_of_the_time(tmp_path, monkeypatch):
    clock = iter([0.0, 0.0, 1.0, 10.0, 30.0, 30.0, 31.0])
    monkeypatch.setattr(transcript_file, "monotonic", lambda: next(clock))
    file = TranscriptFile(tmp_path / "x.json", Recogniser().identity, {})
    counts = []
    for number in range(3):  # at 0, 10 and 30 seconds; saving takes a second
        file.add(f"{number:032x}", WORDS)
        counts.append(len(read_transcripts(file.path).transcripts))
    assert counts == [1, 1, 3]
