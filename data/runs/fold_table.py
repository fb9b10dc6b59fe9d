"""Table of the folds of a run: the part of each fold that each utterance was in."""

import csv
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from affuse.data.errors import DamagedFileError
from affuse.data.extra_columns import mapping
from affuse.data.name_spellings import unify, variants
from affuse.data.records import NO_COLUMNS
from affuse.data.runs.run_folder import RunFolder
from affuse.data.system.csv_tables import DAMAGED, LONGEST, read_rows, write_rows
from affuse.data.system.regular_files import TABLE, open_regular
from affuse.data.terminal import printable

PARTS = ("train", "validation", "test")
FOLD_COLUMNS = ("fold", "part", "id", "speaker", "dialogue", "scripted")
# Columns after those, each group only if at least one of its values is known.
MORE_COLUMNS = (("sex", "session"), ("recording",))
EXTRA = "column:"  # prefix of the names of the corpus's extra columns, which come last
log = logging.getLogger(__name__)
SCRIPTED = {"1": True, "0": False, "": None}  # value by text in folds.csv


@dataclass(frozen=True)
class FoldRow:
    """Row of the table: one utterance in one fold."""

    fold: str
    part: str  # one of PARTS
    id: str
    speaker: str = ""
    dialogue: str = ""
    scripted: bool | None = None  # None: unknown
    sex: str = ""  # "F" or "M"
    session: str = ""
    recording: str = ""  # id of its first utterance; "" if it has only this utterance
    columns: Mapping[str, str] = field(default_factory=lambda: NO_COLUMNS, hash=False)


def write_folds(folder: Path, rows: Iterable[FoldRow]) -> None:
    """Write folds.csv atomically.

    Args:
        folder: of the run
        rows: in the order of the file
    """
    texts = {value: text for text, value in SCRIPTED.items()}
    ordered = list(rows)
    more = [
        name
        for names in MORE_COLUMNS
        if any(getattr(row, name) for row in ordered for name in names)
        for name in names
    ]
    extra = list(dict.fromkeys(name for row in ordered for name in row.columns))
    write_rows(
        RunFolder(folder).folds,
        (*FOLD_COLUMNS, *more, *(EXTRA + printable(name) for name in extra)),
        (
            (
                *(r.fold, r.part, r.id, r.speaker, r.dialogue, texts[r.scripted]),
                *(getattr(r, name) for name in more),
                *(r.columns.get(name, "") for name in extra),
            )
            for r in ordered
        ),
    )


def read_folds(folder: Path) -> tuple[FoldRow, ...]:
    """Return the rows of folds.csv, in the order of the file.

    Spellings of one speaker's name are unified, with a warning.

    Args:
        folder: of the run

    Raises:
        FileNotFoundError: if there is no folds.csv
        DamagedFileError: if a line is damaged; the message names it
    """
    path = RunFolder(folder).folds
    rows = list[FoldRow]()
    names = _more(path)
    extra = {n: n.removeprefix(EXTRA) for n in names if n.startswith(EXTRA)}
    for line, row in read_rows(path, (*FOLD_COLUMNS, *names)):
        fold, part, id_, speaker, dialogue, scripted, *cells = row
        more = dict(zip(names, cells, strict=True))
        if part not in PARTS or scripted not in SCRIPTED:
            raise DamagedFileError(
                f"{path}, line {line}: part {part!r} must be one of "
                f"{', '.join(PARTS)}, and scripted {scripted!r} 1, 0 or empty; "
                f"{DAMAGED}"
            )
        rows.append(
            FoldRow(
                fold=fold,
                part=part,
                id=id_,
                speaker=speaker,
                dialogue=dialogue,
                scripted=SCRIPTED[scripted],
                sex=more.get("sex", ""),
                session=more.get("session", ""),
                recording=more.get("recording", ""),
                columns=mapping({bare: more[name] for name, bare in extra.items()}),
            )
        )
    if several := variants(row.speaker for row in rows):
        log.warning(
            "%s: speakers spelt in several ways, each taken as one: %d, such as %s",
            path,
            len(several),
            " and ".join(map(repr, next(iter(several.values())))),
        )
    return unify(rows)


def _more(path: Path) -> Sequence[str]:
    """Return the optional columns that a file has, in its order."""
    if not path.is_file():
        return ()  # `read_rows` then raises the error
    with open_regular(path, limit=TABLE) as file:
        line = file.readline(LONGEST).decode(errors="replace")
    try:
        names = next(csv.reader([line]), [])
    except csv.Error:
        return ()
    more = [name for more in MORE_COLUMNS if {*more} <= {*names} for name in more]
    return [*more, *dict.fromkeys(name for name in names if name.startswith(EXTRA))]
