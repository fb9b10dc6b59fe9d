"""Speakers of segments, from a table or an RTTM file."""

from pathlib import Path

import pytest

from affuse.data.errors import OptionError
from affuse.extract.inference.predicted_segments import PredictedSegment
from affuse.extract.inference.segment_building import SEVERAL, find_speaker
from affuse.extract.inference.segments import Recording, SpeakerTurn
from affuse.extract.inference.speaker_turns import read_turns, with_turns

HEAD = "file,start,end,speaker\n"
TURNS = (SpeakerTurn(0.0, 2.5, "Ann"), SpeakerTurn(2.5, 4.0, "Bob"))
RTTM = """\
SPKR-INFO a 1 <NA> <NA> <NA> unknown Ann <NA> <NA>
SPEAKER a 1 2.5 1.5 <NA> <NA> Bob <NA> <NA>
SPEAKER a 1 0.000 2.500 <NA> <NA> Ann <NA> <NA>
"""


@pytest.fixture
def table(tmp_path):
    """Function that writes a file of turns and returns its path."""

    def write(text, name="turns.csv"):
        (tmp_path / name).write_text(text, encoding="utf-8")
        return tmp_path / name

    return write


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (f"{HEAD}a.wav,2.5,4,Bob\na.wav,0,2.5,Ann\n", "turns.csv"),
        ("path;onset;duration;speaker\na;2.5;1.5;Bob\na;0;2.5;Ann\n", "turns.csv"),
        (RTTM, "turns.RTTM"),
    ],
)
def test_turns_reach_the_recording_in_the_order_of_time(table, text, name):
    items = [Recording("x/a.wav", Path("x/a.wav")), Recording("b", Path("b"))]
    said = []
    found = with_turns(items, read_turns(table(text, name)), [], said.append)
    assert [item.turns for item in found] == [TURNS, ()]
    assert said == ["recordings have no row in the speakers (number: 1, first: 'b')"]


def test_paths_that_cannot_be_used_are_passed_on(table):
    gone = PredictedSegment("gone.wav", reason="there is no such file")
    said = []
    found = with_turns([gone], read_turns(table(f"{HEAD}a,0,1,Ann\n")), [], said.append)
    assert found == [gone]
    (sentence,) = said
    assert "rows of the speakers match no recording (number: 1, first: 'a')" in sentence


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (",0,1,Ann", "it names no file"),
        ("a,0,1,", "it names no speaker"),
        ("a,1,1,Ann", "it has no end after its start"),
        ("a,,1,Ann", "it has no end after its start"),
        ("a,0,,Ann", "it has no end after its start"),
        ("a,x,1,Ann", "time 'x' is none of"),
    ],
)
def test_a_row_that_cannot_be_used_is_left_out_with_its_reason(table, row, reason):
    (note,) = read_turns(table(f"{HEAD}a,0,1,Bob\n{row}\n")).notes
    assert reason in note


@pytest.mark.parametrize(
    "head", ["file,start,end", "file,speaker", "start,end,speaker"]
)
def test_a_table_without_a_column_is_refused_with_its_columns(table, head):
    with pytest.raises(OptionError, match="name one column file, one start"):
        read_turns(table(f"{head}\n1,2,3\n"))


@pytest.mark.parametrize(("text", "name"), [(HEAD, "a.csv"), ("\xff\n", "a.rttm")])
def test_a_file_without_a_turn_is_refused(table, text, name):
    with pytest.raises(OptionError, match="has no turn of a speaker"):
        read_turns(table(text, name))


def test_a_missing_file_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_turns(tmp_path / "turns.rttm")


@pytest.mark.parametrize(
    ("span", "speaker", "notes"),
    [
        ((0.0, 2.0), "Ann", ()),
        ((1.0, 3.0), "Ann", (SEVERAL,)),
        ((0.5, 3.0), "Ann", ()),  # Bob has a fifth of it
        ((2.0, 3.0), "Ann", (SEVERAL,)),  # of equal shares, the first name
        ((3.9, 9.0), "Bob", ()),
        ((5.0, 9.0), "", ()),
    ],
)
def test_the_speaker_of_a_segment_talks_longest_in_it(span, speaker, notes):
    assert find_speaker(TURNS, *span) == (speaker, notes)
