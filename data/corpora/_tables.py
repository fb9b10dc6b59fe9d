"""Delimited tables: which of a folder to read, how they are encoded, their rows."""

import codecs
import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from data.corpora import _cells
from data.errors import AffuseError, OptionError
from data.system.regular import TABLE, open_regular, open_text
from data.utterance import Problem

SUFFIXES = (".csv", ".tsv")
PREFIX = "db."  # of the tables in an audformat folder
DELIMITERS = ",;\t"
BYTE_ORDER_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


@dataclass(frozen=True)
class Table:
    """One table, of which `rows` reads one after another."""

    path: Path
    encoding: str
    delimiter: str
    header: tuple[str, ...]
    notes: tuple[Problem, ...] = ()

    def rows(self) -> Iterator[tuple[int, list[str]] | Problem]:
        """Rows under the header, with the line each starts at, or what is wrong."""
        records = _records(self.path, self.encoding, self.delimiter)
        next(records)  # the header
        width = len(self.header)
        for line, cells in records:
            if isinstance(cells, csv.Error):
                yield Problem(self.path.name, f"row is not readable: {cells}", line)
            elif len(cells) < width or any(cells[width:]):
                reason = (
                    f"row has {len(cells)} cells, the header has {width}; put quotes "
                    f"round cells that hold {self.delimiter!r} or a line break"
                )
                yield Problem(self.path.name, reason, line)
            else:
                yield line, cells


def load(path: Path) -> Table:
    """Read a table; the first line that is not blank names its columns.

    Raises:
        AffuseError: if there is no such line, the encoding is unknown, or it is a pipe
            or a device
    """
    encoding, notes = _encoding(path)
    with open_text(path, limit=TABLE, encoding=encoding, newline=None) as file:
        first = next(filter(str.strip, file), "")
    # Names rarely hold a delimiter, texts often do: the header decides
    delimiter = max(DELIMITERS, key=first.count)
    _, header = next(_records(path, encoding, delimiter), (0, []))
    if isinstance(header, csv.Error) or not header:
        raise AffuseError(f"{path} is empty; its first line should name the columns")
    return Table(path, encoding, delimiter, tuple(map(str.strip, header)), notes)


def _records(
    path: Path, encoding: str, delimiter: str
) -> Iterator[tuple[int, list[str]] | tuple[int, csv.Error]]:
    """Every record that is not blank, with the line it starts at."""
    with open_text(path, limit=TABLE, encoding=encoding, newline="") as file:
        reader = csv.reader(file, delimiter=delimiter)
        while True:
            line = reader.line_num + 1
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                yield line, error
            else:
                if any(map(str.strip, cells)):
                    yield line, cells


def _encoding(path: Path) -> tuple[str, tuple[Problem, ...]]:
    """The first encoding that all of a table is in, and a note if it is a guess."""
    with open_regular(path, limit=TABLE) as file:
        marked = file.read(2) in BYTE_ORDER_MARKS
    wanted = "utf-16" if marked else "utf-8-sig"
    line = _undecodable(path, wanted)
    if not line:
        return wanted, ()
    if _undecodable(path, "cp1252"):
        raise AffuseError(f"{path} is neither in UTF-8 nor in cp1252; save it in UTF-8")
    reason = "not in UTF-8, so read as cp1252; save it in UTF-8"
    return "cp1252", (Problem(path.name, reason, line, fatal=False),)


def _undecodable(path: Path, encoding: str) -> int:
    """The first line that is not in an encoding; 0 if there is none."""
    decoder = codecs.getincrementaldecoder(encoding)()
    number = 0
    try:
        with open_regular(path, limit=TABLE) as file:
            for line in file:
                number += 1
                decoder.decode(line)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return number
    return 0


def find(root: Path, table: str = "") -> list[tuple[Path, str]]:
    """The files of one table, each with the split that its name states.

    Args:
        root: a table, or a folder with tables
        table: in a folder, which one: ``emotion`` is ``emotion.csv``, or else all of
            ``emotion.train.csv``, ``emotion.dev.csv``, ``emotion.test.gold.csv``; an
            audformat folder's ``db.`` may be left out

    Returns:
        paths and splits; the split is empty where one file is the whole table

    Raises:
        FileNotFoundError: if there is no such file, or no table in the folder
        AffuseError: if there are several and `table` does not say which
    """
    if root.exists() and not root.is_dir():
        if table:
            raise OptionError(
                f"{root} is one table, so {table!r} cannot be chosen from it; "
                f"give its folder, or no name"
            )
        return [(root, "")]
    tables = _tables(root)
    wanted = _name(table)
    if wanted in tables:
        return [(tables[wanted], "")]
    families = {name: _family(name) for name in tables}
    if not table and len({base for base, _ in families.values()}) == 1:
        wanted, _ = next(iter(families.values()))
    elif not table or wanted not in {base for base, _ in families.values()}:
        raise OptionError(
            f"{root} has the tables {', '.join(tables)}; "
            f"{f'there is no {table!r}, ' if table else ''}name one with --table"
        )
    return _parts(root, {t: s for t, (b, s) in families.items() if b == wanted}, tables)


def _parts(
    root: Path, splits: dict[str, str], tables: dict[str, Path]
) -> list[tuple[Path, str]]:
    """One table in several files: every split once."""
    if len(splits) == 1:
        return [(tables[name], "") for name in splits]
    if "" in splits.values() or len(set(splits.values())) < len(splits):
        raise AffuseError(
            f"{root} has several tables for one split: {', '.join(splits)}; "
            f"name one with --table, or move the others away"
        )
    return [(tables[name], split) for name, split in splits.items()]


def _tables(root: Path) -> dict[str, Path]:
    """All tables of a folder by name, sorted."""
    if not root.is_dir():
        raise FileNotFoundError(f"{root} not found; give a CSV file, or its folder")
    prefix = PREFIX if (root / "db.yaml").is_file() else ""
    files = [p for p in root.iterdir() if not p.is_dir() and p.name[0] != "."]
    files = sorted(p for p in files if p.name.startswith(prefix))
    tables = {_name(p.name): p for p in files if p.suffix.lower() in SUFFIXES}
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
    stem, suffix = Path(file).stem, Path(file).suffix
    return (stem if suffix.lower() in SUFFIXES else file).removeprefix(PREFIX)


def _family(name: str) -> tuple[str, str]:
    """('emotion', 'test') of ``emotion.test.gold_standard``."""
    parts = name.split(".")
    for place, part in enumerate(parts):
        if part.lower() in _cells.SPLITS:
            return ".".join(parts[:place]), _cells.split(part)
    return name, ""
