"""A corpus of one's own: a table of files or texts, with or without ratings.

Any CSV or TSV table with a header line will do, as will an audformat folder. Columns
are found by the usual names (`data.corpora._columns.ALIASES`), and others are kept as
text (`data.corpora._extra_columns`); paths are relative to the folder of the table. A
file ``affuse.json`` beside it may hold what the table
cannot say: ``{"nature": "human", "scale": [1, 5], "map": {"valence": "mean_v"}}``.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from data import extra_columns, nature
from data.corpora import (
    _cells,
    _column_lines,
    _extra_columns,
    _paths,
    _rows,
    _scales,
    _split_names,
    _tables,
)
from data.corpora._extra_columns import Columns
from data.corpora._identities import Identities, fallback
from data.corpora._manifest_sample import sample as sample
from data.corpora._name_spellings import NameSpellings
from data.corpora._tables import Table
from data.corpora._text_cells import TextCells
from data.corpora._words import Words
from data.errors import AffuseError, DamagedFileError
from data.output import printable
from data.ratings import RATINGS
from data.system.documents import read_json
from data.system.schema import ListOf, MapOf, Number, Plain, Record, Text
from data.utterance import Corpus, Problem, Utterance

SIDECAR = Record(  # `data.nature` reads its nature
    {},
    {"scale": ListOf(Number(), least=2, most=2), "map": MapOf(Text(1_000))},
    others=Plain(),
)


def read(
    root: Path,
    *,
    columns: Mapping[str, str] = {},
    scale: tuple[float, float] | None = None,
    table: str = "",
    name: str = "",
) -> Corpus:
    """Read the utterances of a table, in its order.

    Args:
        root: the table, or its folder
        columns: role to column name, where the header's own names do not say
        scale: lowest and highest nominal rating; never guessed from the values
        table: which of several tables in the folder, without ``.csv``
        name: of the corpus; by default that of the folder or file

    Returns:
        the corpus; rows with something wrong in them are among its problems

    Raises:
        FileNotFoundError: if there is no table
        AffuseError: if it is unclear which table or columns to read, if there are
            ratings without a scale, or if many of them lie outside it
    """
    files = _tables.find(root, table)
    folder = root if root.is_dir() else root.parent
    stated_scale, stated_columns = _sidecar(folder)
    scale = scale or stated_scale
    tables = [_tables.load(path) for path, _ in files]
    wanted = {**stated_columns, **columns}
    sorting = _extra_columns.sort(tables, wanted)
    left_out = {role for role, column in wanted.items() if not column}
    identities = Identities(zip(tables, sorting.tables, strict=True))
    rows = _Gathered(folder, scale, identities)
    for table_, sorted_, (_, split) in zip(tables, sorting.tables, files, strict=True):
        rows.read(table_, sorted_, split)
    names = ", ".join(path.name for path, _ in files)
    utterances, split_notes = _split_names.settled([*rows.found.values()], names)
    stem = root.resolve().name if root.is_dir() else root.stem
    protocol = _split_names.protocol(utterances)
    return Corpus(
        name=_slug(name or stem),
        root=folder,
        utterances=utterances,
        scale=scale,
        protocol=protocol,
        problems=(
            *rows.problems,
            *_tables.unread(root),
            *(note for counter in rows.counters for note in counter.notes(names)),
            *split_notes,
            *_extra_columns.notes(sorting.dropped, names),
            *_scales.compared(utterances, scale, names),
        ),
        nature=nature.stated(folder),
        reading=(
            *_column_lines.lines(tables, sorting, left_out),
            *_column_lines.lacking(utterances, protocol, left_out),
        ),
    )


class _Gathered:
    """Rows of one or several tables, gathered: utterances by id, and problems."""

    def __init__(
        self,
        folder: Path,
        scale: tuple[float, float] | None,
        identities: Identities,
    ) -> None:
        self.folder = _paths.Folder(folder)
        self.scale = scale
        self.identities = identities
        self.found: dict[str, Utterance] = {}
        self.problems: list[Problem] = []
        self.counters = (Words(), TextCells(), NameSpellings())

    def read(self, table: Table, columns: Columns, split: str) -> None:
        """Add the rows of one table, which are of `split` unless they say it."""
        self.problems += table.notes
        roles = columns.roles
        if self.scale is None and (rated := [r for r in RATINGS if r in roles]):
            raise AffuseError(
                f"{table.path} has ratings ({', '.join(rated)}), but their scale is "
                f"not known; give its lowest and highest value with --scale 1 5, or as "
                f'"scale": [1, 5] in {nature.SIDECAR} beside the table'
            )
        is_empty = True
        for row in table.rows():
            is_empty = False
            if isinstance(row, Problem):
                self.problems.append(row)
                continue
            line, values = row
            cells = {role: values[place].strip() for role, place in roles.items()}
            if "text" in roles:
                cells["text"] = values[roles["text"]]  # as released
            cells["split"] = _cells.split(cells.get("split", "")) or split
            others = {
                n: _extra_columns.cell(values[i]) for n, i in columns.kept.items()
            }
            for counter in self.counters:
                counter.count(cells)
            if "id" in cells:
                cells["id"] = printable(cells["id"])
            self._add(cells, extra_columns.mapping(others), table, line)
        if is_empty:
            reason = "no row follows the line that names the columns"
            self.problems.append(Problem(table.path.name, reason, fatal=False))

    def _add(
        self,
        cells: Mapping[str, str],
        others: Mapping[str, str],
        table: Table,
        line: int,
    ) -> None:
        path = table.path
        record, wrong = _rows.utterance(
            cells,
            others,
            folder=self.folder,
            identities=self.identities,
            fallback=fallback(table, line),
        )
        name = record.id if record else cells.get("id", "")
        known = self.found.setdefault(name, record) if record else None
        note = ""
        if record and known and known is not record:
            note = _repetition(known, record)
            if not note:
                wrong.append(
                    "an earlier row has the same id and other content, so this one is "
                    "left out; correct it, or add a column of ids"
                )
        self.problems += [Problem(path.name, w, line, name) for w in wrong]
        if note:
            self.problems.append(Problem(path.name, note, line, name, fatal=False))


def _repetition(known: Utterance, record: Utterance) -> str:
    """Return a sentence if a row repeats an earlier one; "" if it contradicts it."""
    if replace(record, columns=known.columns) != known:
        return ""
    names = {**known.columns, **record.columns}
    differ = [n for n in names if known.columns.get(n) != record.columns.get(n)]
    but = f" but for {', '.join(map(repr, differ))}" if differ else ""
    return f"row repeats an earlier one{but}, so it is skipped"


def _sidecar(folder: Path) -> tuple[tuple[float, float] | None, dict[str, str]]:
    """Scale and columns that the folder itself states."""
    path = folder / nature.SIDECAR
    if not path.exists():
        return None, {}
    try:
        known = read_json(path, SIDECAR, advice="correct it", limit=nature.LARGEST)
    except DamagedFileError as error:
        raise AffuseError(
            f'{path} may hold "scale": [lowest, highest] and "map": {{role: column}}, '
            f"but {error}"
        ) from error
    scale = known.get("scale")
    return scale and (float(scale[0]), float(scale[1])), known.get("map", {})


def _slug(name: str) -> str:
    """Return a name that can be part of a path."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.") or "manifest"
