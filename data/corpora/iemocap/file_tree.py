"""Location of the files of an IEMOCAP copy, also if it is renamed, nested or partial.

Only the files directly in a known folder count, and their stem must be the name of a
dialogue. This leaves out ``._*`` and ``.DS_Store`` files. It also leaves out the
folders of single raters, whose files have the same names and other contents.
"""

import os
import re
from dataclasses import dataclass
from pathlib import Path

from affuse.data.corpora.iemocap.line_grammar import DIALOGUE, UTTERANCE
from affuse.data.errors import AffuseError, DamagedFileError
from affuse.data.records import Problem
from affuse.data.system.regular_files import SMALL, open_regular

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
    folders = [root] if root.is_dir() else []
    for _ in range(DEPTH + 1):
        trees = {f.resolve(): f for f in reversed(folders) if _is_tree(f)}
        if len(trees) > 1:
            names = ", ".join(sorted(str(f) for f in trees.values()))
            raise AffuseError(f"{root} holds {len(trees)} copies: name one of {names}")
        if trees:
            return next(iter(trees.values()))
        children = [child for folder in folders for child in _folders(folder)]
        folders = [
            child
            for child in children
            if not child.name.startswith((".", "__MACOSX"))  # an empty tree by Finder
            and os.access(child, os.R_OK | os.X_OK)
        ]
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
    joined = _child(root, JOINED)
    sessions: dict[int, Path] = {}
    for number, folder in session_folders(root):
        if number in sessions:
            reason = f"is session {number} again, after {sessions[number].name}"
            problems.append(Problem(folder.name, f"{reason}; left out"))
            continue
        sessions[number] = folder
        files = _text_files(_child(folder, "dialog", "EmoEvaluation"))
        if not files and not joined.is_file():
            reason = "no label file in dialog/EmoEvaluation; session left out"
            problems.append(Problem(folder.name, reason))
        labels += files
        transcripts += _text_files(_child(folder, "dialog", "transcriptions"))
        wavs = _wavs(_child(folder, "sentences", "wav")) | wavs
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
    matches = [(_SESSION.fullmatch(child.name), child) for child in _folders(folder)]
    return sorted((int(match[1]), child) for match, child in matches if match)


def read_text(path: Path, *, file: str) -> tuple[str | None, list[Problem]]:
    """Return the text of a file, or None if it cannot be read, and its problems.

    A text that is not UTF-8 is read as cp1252. Bytes that are in neither encoding stay
    visible as ``\\x81`` and the like.

    Args:
        path: of the file
        file: its name, for problems
    """
    try:
        with open_regular(path, limit=SMALL) as source:
            content = source.read()
    except OSError as error:
        return None, [Problem(file, f"cannot be read ({error.strerror}); left out")]
    except DamagedFileError:
        reason = f"is no regular file of at most {SMALL:,} bytes; left out"
        return None, [Problem(file, reason)]
    try:
        return content.decode("utf-8-sig"), []
    except UnicodeDecodeError as error:
        line = 1 + content.count(b"\n", 0, error.start)
        note = Problem(file, "not UTF-8; read as cp1252", line, fatal=False)
        return content.decode("cp1252", errors="backslashreplace"), [note]


def _is_tree(folder: Path) -> bool:
    return _child(folder, JOINED).is_file() or any(
        _child(session, "dialog", "EmoEvaluation").is_dir()
        for _, session in session_folders(folder)
    )


def _missing_sessions(missing: list[int], *, present: list[int]) -> Problem:
    absent = ", ".join(map(str, missing))
    there = ", ".join(map(str, present)) or "none"
    return Problem(".", f"sessions found: {there}; not found: {absent}", fatal=False)


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    """Return the entries of a folder, sorted by name; [] if there is no folder."""
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except (FileNotFoundError, NotADirectoryError):
        return []


def _folders(folder: Path) -> list[Path]:
    return [folder / e.name for e in _entries(folder) if e.is_dir()]


def _child(folder: Path, *names: str) -> Path:
    """Return a path below `folder`, matching each name in any case."""
    for name in names:
        spellings = [e.name for e in _entries(folder) if e.name.lower() == name.lower()]
        folder /= name if name in spellings else (spellings or [name])[0]
    return folder


def _text_files(folder: Path) -> list[Path]:
    entries = _entries(folder)
    return [folder / e.name for e in entries if _TEXT_FILE.fullmatch(e.name)]


def _wavs(folder: Path) -> dict[str, Path]:
    """Return the sentence WAV files of a session by utterance, without opening any."""
    return {
        match[1]: dialogue / entry.name
        for dialogue in _folders(folder)
        if _DIALOGUE.fullmatch(dialogue.name)
        for entry in _entries(dialogue)
        if (match := _WAV_FILE.fullmatch(entry.name))
    }
