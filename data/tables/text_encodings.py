"""How a table is encoded, and what is no table at all, by the bytes of the file."""

import codecs
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from affuse.data.errors import AffuseError
from affuse.data.records import Problem
from affuse.data.system.regular_files import TABLE, open_regular

HEAD = 4_096  # bytes that are looked at before anything is decoded
SHOWN = 5  # characters that a note shows
MARKS = (  # byte order mark, and the encoding; that of UTF-32 begins as that of UTF-16
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
    """Lines of a table that are, and that are not, in UTF-8; counted from 1."""

    right: int = 0  # the first that is, and has other characters than ASCII
    wrong: list[int] = field(default_factory=list)
    shown: dict[str, None] = field(default_factory=dict)  # characters in cp1252


def encoding(path: Path) -> tuple[str, tuple[Problem, ...]]:
    """Return the encoding of a table, and a note if it is a guess.

    Args:
        path: of the table

    Raises:
        AffuseError: if it is a file of another kind, in no encoding that is known, or
            in several
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
        found = _lines(path, file)
    if not found.wrong:
        return USUAL, ()
    if found.right:
        raise AffuseError(
            f"{path} is in several encodings: line {found.right} is in UTF-8, line "
            f"{found.wrong[0]} is not (lines: {len(found.wrong)}); save all of it in "
            f"UTF-8"
        )
    characters = ", ".join(map(repr, list(found.shown)[:SHOWN]))
    reason = (
        f"not in UTF-8, so read as {OTHER} (lines: {len(found.wrong)}), with "
        f"characters such as {characters}; save it in UTF-8"
    )
    return OTHER, (Problem(path.name, reason, found.wrong[0], fatal=False),)


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
    """Return which lines are in UTF-8; a line end is no part of a character in it.

    Raises:
        AffuseError: if a line is neither in UTF-8 nor in cp1252
    """
    found = _DecodedLines()
    for number, line in enumerate(file, 1):
        if line.isascii():
            continue
        try:
            line.decode()
        except UnicodeDecodeError:
            found.wrong.append(number)
            text = _other(path, number, line)
            if len(found.shown) < SHOWN:
                found.shown |= dict.fromkeys(c for c in text if not c.isascii())
        else:
            found.right = found.right or number
    return found


def _other(path: Path, number: int, line: bytes) -> str:
    try:
        return line.decode(OTHER)
    except UnicodeDecodeError as error:
        raise AffuseError(
            f"{path} is neither in UTF-8 nor in {OTHER}, at line {number}; save it in "
            f"UTF-8"
        ) from error
