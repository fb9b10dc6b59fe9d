"""Files in other encodings, in several encodings, and in other formats."""

import gzip

import pytest

from affuse.data.corpora import manifest
from affuse.data.errors import AffuseError

TABLE = "text,speaker\nplain,ann\ngrüß dich,Jürgen\n"


def read(folder, content):
    (folder / "table.csv").write_bytes(content)
    return manifest.read(folder)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-32"])
@pytest.mark.parametrize("marks", [0, 1, 2])
def test_byte_order_marks_are_not_part_of_column_names(tmp_path, encoding, marks):
    corpus = read(tmp_path, ("\ufeff" * marks + TABLE).encode(encoding))
    assert [u.text for u in corpus.utterances] == ["plain", "grüß dich"]
    assert corpus.problems == ()


@pytest.mark.parametrize("name", ["\u200btext", "text\u200b", "\u00a0text\u2009"])
def test_invisible_characters_are_not_part_of_column_names(tmp_path, name):
    corpus = read(tmp_path, TABLE.replace("text", name).encode())
    assert [u.text for u in corpus.utterances] == ["plain", "grüß dich"]


def test_a_guessed_encoding_is_noted_with_example_characters(tmp_path):
    corpus = read(tmp_path, TABLE.encode("cp1252"))
    (note,) = corpus.problems
    assert note.reason == (
        "not in UTF-8, so read as cp1252 (lines: 1), with characters such as 'ü', 'ß'; "
        "save it in UTF-8"
    )


def test_a_table_in_two_encodings_is_refused(tmp_path):
    content = TABLE.encode() + "schön,Ann\n".encode("cp1252")
    with pytest.raises(AffuseError, match="3 is in UTF-8, line 4 is not .lines: 1"):
        read(tmp_path, content)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (
            TABLE.encode("utf-16-le"),
            "zero bytes in its first line, as a table in UTF",
        ),
        (TABLE.encode("utf-16") + b"x", "but is not in it at about line 4; save it in"),
        (
            gzip.compress(TABLE.encode(), mtime=0),
            "is compressed, not a delimited table; unpack",
        ),
        (
            b"PK\x03\x04 xl/worksheets",
            "is a workbook .* save the table as CSV in UTF",
        ),
        (b"PAR1 and so on", "is a Parquet file, not a delimited table"),
        (b'{"text": "hi", "file": "a.wav"}\n', "is JSON, not a delimited table; save"),
        (b'[\n {"text": "hi"}]', "is JSON"),
        (b"version https://git-lfs.github.com/spec/v1\n", "fetch it: git lfs pull"),
        (b"<!doctype html>\n<table>", "is a page in HTML or XML"),
    ],
)
def test_a_file_that_is_no_table_is_refused_with_its_kind(tmp_path, content, reason):
    with pytest.raises(AffuseError, match=reason):
        read(tmp_path, content)
