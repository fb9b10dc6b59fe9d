"""Detection of a table's text encoding, and refusal of files that are not tables."""

import codecs
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from affuse.data.errors import AffuseError
from affuse.data.records import Problem
from affuse.data.system.regular_files import TABLE, open_regular

HEAD = 4_096  # bytes that are examined before anything is decoded
SHOWN = 5  # characters that a note shows
MARKS = (  # byte order mark and encoding; UTF-32 first, its mark begins as UTF-16's
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
USUAL, OTHER = "utf-8-sig", "cp1252"
CSV = "save the table as CSV in UTF-8"
KINDS = (  # pattern of the first bytes, what the file is, and what to do
    (rb"PK\x03\x04", "a workbook or another zip archive", CSV),
    (rb"\xd0\xcf\x11\xe0", "a workbook of an old office program", CSV),
    (rb"PAR1", "a Parquet file", CSV),
    (rb"SQLite format 3", "a database", CSV),
    (rb"\x1f\x8b|BZh|\xfd7zXZ|7z\xbc\xaf|\x28\xb5\x2f\xfd", "compressed", "unpack it"),
    (rb"version https://git-lfs", "a pointer of Git LFS", "fetch it: git lfs pull"),
    (rb'\s*(?:\{\s*["}]|\[\s*[\[{\]])', "JSON", CSV),
    (rb"\s*<(?:!DOCTYPE|html|\?xml|table)", "a page in HTML or XML", CSV),
)


@dataclass
class _DecodedLines:
    """Numbers of the lines of a table that are or are not in UTF-8, counted from 1."""

    right: int = 0  # the first line in UTF-8 with a character outside ASCII
    wrong: list[int] = field(default_factory=list)  # lines that are not in UTF-8
    characters: dict[str, None] = field(default_factory=dict)  # examples, in cp1252


def encoding(path: Path) -> tuple[str, tuple[Problem, ...]]:
    """Return the encoding of a table, and a note if the encoding is a guess.

    Args:
        path: of the table

    Raises:
        AffuseError: if the file is of another kind, in no known encoding, or in
            several encodings
    """
    with open_regular(path, limit=TABLE) as file:
        head = file.read(HEAD)
    for pattern, what, advice in KINDS:
        if re.match(pattern, head, re.IGNORECASE):
            raise AffuseError(f"{path} is {what}, not a delimited table; {advice}")
    for mark, name in MARKS:
        if head.startswith(mark):
            _check_marked(path, name)
            return name, ()
    if b"\0" in head.partition(b"\n")[0]:
        raise AffuseError(
            f"{path} has zero bytes in its first line, as a table in UTF-16 without a "
            f"byte order mark has, or a damaged one; save it in UTF-8"
        )
    with open_regular(path, limit=TABLE) as file:
        lines = _lines(path, file)
    if not lines.wrong:
        return USUAL, ()
    if lines.right:
        raise AffuseError(
            f"{path} is in several encodings: line {lines.right} is in UTF-8, line "
            f"{lines.wrong[0]} is not (lines: {len(lines.wrong)}); save all of it in "
            f"UTF-8"
        )
    characters = ", ".join(map(repr, list(lines.characters)[:SHOWN]))
    reason = (
        f"not in UTF-8, so read as {OTHER} (lines: {len(lines.wrong)}), with "
        f"characters such as {characters}; save it in UTF-8"
    )
    return OTHER, (Problem(path.name, reason, lines.wrong[0], fatal=False),)


def _check_marked(path: Path, name: str) -> None:
    """Refuse a file that is not in the encoding that its byte order mark states."""
    decoder, number = codecs.getincrementaldecoder(name)(), 1
    try:
        with open_regular(path, limit=TABLE) as file:
            while block := file.read(HEAD):
                number += decoder.decode(block).count("\n")
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        raise AffuseError(
            f"{path} begins as a table in {name.upper()}, but is not in it at about "
            f"line {number}; save it in UTF-8"
        ) from error


def _lines(path: Path, file: BinaryIO) -> _DecodedLines:
    """Return the numbers of the lines that are or are not in UTF-8.

    Lines can be decoded separately, because no character in UTF-8 contains a line end.

    Raises:
        AffuseError: if a line is neither in UTF-8 nor in cp1252
    """
    lines = _DecodedLines()
    for number, line in enumerate(file, 1):
        if line.isascii():
            continue
        try:
            line.decode()
        except UnicodeDecodeError:
            lines.wrong.append(number)
            text = _decode_other(path, number, line)
            if len(lines.characters) < SHOWN:
                lines.characters |= dict.fromkeys(c for c in text if not c.isascii())
        else:
            lines.right = lines.right or number
    return lines


def _decode_other(path: Path, number: int, line: bytes) -> str:
    """Return a line decoded from cp1252, or raise AffuseError."""
    try:
        return line.decode(OTHER)
    except UnicodeDecodeError as error:
        raise AffuseError(
            f"{path} is neither in UTF-8 nor in {OTHER}, at line {number}; save it in "
            f"UTF-8"
        ) from error
