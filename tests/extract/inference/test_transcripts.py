"""Texts of --text, and tables of transcripts matched to recordings."""

import os
from pathlib import Path

import manifest_tables
import pytest
from irregular_files import FILE_KINDS, fail_if_slow, put_irregular_file

from affuse.data.errors import AffuseError, OptionError
from affuse.extract.inference import transcript_matching, transcripts
from affuse.extract.inference.predicted_segments import PredictedSegment
from affuse.extract.inference.segments import Recording, TimedText


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Current folder, so that names are as a user types them."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def recordings(*names):
    return [Recording(name, Path(name)) for name in names]


def match(table, found, *arguments):
    """Return texts by file, and the sentences that are said."""
    said = []
    path = manifest_tables.write(Path("t"), table)
    results = transcript_matching.with_transcripts(
        found, transcripts.read(path), arguments, said.append
    )
    assert [item.file for item in results] == [item.file for item in found]
    return {item.file: item for item in results}, said


def texts(table, *names, arguments=()):
    """Return the texts of recordings by file; fail if anything is said."""
    results, said = match(table, recordings(*names), *arguments)
    assert said == []
    return {file: [t.text for t in item.texts] for file, item in results.items()}


def reason(table, name="a.wav"):
    results, _ = match(table, recordings(name))
    assert isinstance(results[name], PredictedSegment)
    return results[name].reason


# Text of one recording, and text alone


def test_a_text_needs_no_recording():
    assert transcripts.text_alone(" I am \n fine. ") == Recording(
        "", texts=(TimedText("I am fine."),)
    )
    assert transcripts.text_alone("").texts == (TimedText(""),)


def test_one_recording_gets_the_text():
    missing = PredictedSegment("b.wav", reason="gone")
    found = transcripts.with_text([missing, *recordings("a.wav")], "so  what")
    assert found[0] == missing
    assert found[1].texts == (TimedText("so what"),)


def test_a_text_for_several_recordings_is_refused_at_the_second():
    def endless():
        while True:
            yield from recordings("a.wav", "b.wav")

    with pytest.raises(OptionError, match="'a.wav' and 'b.wav'.*--transcripts"):
        transcripts.with_text(endless(), "so what")


def test_a_text_of_bytes_that_are_no_characters_is_refused():
    with pytest.raises(OptionError, match="is not valid UTF-8"):
        transcripts.text_alone(os.fsdecode(b"caf\xe9"))


@pytest.mark.parametrize(
    "text", ["", " a  b\t", "\u200b", "NaN", "n/a", "null", "#N/A", "caf\u00e9", "-"]
)
def test_a_text_is_that_of_a_corpus(text):
    table = f'file,text\na.wav,"{text}"\nb.wav,words\n'
    corpus = manifest_tables.read(Path("c"), table, audio=["a.wav", "b.wav"])
    wanted = corpus.utterances[0].text
    results, _ = match(table, recordings("a.wav", "b.wav"))
    assert [t.text for t in results["a.wav"].texts] == [wanted] * (wanted is not None)


# Names of recordings


@pytest.mark.parametrize(
    ("row", "file", "arguments"),
    [
        ("r/a.wav", "r/a.wav", ()),  # as typed
        ("./r/a.wav", "r//a.wav", ()),
        ("r\\a.wav", "r/a.wav", ()),
        ("a.wav", "t/a.wav", ()),  # relative to the folder of the table
        ("../r/a.wav", "r/a.wav", ()),
        ("s/a.wav", "r/s/a.wav", ("r",)),  # relative to a folder that was given
        ("a.wav", "r/s/a.wav", ()),  # by its name
        ("a", "r/s/a.wav", ()),  # by its stem
        ("cafe\u0301.wav", "r/caf\u00e9.wav", ()),
    ],
)
def test_a_row_names_its_recording(row, file, arguments):
    found = texts(f"file,text\n{row},hi\n", file, arguments=arguments)
    assert found == {file: ["hi"]}


def test_an_absolute_path_names_its_recording(folder):
    found = texts(f"file,text\n{folder / 'x' / 'a.wav'},hi\n", "x/a.wav")
    assert found == {"x/a.wav": ["hi"]}


def test_a_path_goes_before_a_name():
    found = texts("file;text\na.wav;one\nb/a.wav;two\n", "t/a.wav", "t/b/a.wav")
    assert found == {"t/a.wav": ["one"], "t/b/a.wav": ["two"]}


@pytest.mark.parametrize(
    ("row", "files"),
    [
        ("a.wav", ["r/a.wav", "s/a.wav"]),
        ("a", ["r/a.wav", "r/a.mp3"]),
        ("a.wav", ["a.wav", "t/a.wav"]),
    ],
)
def test_an_ambiguous_name_is_refused(row, files):
    with pytest.raises(AffuseError, match="line 2: .* may be .* write the absolute"):
        match(f"file,text\n{row},hi\n", recordings(*files))


def test_rows_and_recordings_without_a_partner_are_counted():
    table = "file,text\na.wav,hi\nx.wav,one\ny/b.wav,two\n"
    results, said = match(table, recordings("a.wav", "b.wav", "c.wav"))
    assert results["b.wav"].texts == ()
    rows, files = said
    assert rows.startswith(
        "rows of the transcripts match no recording (number: 2, first: 'x.wav'); write "
    )
    assert files == (
        "recordings have no row in the transcripts (number: 2, first: 'b.wav')"
    )


def test_paths_that_cannot_be_used_stay_and_match_no_row():
    gone = PredictedSegment("a.wav", reason="gone")
    results, said = match("file,text\na.wav,hi\n", [gone])
    assert results == {"a.wav": gone}
    (sentence,) = said
    assert "match no recording (number: 1, first: 'a.wav')" in sentence


# Spans


def test_spans_are_sorted_by_time_and_repeated_rows_are_read_once():
    table = (
        "file\tstart\tend\ttext\n"
        "a.wav\t2\t3500ms\ttwo\na.wav\t0\t00:00:02\tone\na.wav\t2\t3.5\ttwo\n"
        "a.wav\t3.5\t\tNaN\n"
    )
    results, said = match(table, recordings("a.wav"))
    assert said == []
    assert results["a.wav"].texts == (
        TimedText("one", (0.0, 2.0)),
        TimedText("two", (2.0, 3.5)),
        TimedText(None, (3.5, None)),
    )


def test_a_duration_is_an_end():
    results, _ = match("file,start,duration,text\na,1,2,hi\n", recordings("a.wav"))
    assert results["a.wav"].texts == (TimedText("hi", (1.0, 3.0)),)


@pytest.mark.parametrize(
    "rows", ["a.wav,,,hi\na.wav,,,ho\n", "a.wav,,,hi\na.wav,1,2,hi\n"]
)
def test_several_texts_for_the_same_time_are_a_reason(rows):
    assert reason(f"file,start,end,text\n{rows}") == (
        "has several texts for the same time in the transcripts (lines 2, 3); leave "
        "one, or give a start and an end for each"
    )
    assert "lines 2, 3" in reason("file,start,end,text\na.wav,1,2,hi\na.wav,1,2,ho\n")


# Tables that are not as they should be


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("a.wav,2,1,hi", "row is left out: its end, 1 s, is not after its start, 2 s"),
        ("a.wav,soon,1,hi", "row is left out: time 'soon' is none of"),
        (",0,1,hi", "row is left out: it names no file"),
        ("a.wav,hi", "row has 2 cells, the header has 4"),
        ("a.wav,0,1,hi,ho", "row has 5 cells, the header has 4"),
    ],
)
def test_a_row_that_cannot_be_used_is_named_and_left_out(row, problem):
    table = f"file,start,end,text\nb.wav,0,1,ho\n{row}\n"
    results, said = match(table, recordings("a.wav", "b.wav"))
    assert said[0].startswith(f"table.csv:3: {problem}")
    assert results["a.wav"].texts == ()
    assert results["b.wav"].texts == (TimedText("ho", (0.0, 1.0)),)


def test_an_encoding_that_is_a_guess_is_said():
    path = manifest_tables.write(
        Path("t"), "file;text\na.wav;caf\u00e9\n", encoding="cp1252"
    )
    table = transcripts.read(path)
    assert [row.text.text for row in table.rows] == ["caf\u00e9"]
    assert "not in UTF-8, so read as cp1252" in table.notes[0]


@pytest.mark.parametrize("header", ["file,valence", "name,text", "file,path,text"])
def test_a_table_without_the_columns_is_refused(header):
    path = manifest_tables.write(Path("t"), f"{header}\na,b,c\n")
    with pytest.raises(OptionError, match="name one column file and one text"):
        transcripts.read(path)


def test_columns_that_are_not_used_may_have_any_name():
    assert texts("file,text,v,val,split\na.wav,hi,1,2,x\n", "a.wav") == {
        "a.wav": ["hi"]
    }


@pytest.mark.parametrize("content", [b"", b"\x00\x01\x02", b"PK\x03\x04", b'{"a": 1}'])
def test_a_file_that_is_no_table_is_refused(content):
    Path("table.csv").write_bytes(content)
    with pytest.raises(AffuseError, match="table.csv"):
        transcripts.read(Path("table.csv"))


@pytest.mark.parametrize("kind", [*FILE_KINDS, "folder"])
def test_an_irregular_table_is_refused(kind):
    path = put_irregular_file(Path("table.csv"), kind)
    with fail_if_slow(), pytest.raises(AffuseError, match="no regular file"):
        transcripts.read(path)


def test_columns_of_other_names_are_mapped():
    path = manifest_tables.write(Path("t"), "clip,words,von,text\na.wav,hi,1,no\n")
    columns = ("file=clip", "text=words", "start=von")
    (row,) = transcripts.read(path, columns).rows
    assert (row.file, row.text.text, row.text.span) == ("a.wav", "hi", (1.0, None))


@pytest.mark.parametrize(
    ("column", "said"),
    [
        ("valence=v", "has no role 'valence'; choose from file, text, "),
        ("text", "write ROLE=COLUMN"),
        ("text=words", "table.csv has no columns 'words' for the role text"),
    ],
)
def test_a_wrong_map_of_transcripts_is_refused(column, said):
    path = manifest_tables.write(Path("t"), "file,text\na.wav,hi\n")
    with pytest.raises(OptionError, match=said):
        transcripts.read(path, [column])
