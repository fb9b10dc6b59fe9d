"""Files of a released corpus: search for a copy, entries of folders, texts.

Users rename folders, nest them, and copy them to file systems that change the case of
names. Readers of several corpora share these functions.
"""

import codecs
import os
import re
from collections.abc import Callable
from pathlib import Path

from affuse.data.errors import AffuseError, DamagedFileError
from affuse.data.records import Problem
from affuse.data.system.regular_files import FLAGS, SMALL, read_regular

SHORT = 2**13  # bytes; the transcript of a turn is shorter


def find_copy(
    root: Path, is_copy: Callable[[Path], bool], *, depth: int
) -> Path | None:
    """Return the folder of a corpus: `root`, or one at most `depth` levels below it.

    Args:
        root: the folder that the user named
        is_copy: returns True for the folder of a copy
        depth: levels that the copy may lie below `root`

    Returns:
        the folder; None if there is no copy

    Raises:
        AffuseError: if there are several copies, so that the user must name one
    """
    folders = [root] if root.is_dir() else []
    for _ in range(depth + 1):
        copies = {f.resolve(): f for f in reversed(folders) if is_copy(f)}
        if len(copies) > 1:
            names = ", ".join(sorted(str(f) for f in copies.values()))
            raise AffuseError(f"{root} holds {len(copies)} copies: name one of {names}")
        if copies:
            return next(iter(copies.values()))
        children = [child for folder in folders for child in list_folders(folder)]
        folders = [
            child
            for child in children
            if not child.name.startswith((".", "__MACOSX"))  # an empty tree by Finder
            and os.access(child, os.R_OK | os.X_OK)
        ]
    return None


def list_entries(folder: Path) -> list[os.DirEntry[str]]:
    """Return the entries of a folder, sorted by name; [] if there is no folder."""
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except (FileNotFoundError, NotADirectoryError):
        return []


def list_names(folder: Path, pattern: re.Pattern[str]) -> frozenset[str]:
    """Return the names of the files in a flat folder that a pattern fully matches.

    Links to files are included. No file is opened, so that a folder of 100,000
    recordings takes a fraction of a second.

    Args:
        folder: that exists
        pattern: of the names
    """
    with os.scandir(folder) as entries:
        names = [entry.name for entry in entries if entry.is_file()]
    return frozenset(filter(pattern.fullmatch, names))


def list_folders(folder: Path) -> list[Path]:
    """Return the folders in a folder, sorted by name; [] if there is no folder."""
    return [folder / e.name for e in list_entries(folder) if e.is_dir()]


def find_child(folder: Path, *names: str) -> Path:
    """Return a path below a folder, matching each name in any case.

    Args:
        folder: to begin in
        names: of the folders on the path, and of its last part

    Returns:
        the path; where no entry matches, with the name as given
    """
    for name in names:
        spellings = [
            e.name for e in list_entries(folder) if e.name.lower() == name.lower()
        ]
        folder /= name if name in spellings else (spellings or [name])[0]
    return folder


def read_text(path: Path | str, *, file: str) -> tuple[str | None, list[Problem]]:
    """Return the text of a file, or None if it cannot be read, and its problems.

    A text that is not UTF-8 is read as cp1252. Bytes that are in neither encoding stay
    visible as ``\\x81`` and the like.

    Args:
        path: of the file
        file: its name, for problems
    """
    try:
        content = read_regular(path, limit=SMALL)
    except OSError as error:
        return None, [Problem(file, f"cannot be read ({error.strerror}); left out")]
    except DamagedFileError:
        reason = f"is no regular file of at most {SMALL:,} bytes; left out"
        return None, [Problem(file, reason)]
    content = content.removeprefix(codecs.BOM_UTF8)
    try:
        return content.decode(), []
    except UnicodeDecodeError as error:
        line = 1 + content.count(b"\n", 0, error.start)
        note = Problem(file, "not UTF-8; read as cp1252", line, fatal=False)
        return content.decode("cp1252", errors="backslashreplace"), [note]


def read_listed_text(path: str, *, file: str) -> tuple[str | None, list[Problem]]:
    """Return what `read_text` does, faster if the text is short and in UTF-8.

    Args:
        path: of a file that `list_names` just returned, so that it is a regular one
        file: its name, for problems
    """
    try:
        handle = os.open(path, FLAGS)
        try:
            content = os.read(handle, SHORT)
        finally:
            os.close(handle)
        if 0 < len(content) < SHORT and content[:3] != codecs.BOM_UTF8:
            return content.decode(), []
    except (OSError, UnicodeDecodeError):
        pass  # the other function says what is wrong
    return read_text(path, file=file)
