"""Location of the files of MSP-IMPROV, also if folders are renamed or nested.

The recordings lie in ``session1/S01A/P`` and the like, with or without a folder
``Audio`` above. The name of the evaluation file is spelt in two ways.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from affuse.data.corpora.msp_improv.improv_grammar import WAV
from affuse.data.release_files import (
    find_child,
    find_copy,
    list_entries,
    list_folders,
    list_names,
)

LABELS = ("evaluation.txt", "evalution.txt")  # the second is a misspelling
AUDIO = "audio"
DEPTH = 2  # levels that the corpus may lie below the user's folder
_SESSION = re.compile(r"session[1-6]", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True)
class ImprovTree:
    """Files of one copy."""

    root: Path
    labels: Path
    wavs: dict[str, Path]  # by id


def survey(root: Path) -> ImprovTree:
    """Find a copy, and list its files; no recording is opened.

    Args:
        root: the corpus, a folder at most two levels above it, or the evaluation file

    Raises:
        FileNotFoundError: if there is no copy, or only a part of one
        AffuseError: if there are several copies, so that the user must name one
    """
    folder, labels = _find(root)
    wavs = {
        match[1]: place / name
        for place in _leaves(folder)
        for name in sorted(list_names(place, WAV))
        if (match := WAV.fullmatch(name))
    }
    if not wavs:
        raise FileNotFoundError(
            f"no recording of MSP-IMPROV in {folder}: looked for "
            f"session1/S01A/P/MSP-IMPROV-S01A-F01-P-FM01.wav and the like, also in a "
            f"folder Audio; name the folder that holds the sessions and Evaluation.txt"
        )
    return ImprovTree(folder, labels, wavs)


def sessions(folder: Path) -> list[Path]:
    """Return the session folders of a copy, sorted by name.

    Args:
        folder: of the copy, with or without a folder ``Audio``
    """
    audio = find_child(folder, AUDIO)
    children = list_folders(audio if audio.is_dir() else folder)
    return [child for child in children if _SESSION.fullmatch(child.name)]


def _find(root: Path) -> tuple[Path, Path]:
    """Return the folder of a copy, and its evaluation file."""
    if root.is_file():
        parents = (root.absolute().parent, root.absolute().parent.parent)
        folder = next((p for p in parents if sessions(p)), parents[0])
        if root.name.lower() in LABELS:
            return folder, root.absolute()
        raise FileNotFoundError(
            f"{root} is not the evaluation file of MSP-IMPROV; name the folder of the "
            f"corpus, or its file Evaluation.txt"
        )
    copy = find_copy(root, _is_copy, depth=DEPTH)
    if copy is None:
        raise FileNotFoundError(
            f"no MSP-IMPROV in {root}: looked there and {DEPTH} folders down for the "
            f"folders session1 to session6 and the file Evaluation.txt; name the "
            f"folder that holds them"
        )
    return copy, next(_labels(copy))


def _labels(folder: Path) -> Iterator[Path]:
    """Yield the evaluation files of a folder, and of the folders in it."""
    for place in (folder, *list_folders(folder)):
        for entry in list_entries(place):
            if entry.name.lower() in LABELS:
                yield place / entry.name


def _is_copy(folder: Path) -> bool:
    return bool(sessions(folder)) and next(_labels(folder), None) is not None


def _leaves(folder: Path) -> Iterator[Path]:
    """Yield the folders that may hold recordings: session, sentence, scenario."""
    for session in sessions(folder):
        for sentence in list_folders(session):
            yield from list_folders(sentence)
