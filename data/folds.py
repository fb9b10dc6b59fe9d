"""The folds of a run as they were used: who was in which part of which fold."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from data.errors import DamagedFileError
from data.rows import DAMAGED, read_rows, write_rows
from data.spelling import unify, variants
from data.system.regular import TABLE, open_regular

FOLDS = "folds.csv"
PARTS = ("train", "validation", "test")
FOLD_COLUMNS = ("fold", "part", "id", "speaker", "dialogue", "scripted")
MORE_COLUMNS = ("sex", "session")  # after them, if either is known
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


def write_folds(folder: Path, rows: Iterable[FoldRow]) -> None:
    """Publish folds.csv, in the order of `rows`."""
    written = {value: text for text, value in SCRIPTED.items()}
    ordered = list(rows)
    more = MORE_COLUMNS if any(r.sex or r.session for r in ordered) else ()
    write_rows(
        folder / FOLDS,
        (*FOLD_COLUMNS, *more),
        (
            (
                *(r.fold, r.part, r.id, r.speaker, r.dialogue, written[r.scripted]),
                *(getattr(r, name) for name in more),
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
    path = folder / FOLDS
    found = list[FoldRow]()
    for line, row in read_rows(path, (*FOLD_COLUMNS, *_more(path))):
        fold, part, id_, speaker, dialogue, scripted, *more = row
        if part not in PARTS or scripted not in SCRIPTED:
            raise DamagedFileError(
                f"{path}, line {line}: part {part!r} must be one of "
                f"{', '.join(PARTS)}, and scripted {scripted!r} 1, 0 or empty; "
                f"{DAMAGED}"
            )
        known = FoldRow(fold, part, id_, speaker, dialogue, SCRIPTED[scripted], *more)
        found.append(known)
    if several := variants(row.speaker for row in found):
        log.warning(
            "%s: speakers spelt in several ways, each taken as one: %d, such as %s",
            path,
            len(several),
            " and ".join(map(repr, next(iter(several.values())))),
        )
    return unify(found)


def _more(path: Path) -> tuple[str, ...]:
    """Return the columns that not every file has, if this one has them."""
    if not path.is_file():
        return ()  # which its reader will say
    with open_regular(path, limit=TABLE) as file:
        names = file.readline(1_000).decode(errors="replace").rstrip().split(",")
    return MORE_COLUMNS if tuple(names[-2:]) == MORE_COLUMNS else ()
