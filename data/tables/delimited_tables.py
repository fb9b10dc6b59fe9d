"""Delimited tables: choice of files in a folder, header, delimiter and rows."""

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from affuse.data.errors import AffuseError, OptionError
from affuse.data.records import Problem
from affuse.data.system.regular_files import TABLE, open_text
from affuse.data.tables import cell_values, text_encodings
from affuse.data.tables.quoted_records import (
    JOINED,
    NULL,
    SPACED,
    UNQUOTED,
    WIDE,
    TableRecord,
    records,
)

SUFFIXES = (".csv", ".tsv")
OTHERS = (  # formats of tables that are not read, but named in a note
    ".parquet", ".arrow", ".feather", ".xlsx", ".xls", ".ods", ".jsonl", ".csv.gz",
    ".tsv.gz", ".csv.zip",
)  # fmt: skip
PREFIX = "db."  # beginning of a table's file name in an audformat folder
DELIMITERS = ",;\t"
SHOWN = 5  # lines that one note names


@dataclass(frozen=True)
class DelimitedTable:
    """Delimited table with its encoding, delimiter and header; `rows` reads it."""

    path: Path
    encoding: str
    delimiter: str
    header: tuple[str, ...]
    notes: tuple[Problem, ...] = ()

    def rows(self) -> Iterator[tuple[int, list[str]] | Problem]:
        """Yield each row under the header with its first line, or its problem.

        Notes on ambiguous rows come last, one for each kind of ambiguity.
        """
        width, first = len(self.header), self.header[0]
        doubts: dict[str, list[int]] = {}
        count = 0
        for record in islice(_records(self, width), 1, None):  # after the header
            line, cells = record.line, record.cells
            count += 1
            is_usual = record.is_plain and len(cells) == width
            for doubt in () if is_usual else record.doubts(width):
                doubts.setdefault(doubt, []).append(line)
            if record.error:
                reason = f"row is not readable: {record.error}"
                yield Problem(self.path.name, reason, line)
            elif len(cells) != width and (len(cells) < width or any(cells[width:])):
                reason = (
                    f"row has {len(cells)} cells, the header has {width}; put quotes "
                    f"round cells that hold {self.delimiter!r} or a line break"
                )
                yield Problem(self.path.name, reason, line)
            elif first in cells[0] and self.header == tuple(map(_bare, cells[:width])):
                reason = "row repeats the names of the columns, so it is skipped"
                yield Problem(self.path.name, reason, line, fatal=False)
            else:
                yield line, cells
        if len(doubts.get(WIDE, ())) == count:
            doubts.pop(WIDE, None)  # then a delimiter ends every row by convention
        for doubt, lines in doubts.items():
            yield _doubt(self.path.name, doubt, lines)


ADVICE = {
    UNQUOTED: "write such a cell in quotation marks, and each mark in it twice",
    JOINED: "if each line is a row, write a mark that begins a text three times, and "
    "close the cell with one",
    SPACED: "remove the blanks before and after such marks",
    WIDE: "if a text holds the delimiter, put it in quotation marks",
    NULL: "the table may be damaged, so compare it with its source",
}


def _doubt(file: str, doubt: str, lines: Sequence[int]) -> Problem:
    """Return one note on all rows with the same ambiguity."""
    listing = ", ".join(map(str, lines[:SHOWN]))
    more = f" and {len(lines) - SHOWN} more" if len(lines) > SHOWN else ""
    reason = f"{doubt} (rows: {len(lines)}, at line {listing}{more}); {ADVICE[doubt]}"
    return Problem(file, reason, fatal=False)


def load(path: Path) -> DelimitedTable:
    """Return a table with its header, the first line that is not blank.

    Args:
        path: of the table

    Raises:
        AffuseError: if the file has no such line, is in no known encoding, or is a
            pipe or a device
    """
    encoding, notes = text_encodings.encoding(path)
    with open_text(path, limit=TABLE, encoding=encoding, newline=None) as file:
        first = next(filter(str.strip, file), "")
    # The header decides, because names rarely contain a delimiter and texts often do.
    delimiter = max(DELIMITERS, key=first.count)
    table = DelimitedTable(path, encoding, delimiter, (), notes)
    header = next(_records(table), TableRecord(0, [])).cells
    if not header:
        raise AffuseError(f"{path} is empty; its first line should name the columns")
    return replace(table, header=tuple(map(_bare, header)))


def _bare(name: str) -> str:
    """Return the name of a column without blanks and invisible characters around it.

    Examples:
        >>> _bare(" text\u200b")
        'text'
    """
    if name.isascii():
        return name.strip()
    margins = {c for c in name if c.isspace() or unicodedata.category(c) == "Cf"}
    return name.strip("".join(margins)) if margins else name


def _records(table: DelimitedTable, width: int = 0) -> Iterator[TableRecord]:
    """Yield each record of a table that is not blank, the header first."""
    path, encoding = table.path, table.encoding
    with open_text(path, limit=TABLE, encoding=encoding, newline="") as file:
        yield from records(file, table.delimiter, width)


def find(root: Path, table: str = "") -> list[tuple[Path, str]]:
    """Return the files of one table, each with the split that its name states.

    Args:
        root: a table, or a folder with tables
        table: in a folder, which one: ``emotion`` is ``emotion.csv``, or else all of
            ``emotion.train.csv``, ``emotion.dev.csv``, ``emotion.test.gold.csv``; an
            audformat folder's ``db.`` may be left out

    Returns:
        paths and splits; the split is "" where one file is the whole table

    Raises:
        FileNotFoundError: if there is no such file, or no table in the folder
        AffuseError: if there are several tables and `table` names none of them
    """
    if root.exists() and not root.is_dir():
        if table:
            raise OptionError(
                f"{root} is one table, so {table!r} cannot be chosen from it; "
                f"give its folder, or no name"
            )
        return [(root, "")]
    tables = _tables(root)
    family = _name(table)
    if family in tables:
        return [(tables[family], "")]
    families = {name: _family(name) for name in tables}
    if not table and len({family for family, _ in families.values()}) == 1:
        family, _ = next(iter(families.values()))
    elif not table or family not in {family for family, _ in families.values()}:
        raise OptionError(
            f"{root} has the tables {', '.join(tables)}; "
            f"{f'there is no {table!r}, ' if table else ''}name one with --table"
        )
    return _parts(root, {t: s for t, (b, s) in families.items() if b == family}, tables)


def note_unsupported(root: Path) -> tuple[Problem, ...]:
    """Return a note on the tables of a folder whose format is not supported.

    Args:
        root: the folder, or a table
    """
    if not root.is_dir():
        return ()
    names = sorted(p.name for p in root.iterdir() if p.name.lower().endswith(OTHERS))
    if not names:
        return ()
    listing = ", ".join(map(repr, names[:SHOWN]))
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    reason = (
        f"tables in other formats than CSV and TSV are not read (files: {len(names)}): "
        f"{listing}{more}; save them as CSV, or leave them if they are not needed"
    )
    return (Problem("", reason, fatal=False),)


def _parts(
    root: Path, splits: dict[str, str], tables: dict[str, Path]
) -> list[tuple[Path, str]]:
    """Return the files of one table that is divided into a file for each split."""
    if len(splits) == 1:
        return [(tables[name], "") for name in splits]
    if "" in splits.values() or len(set(splits.values())) < len(splits):
        raise AffuseError(
            f"{root} has several tables for one split: {', '.join(splits)}; "
            f"name one with --table, or move the others away"
        )
    return [(tables[name], split) for name, split in splits.items()]


def _tables(root: Path) -> dict[str, Path]:
    """Return the tables of a folder by name, sorted."""
    if not root.is_dir():
        raise FileNotFoundError(f"{root} not found; give a CSV file, or its folder")
    prefix = PREFIX if (root / "db.yaml").is_file() else ""
    files = [p for p in root.iterdir() if not p.is_dir() and p.name[0] != "."]
    files = sorted(p for p in files if p.name.startswith(prefix))
    tables: dict[str, Path] = {}
    for path in (p for p in files if p.suffix.lower() in SUFFIXES):
        if (present := tables.setdefault(_name(path.name), path)) != path:
            raise OptionError(
                f"{root} has two tables of one name, {present.name} and {path.name}; "
                f"give the path of one, or move the other away"
            )
    if tables:
        return tables
    if parquet := [p.name for p in files if p.suffix == ".parquet"]:
        raise AffuseError(
            f"{root} has only parquet tables ({', '.join(parquet)}), which are not "
            f"read; save them as CSV (audformat: db.save(root, storage_format='csv'))"
        )
    raise FileNotFoundError(
        f"no table in {root}; it should hold a file that ends in "
        f"{' or '.join(SUFFIXES)}, with a header line"
    )


def _name(file: str) -> str:
    """Return the name of a table from the name of its file."""
    stem, suffix = Path(file).stem, Path(file).suffix
    return (stem if suffix.lower() in SUFFIXES else file).removeprefix(PREFIX)


def _family(name: str) -> tuple[str, str]:
    """Return ('emotion', 'test') for ``emotion.test.gold_standard``."""
    parts = name.split(".")
    for place, part in enumerate(parts):
        if part.lower() in cell_values.SPLITS:
            return ".".join(parts[:place]), cell_values.split(part)
    return name, ""
