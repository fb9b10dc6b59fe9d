"""Location of the files of an IEMOCAP copy, also if it is renamed, nested or partial.

Only the files directly in a known folder count, and their stem must be the name of a
dialogue. This leaves out ``._*`` and ``.DS_Store`` files. It also leaves out the
folders of single raters, whose files have the same names and other contents.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from affuse.data.corpora.iemocap.line_grammar import DIALOGUE, UTTERANCE
from affuse.data.records import Problem
from affuse.data.release_files import (
    find_child,
    find_copy,
    list_entries,
    list_folders,
)

SESSIONS = (1, 2, 3, 4, 5)
JOINED = "IEMOCAP_EmoEvaluation.txt"  # all label files in one, as some copies have it
DEPTH = 2  # levels that the folder of the sessions may lie below the user's folder

_SESSION = re.compile(r"session([1-5])", re.IGNORECASE | re.ASCII)
_DIALOGUE = re.compile(DIALOGUE, re.ASCII)
_TEXT_FILE = re.compile(DIALOGUE + r"\.(?i:txt)", re.ASCII)
_WAV_FILE = re.compile(rf"({UTTERANCE})\.(?i:wav)", re.ASCII)


@dataclass(frozen=True)
class Tree:
    """Files of one copy, in stable order."""

    root: Path  # the folder that holds the sessions
    labels: tuple[Path, ...]
    transcripts: tuple[Path, ...]
    wavs: dict[str, Path]  # by utterance
    problems: tuple[Problem, ...]


def find(root: Path) -> Path:
    """Return the folder of the sessions: `root`, or one at most `DEPTH` below it.

    Args:
        root: the folder that the user named

    Raises:
        FileNotFoundError: if there is no such folder
        AffuseError: if there are several, so that the user must name one
    """
    if folder := find_copy(root, _is_tree, depth=DEPTH):
        return folder
    raise FileNotFoundError(
        f"no IEMOCAP in {root}: looked there and {DEPTH} folders down for "
        f"Session1 to Session5 with dialog/EmoEvaluation in them, or for {JOINED}; "
        f"name the folder that holds the sessions"
    )


def survey(root: Path) -> Tree:
    """List the files of a copy.

    Args:
        root: the folder of the sessions, as `find` returns it

    Raises:
        FileNotFoundError: if there is no label file at all
    """
    labels: list[Path] = []
    transcripts: list[Path] = []
    wavs: dict[str, Path] = {}
    problems: list[Problem] = []
    joined = find_child(root, JOINED)
    sessions: dict[int, Path] = {}
    for number, folder in session_folders(root):
        if number in sessions:
            reason = f"is session {number} again, after {sessions[number].name}"
            problems.append(Problem(folder.name, f"{reason}; left out"))
            continue
        sessions[number] = folder
        files = _text_files(find_child(folder, "dialog", "EmoEvaluation"))
        if not files and not joined.is_file():
            reason = "no label file in dialog/EmoEvaluation; session left out"
            problems.append(Problem(folder.name, reason))
        labels += files
        transcripts += _text_files(find_child(folder, "dialog", "transcriptions"))
        wavs = _wavs(find_child(folder, "sentences", "wav")) | wavs
    if not labels and joined.is_file():
        labels = [joined]
    if not labels:
        raise FileNotFoundError(
            f"no label file in {root}: looked for dialog/EmoEvaluation/Ses*.txt in "
            f"each session and for {JOINED}; copy them from the release"
        )
    if missing := [number for number in SESSIONS if number not in sessions]:
        problems.append(_missing_sessions(missing, present=sorted(sessions)))
    return Tree(root, tuple(labels), tuple(transcripts), wavs, tuple(problems))


def session_folders(folder: Path) -> list[tuple[int, Path]]:
    """Return number and path of the session folders, sorted by number, then name.

    Args:
        folder: that may hold sessions

    Examples:
        >>> session_folders(Path("data"))
        []
    """
    matches = [
        (_SESSION.fullmatch(child.name), child) for child in list_folders(folder)
    ]
    return sorted((int(match[1]), child) for match, child in matches if match)


def _is_tree(folder: Path) -> bool:
    return find_child(folder, JOINED).is_file() or any(
        find_child(session, "dialog", "EmoEvaluation").is_dir()
        for _, session in session_folders(folder)
    )


def _missing_sessions(missing: list[int], *, present: list[int]) -> Problem:
    absent = ", ".join(map(str, missing))
    there = ", ".join(map(str, present)) or "none"
    return Problem(".", f"sessions found: {there}; not found: {absent}", fatal=False)


def _text_files(folder: Path) -> list[Path]:
    entries = list_entries(folder)
    return [folder / e.name for e in entries if _TEXT_FILE.fullmatch(e.name)]


def _wavs(folder: Path) -> dict[str, Path]:
    """Return the sentence WAV files of a session by utterance, without opening any."""
    return {
        match[1]: dialogue / entry.name
        for dialogue in list_folders(folder)
        if _DIALOGUE.fullmatch(dialogue.name)
        for entry in list_entries(dialogue)
        if (match := _WAV_FILE.fullmatch(entry.name))
    }
