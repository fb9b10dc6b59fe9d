"""A corpus of one's own: a table of files or texts, with or without ratings.

Any CSV or TSV table with a header line will do, as will an audformat folder. Columns
are found by the usual names (`affuse.data.tables.column_roles.ALIASES`), and others are
kept as text (`affuse.data.tables.unread_columns`); paths are relative to the folder of
the table. A file ``affuse.json`` beside it may hold what the table cannot say:
``{"nature": "human", "scale": [1, 5], "map": {"valence": "mean_v"}}``.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from affuse.data import extra_columns, rating_kinds
from affuse.data.corpora.manifest import (
    audio_paths,
    column_summary,
    row_parsing,
    scale_checks,
    split_names,
)
from affuse.data.corpora.manifest.ambiguous_words import Words
from affuse.data.corpora.manifest.doubtful_texts import TextCells
from affuse.data.corpora.manifest.manifest_sample import sample as sample
from affuse.data.corpora.manifest.name_variants import NameSpellings
from affuse.data.corpora.manifest.row_ids import Identities, fallback
from affuse.data.errors import AffuseError, DamagedFileError
from affuse.data.rating_scales import RATINGS
from affuse.data.records import Corpus, Problem, Utterance
from affuse.data.system.documents import read_json
from affuse.data.system.schema import ListOf, MapOf, Number, Plain, Record, Text
from affuse.data.tables import cell_values, delimited_tables, unread_columns
from affuse.data.tables.delimited_tables import DelimitedTable
from affuse.data.tables.unread_columns import Columns
from affuse.data.terminal import printable

SIDECAR = Record(  # `affuse.data.rating_kinds` reads its nature
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
    files = delimited_tables.find(root, table)
    folder = root if root.is_dir() else root.parent
    stated_scale, stated_columns = _sidecar(folder)
    scale = scale or stated_scale
    tables = [delimited_tables.load(path) for path, _ in files]
    wanted = {**stated_columns, **columns}
    sorting = unread_columns.sort(tables, wanted)
    left_out = {role for role, column in wanted.items() if not column}
    identities = Identities(zip(tables, sorting.tables, strict=True))
    rows = _Gathered(folder, scale, identities)
    for table_, sorted_, (_, split) in zip(tables, sorting.tables, files, strict=True):
        rows.read(table_, sorted_, split)
    names = ", ".join(path.name for path, _ in files)
    utterances, split_notes = split_names.settled([*rows.found.values()], names)
    stem = root.resolve().name if root.is_dir() else root.stem
    protocol = split_names.protocol(utterances)
    return Corpus(
        name=_slug(name or stem),
        root=folder,
        utterances=utterances,
        scale=scale,
        protocol=protocol,
        problems=(
            *rows.problems,
            *delimited_tables.unread(root),
            *(note for counter in rows.counters for note in counter.notes(names)),
            *split_notes,
            *unread_columns.notes(sorting.dropped, names),
            *scale_checks.compared(utterances, scale, names),
        ),
        nature=rating_kinds.stated(folder),
        reading=(
            *column_summary.lines(tables, sorting, left_out),
            *column_summary.lacking(utterances, protocol, left_out),
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
        self.folder = audio_paths.Folder(folder)
        self.scale = scale
        self.identities = identities
        self.found: dict[str, Utterance] = {}
        self.problems: list[Problem] = []
        self.counters = (Words(), TextCells(), NameSpellings())

    def read(self, table: DelimitedTable, columns: Columns, split: str) -> None:
        """Add the rows of one table, which are of `split` unless they say it."""
        self.problems += table.notes
        roles = columns.roles
        if self.scale is None and (rated := [r for r in RATINGS if r in roles]):
            raise AffuseError(
                f"{table.path} has ratings ({', '.join(rated)}), but their scale is "
                f"not known; give its lowest and highest value with --scale 1 5, or as "
                f'"scale": [1, 5] in {rating_kinds.SIDECAR} beside the table'
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
            cells["split"] = cell_values.split(cells.get("split", "")) or split
            others = {
                n: unread_columns.cell(values[i]) for n, i in columns.kept.items()
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
        table: DelimitedTable,
        line: int,
    ) -> None:
        path = table.path
        record, wrong = row_parsing.utterance(
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
    path = folder / rating_kinds.SIDECAR
    if not path.exists():
        return None, {}
    try:
        known = read_json(
            path, SIDECAR, advice="correct it", limit=rating_kinds.LARGEST
        )
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
