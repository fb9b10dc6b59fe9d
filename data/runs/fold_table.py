"""The folds of a run as they were used: who was in which part of which fold."""

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
MORE_COLUMNS = (("sex", "session"), ("recording",))  # after them, each if any is known
EXTRA = "column:"  # before the names of the corpus's own columns, which come last
log = logging.getLogger(__name__)
SCRIPTED = {"1": True, "0": False, "": None}  # as written in folds.csv


@dataclass(frozen=True)
class FoldRow:
    """The place of one utterance in one fold."""

    fold: str
    part: str  # one of PARTS
    id: str
    speaker: str = ""
    dialogue: str = ""
    scripted: bool | None = None  # None: unknown
    sex: str = ""  # "F" or "M"
    session: str = ""
    recording: str = ""  # id of its first utterance; "" if that holds no other one
    columns: Mapping[str, str] = field(default_factory=lambda: NO_COLUMNS, hash=False)


def write_folds(folder: Path, rows: Iterable[FoldRow]) -> None:
    """Publish folds.csv, in the order of `rows`."""
    written = {value: text for text, value in SCRIPTED.items()}
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
                *(r.fold, r.part, r.id, r.speaker, r.dialogue, written[r.scripted]),
                *(getattr(r, name) for name in more),
                *(r.columns.get(name, "") for name in extra),
            )
            for r in ordered
        ),
    )


def read_folds(folder: Path) -> tuple[FoldRow, ...]:
    """Read folds.csv, in the order of the file.

    A speaker that is spelt in several ways is one, which a warning says.

    Raises:
        FileNotFoundError: if there is none
        AffuseError: naming the line that is damaged
    """
    path = RunFolder(folder).folds
    found = list[FoldRow]()
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
        found.append(
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
                columns=mapping({own: more[name] for name, own in extra.items()}),
            )
        )
    if several := variants(row.speaker for row in found):
        log.warning(
            "%s: speakers spelt in several ways, each taken as one: %d, such as %s",
            path,
            len(several),
            " and ".join(map(repr, next(iter(several.values())))),
        )
    return unify(found)


def _more(path: Path) -> Sequence[str]:
    """Return the columns that not every file has, as far as this one has them."""
    if not path.is_file():
        return ()  # which its reader will say
    with open_regular(path, limit=TABLE) as file:
        line = file.readline(LONGEST).decode(errors="replace")
    try:
        names = next(csv.reader([line]), [])
    except csv.Error:
        return ()
    more = [name for more in MORE_COLUMNS if {*more} <= {*names} for name in more]
    return [*more, *dict.fromkeys(name for name in names if name.startswith(EXTRA))]
