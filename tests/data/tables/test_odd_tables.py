"""Irregular tables: notes name skipped rows and ambiguous cells."""

import csv
import io

import pytest

from affuse.data.corpora import manifest
from affuse.data.errors import AffuseError
from affuse.data.options.source_options import CorpusSource
from affuse.data.reading import corpus_reading
from affuse.data.tables import quoted_records


def read(folder, *lines, **options):
    (folder / "table.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return manifest.read(folder, **options)


def notes(corpus):
    return [p.reason for p in corpus.problems if not p.fatal]


def texts(corpus):
    return [u.text for u in corpus.utterances]


def test_a_repeated_header_line_is_skipped_with_a_note(tmp_path):
    corpus = read(tmp_path, "Text, speaker", "hi,ann", "Text ,speaker", "ho,ben")
    assert texts(corpus) == ["hi", "ho"]
    (note,) = corpus.problems
    assert (note.line, note.fatal) == (3, False)
    assert note.reason == "row repeats the names of the columns, so it is skipped"


def test_a_row_with_surplus_empty_cells_is_noted(tmp_path):
    corpus = read(tmp_path, "text,speaker", "well, no,", "hi,ann")
    assert [u.speaker for u in corpus.utterances] == ["no", "ann"]
    (note,) = notes(corpus)
    assert note.startswith(
        "a row has more cells than the header, of which the last are empty and not "
        "read (rows: 1, at line 2); if a text holds the delimiter, put it in quotation"
    )


def test_a_delimiter_at_the_end_of_every_row_is_not_noted(tmp_path):
    assert notes(read(tmp_path, "text,speaker", "hi,ann,", "ho,ben,")) == []


def test_quotation_marks_with_blanks_around_them_are_noted(tmp_path):
    corpus = read(tmp_path, "text, speaker", '"hi", ann', ' "ho", ben')
    assert texts(corpus) == ["hi", '"ho"']
    (note,) = notes(corpus)
    assert note.startswith(
        "blanks stand before or after the quotation marks of a cell, so the marks are "
        "part of its text (rows: 1, at line 3)"
    )


def test_null_characters_are_noted(tmp_path):
    (note,) = notes(read(tmp_path, "text,speaker", "h\0i,ann", "ho,ben"))
    assert note.startswith("a row holds null characters (U+0000) (rows: 1, at line 2)")


def test_a_table_without_rows_is_refused_or_noted(tmp_path):
    (tmp_path / "table.csv").write_text("text\n")
    with pytest.raises(AffuseError, match="no row follows the line that names"):
        corpus_reading.read(CorpusSource(corpus="manifest", root=tmp_path))
    (tmp_path / "table.csv").unlink()
    (tmp_path / "x.train.csv").write_text("text\nhi\n")
    (tmp_path / "x.test.csv").write_text("text\n")
    (note,) = manifest.read(tmp_path).problems
    assert (note.file, note.fatal) == ("x.test.csv", False)


@pytest.mark.parametrize(
    "header", ["text|speaker", "sep=;", "# made by hand", "text speaker", "My corpus"]
)
def test_a_table_without_known_columns_is_refused_with_advice(tmp_path, header):
    with pytest.raises(AffuseError, match=f"among {header.strip(';')}.*let the first"):
        read(tmp_path, header, "hi|ann")


def test_a_long_header_is_abbreviated_in_the_error(tmp_path):
    with pytest.raises(AffuseError) as caught:
        read(tmp_path, ",".join(f"column{i}" * 30 for i in range(1_000)), "hi")
    assert len(str(caught.value)) < 4_000
    assert "and 970 more" in str(caught.value)


@pytest.mark.parametrize(
    ("header", "values"),
    [
        ("text,wav/a.wav,3.5", "'wav/a.wav', '3.5' look like"),
        ("text,4", "'4' looks like"),
        ("text,v1", ""),
    ],
)
def test_a_first_line_that_looks_like_a_row_gets_a_question(tmp_path, header, values):
    rows = header.replace("text", "hi")
    asked = [x for x in read(tmp_path, header, rows).reading if "first line" in x]
    assert [values in line for line in asked] == [True] * bool(values)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("#NAME?", "'#NAME?', an error of a spreadsheet, is read as a text (rows: 1)"),
        (
            "gr\ufffd\ufffd",
            "texts hold U+FFFD, which stands for a character that was l",
        ),
        ("None of them", ""),
    ],
)
def test_spreadsheet_errors_and_lost_characters_are_counted(tmp_path, text, reason):
    corpus = read(tmp_path, "text,speaker", "hi,ann", f"{text},ben")
    assert texts(corpus) == ["hi", text]
    assert [note.startswith(reason) for note in notes(corpus)] == [True] * bool(reason)


def test_a_text_of_invisible_characters_is_empty(tmp_path):
    (tmp_path / "a.wav").touch()
    corpus = read(tmp_path, "file,text", "a.wav,\u200b\ufeff", ",hi")
    assert texts(corpus) == ["", "hi"]
    (note,) = notes(corpus)
    assert note.endswith("that can be seen count as empty (rows: 1)")


def test_ends_without_a_start_are_counted(tmp_path):
    (tmp_path / "a.wav").touch()
    rows = ("a.wav,1,2", "a.wav,,2", "a.wav,,")
    (note,) = notes(read(tmp_path, "file,start,end", *rows))
    assert note == "an end is stated, but no start (rows: 1); it is read as 0"
    assert notes(read(tmp_path, "file,start,end", "a.wav,,", "a.wav,,2")) == []


@pytest.mark.parametrize("role", ["speaker", "session", "dialogue"])
@pytest.mark.parametrize(
    ("names", "reason"),
    [
        (
            ("Ann", "ann", "ANN"),
            "a {0} is spelt in several ways, each taken as one, such as 'ANN' and 'Ann'"
            " and 'ann' ({0}s: 1, rows: 3)",
        ),
        (
            ("1", "01", "1.0"),
            "names of a {0} are one number in several spellings, each taken as another "
            "{0}, such as '01' and '1' and '1.0' (numbers: 1, rows: 3); write them",
        ),
        (("1", "2", "10"), ""),
        (("1.5", "15", "A1"), ""),
    ],
)
def test_several_spellings_of_a_name_are_counted(tmp_path, role, names, reason):
    rows = [f"text {i},{name}" for i, name in enumerate(names)]
    found = notes(read(tmp_path, f"text,{role}", *rows))
    wanted = reason.format(role)
    assert [note.startswith(wanted) for note in found] == [True] * bool(reason)


@pytest.mark.parametrize("word", ["", "NA"])
def test_rows_without_a_split_are_counted_if_others_have_one(tmp_path, word):
    rows = ("a,train", f"b,{word}", "c,test")
    (note,) = notes(read(tmp_path, "text,split", *rows))
    assert note == (
        "no split is stated (rows: 1), so protocol official uses none of these rows"
    )


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("https://example.org/a.wav", "'https:/example.org/a.wav' is an address"),
        ("file:///data/a.wav", "'file:/data/a.wav' is an address"),
        ("s3://bucket/a.wav", "is an address, and only files below the folder"),
        (".", "audio path '.' names no file"),
        ("link.wav", "'link.wav' is a link to 'gone.wav', which is not there; fetch"),
    ],
)
def test_an_unusable_path_is_a_problem_with_its_reason(tmp_path, path, reason):
    (tmp_path / "link.wav").symlink_to("gone.wav")
    (problem,) = read(tmp_path, "file,text", f"{path},hi").problems
    assert reason in problem.reason
    assert problem.fatal


def test_tables_in_unsupported_formats_are_noted(tmp_path):
    for name in ("x.test.parquet", "x.test.csv.gz"):
        (tmp_path / name).touch()
    (tmp_path / "x.train.csv").write_text("text\nhi\n")
    (problem,) = manifest.read(tmp_path).problems
    assert "are not read (files: 2): 'x.test.csv.gz', 'x.test.parquet'" in (
        problem.reason
    )
    assert manifest.read(tmp_path / "x.train.csv").problems == ()


PLAIN = [
    "a,b,c",
    "",
    "   ",
    ",,",
    " a , b,c ",
    "1.5,\u00e9,x'y",
    "a,b",
    "a,b,c,d",
    "a\tb,c,d;e",
]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("quoted", ["", '"x, y",z,"1"', 'a,"b', '"p\nq",r,s'])
def test_lines_without_quotation_marks_are_read_as_the_csv_module_does(end, quoted):
    text = end.join([*PLAIN, *filter(None, [quoted]), *PLAIN]) + end
    lines = io.StringIO(text, newline="").readlines()
    found = [record.cells for record in quoted_records.records(lines, ",")]
    if quoted != 'a,"b':  # a mark that nothing closes, which csv reads differently
        rows = csv.reader(io.StringIO(text, newline=""), strict=True)
        assert found == [row for row in rows if any(map(str.strip, row))]
    plain = [line.split(",") for line in PLAIN if line.strip(" ,")]
    assert found[: len(plain)] == found[-len(plain) :] == plain


def test_lines_are_counted_through_quoted_and_plain_records():
    lines = ["a,b\n", '"1\n', '2",3\n', "\n", "4,5\n", '"6",7']
    found = quoted_records.records(lines, ",", 2)
    assert [(record.line, record.is_plain) for record in found] == [
        (1, True),
        (2, False),
        (5, True),
        (6, False),
    ]
