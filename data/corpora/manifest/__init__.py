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
from collections.abc import Mapping
from pathlib import Path

from affuse.data import rating_kinds
from affuse.data.corpora.manifest import (
    audio_paths,
    column_summary,
    row_collection,
    scale_checks,
    split_names,
)
from affuse.data.corpora.manifest.manifest_sample import sample as sample
from affuse.data.corpora.manifest.row_ids import Identities
from affuse.data.corpus_facts import CorpusFacts
from affuse.data.errors import AffuseError, DamagedFileError
from affuse.data.records import Corpus
from affuse.data.system.documents import read_json
from affuse.data.system.schema import ListOf, MapOf, Number, Plain, Record, Text
from affuse.data.tables import delimited_tables, unread_columns
from affuse.data.tables.column_roles import NoInputError

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
    rows = row_collection.RowCollection(files, scale, identities)
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
            *split_names.note_shared(utterances, names),
            *split_names.note_unique_speakers(utterances, names),
            *row_collection.note_repeated_parts(utterances, names),
            *unread_columns.notes(sorting.dropped, names),
            *scale_checks.compare(utterances, scale, names),
        ),
        nature=rating_kinds.read_nature(folder),
        reading=(*column_summary.lines(tables, sorting, left_out),),
        lacking=(*column_summary.missing_columns(utterances, protocol, left_out),),
        table=folder,
    )


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
