"""Reader of a user's own corpus: a table of audio files or texts, rated or not.

The corpus is a CSV or TSV table with a header line, or an audformat folder. Columns are
found by the usual names (`affuse.data.tables.column_roles.ALIASES`), and others are
kept as text (`affuse.data.tables.unread_columns`). Paths are relative to the folder of
the table, or to a folder of recordings that the user names. A file ``affuse.json``
beside the table may state what the table cannot hold:
``{"nature": "human", "scale": [1, 5], "map": {"valence": "mean_v"}}``. A role may be
mapped to the columns of several raters: ``{"valence": "a1_v,a2_v,a3_v"}``.
"""

import re
from collections.abc import Mapping, Sequence
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
from affuse.data.corpora.manifest.rater_cells import RaterCells
from affuse.data.corpora.manifest.row_ids import Identities, fallback_id
from affuse.data.corpus_facts import CorpusFacts
from affuse.data.errors import AffuseError, DamagedFileError
from affuse.data.rating_scales import RATINGS
from affuse.data.records import Corpus, Problem, Utterance
from affuse.data.system.documents import read_json
from affuse.data.system.schema import ListOf, MapOf, Number, Plain, Record, Text
from affuse.data.tables import cell_values, delimited_tables, unread_columns
from affuse.data.tables.column_roles import NoInputError
from affuse.data.tables.delimited_tables import DelimitedTable
from affuse.data.tables.unread_columns import Columns
from affuse.data.terminal import printable

SIDECAR = Record(  # `affuse.data.rating_kinds` reads its key "nature"
    {},
    {"scale": ListOf(Number(), least=2, most=2), "map": MapOf(Text(1_000))},
    others=Plain(),
)
FACTS = CorpusFacts(
    title="any table of recordings or texts",
    root="a CSV or TSV table, its folder, or an audformat folder",
    licence="that of the data",
    ratings="those of the table, on the scale that --scale names",
    texts="a column of the table",
    size="that of the table",
)


def read(
    root: Path,
    *,
    columns: Mapping[str, str] = {},
    scale: tuple[float, float] | None = None,
    recordings: Path | None = None,
    table: str = "",
    name: str = "",
) -> Corpus:
    """Return the corpus of a table, with its utterances in the order of the rows.

    Args:
        root: the table, or its folder
        columns: role to column name, where the names in the header are not usual
        scale: lowest and highest nominal rating; never guessed from the values
        recordings: folder that holds the files which the rows name; None for the
            folder of the table
        table: which of several tables in the folder, without ``.csv``
        name: of the corpus; by default that of the folder or file

    Returns:
        the corpus; faulty rows are among its problems

    Raises:
        FileNotFoundError: if there is no table, or no folder of recordings
        AffuseError: if it is unclear which table or columns to read, if there are
            ratings without a scale, or if many of them lie outside the scale
    """
    paths = delimited_tables.find(root, table)
    folder = root if root.is_dir() else root.parent
    sidecar_scale, sidecar_columns = _sidecar(folder)
    scale = scale or sidecar_scale
    tables = [delimited_tables.load(path) for path, _ in paths]
    chosen_columns = {**sidecar_columns, **columns}
    try:
        sorting = unread_columns.sort(tables, chosen_columns)
    except NoInputError as error:
        questions = column_summary.unread_inputs(tables, chosen_columns)
        raise NoInputError(*error.args, *questions) from error
    left_out = {role for role, column in chosen_columns.items() if not column}
    files = audio_paths.below(folder, recordings)
    identities = Identities(zip(tables, sorting.tables, strict=True), files)
    rows = _RowCollection(files, scale, identities)
    for table_, table_columns, (_, split) in zip(
        tables, sorting.tables, paths, strict=True
    ):
        rows.read(table_, table_columns, split)
    names = ", ".join(path.name for path, _ in paths)
    utterances, split_notes = split_names.unify([*rows.utterances.values()], names)
    fallback_name = root.resolve().name if root.is_dir() else root.stem
    protocol = split_names.protocol(utterances)
    return Corpus(
        name=_slug(name or fallback_name),
        root=files.root,
        utterances=utterances,
        scale=scale,
        protocol=protocol,
        problems=(
            *rows.problems,
            *delimited_tables.note_unsupported(root),
            *(note for counter in rows.counters for note in counter.notes(names)),
            *rows.raters.notes(names),
            *split_notes,
            *unread_columns.notes(sorting.dropped, names),
            *scale_checks.compare(utterances, scale, names),
        ),
        nature=rating_kinds.read_nature(folder),
        reading=(*column_summary.lines(tables, sorting, left_out),),
        lacking=(*column_summary.missing_columns(utterances, protocol, left_out),),
    )


class _RowCollection:
    """Utterances by id and problems, collected from the rows of one or more tables."""

    def __init__(
        self,
        folder: audio_paths.Folder,
        scale: tuple[float, float] | None,
        identities: Identities,
    ) -> None:
        self.folder = folder
        self.scale = scale
        self.identities = identities
        self.utterances: dict[str, Utterance] = {}
        self.problems: list[Problem] = []
        self.counters = (Words(), TextCells(), NameSpellings())
        self.raters = RaterCells(scale)

    def read(self, table: DelimitedTable, columns: Columns, split: str) -> None:
        """Add the rows of one table.

        Args:
            table: to read
            columns: of the table
            split: of the rows that state none
        """
        self.problems += table.notes
        known = {*columns.roles, *columns.raters}
        if self.scale is None and (rated := [r for r in RATINGS if r in known]):
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
            self._add(self._values(values, columns, split), table, line)
        if is_empty:
            reason = "no row follows the line that names the columns"
            self.problems.append(Problem(table.path.name, reason, fatal=False))

    def _values(
        self, values: Sequence[str], columns: Columns, split: str
    ) -> row_parsing.RowValues:
        """Return the values of a row by role and column, and count unusual ones."""
        cells = {role: values[place].strip() for role, place in columns.roles.items()}
        if "text" in columns.roles:
            cells["text"] = values[columns.roles["text"]]  # with its outer blanks
        cells["split"] = cell_values.split(cells.get("split", "")) or split
        extra = {n: unread_columns.cell(values[i]) for n, i in columns.kept.items()}
        single = {
            n: [values[i].strip() for i in of] for n, of in columns.raters.items()
        }
        for counter in self.counters:
            counter.count(cells)
        if "id" in cells:
            cells["id"] = printable(cells["id"])
        return row_parsing.RowValues(
            cells, extra_columns.mapping(extra), self.raters.read(single)
        )

    def _add(
        self, values: row_parsing.RowValues, table: DelimitedTable, line: int
    ) -> None:
        path, cells = table.path, values.cells
        record, wrong = row_parsing.utterance(
            values,
            folder=self.folder,
            identities=self.identities,
            fallback=fallback_id(table, line),
        )
        name = record.id if record else cells.get("id", "")
        earlier = self.utterances.setdefault(name, record) if record else None
        note = ""
        if record and earlier and earlier is not record:
            note = _repetition(earlier, record)
            if not note:
                wrong.append(
                    "an earlier row has the same id and other content, so this one is "
                    "left out; correct it, or add a column of ids"
                )
        self.problems += [Problem(path.name, w, line, name) for w in wrong]
        if note:
            self.problems.append(Problem(path.name, note, line, name, fatal=False))


def _repetition(earlier: Utterance, record: Utterance) -> str:
    """Return a sentence if a row repeats an earlier one, or "" if it contradicts it."""
    if replace(record, columns=earlier.columns) != earlier:
        return ""
    names = {**earlier.columns, **record.columns}
    differ = [n for n in names if earlier.columns.get(n) != record.columns.get(n)]
    exception = f" but for {', '.join(map(repr, differ))}" if differ else ""
    return f"row repeats an earlier one{exception}, so it is skipped"


def _sidecar(folder: Path) -> tuple[tuple[float, float] | None, dict[str, str]]:
    """Return the scale and the columns that ``affuse.json`` in the folder states."""
    path = folder / rating_kinds.SIDECAR
    if not path.exists():
        return None, {}
    try:
        content = read_json(
            path, SIDECAR, advice="correct it", limit=rating_kinds.LARGEST
        )
    except DamagedFileError as error:
        raise AffuseError(
            f'{path} may hold "scale": [lowest, highest] and "map": {{role: column}}, '
            f"but {error}"
        ) from error
    scale = content.get("scale")
    return scale and (float(scale[0]), float(scale[1])), content.get("map", {})


def _slug(name: str) -> str:
    """Return a name that can be part of a path."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.") or "manifest"
