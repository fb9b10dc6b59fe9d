"""Resolution of audio paths, restricted to regular files below one folder.

A table may come from an untrusted source. So its absolute paths, ``..`` or links must
not make the extraction open other files of the machine, nor devices or pipes. Only the
user names another folder than that of the table.
"""

import os
import re
import shlex
import stat
from contextlib import suppress
from functools import lru_cache
from itertools import islice
from pathlib import Path

from affuse.data.errors import AffuseError
from affuse.data.name_spellings import spelling
from affuse.data.system import folder_boundary
from affuse.data.terminal import escape_active

LISTED = 100_000  # names in a folder that are compared with a missing file's name
LISTINGS = 64  # folders whose names are cached for this comparison
ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/")  # such as https:// and file://
RECENT = 1024  # files that are cached, since consecutive rows often name the same file


def below(table_folder: Path, recordings: Path | None) -> "Folder":
    """Return the folder that the paths of a table are relative to.

    Args:
        table_folder: folder of the table
        recordings: folder that the user named instead, if any

    Raises:
        FileNotFoundError: if the folder of recordings does not exist
    """
    if recordings is None:
        return Folder(table_folder)
    if not os.path.isdir(recordings):
        raise FileNotFoundError(
            f"--recordings {recordings} is not a folder; name the folder that the "
            f"paths of the table are relative to"
        )
    return Folder(recordings, is_named=True)


class Folder:
    """Folder that holds the files of a table; folders below it are resolved once.

    Args:
        root: of the files
        is_named: True if the user named it; False for the folder of the table
    """

    def __init__(self, root: Path, *, is_named: bool = False) -> None:
        self.root, self.is_named = root, is_named
        names = "the folder of the table", "the folder of --recordings"
        self.title = names[is_named]  # in sentences for the user
        self._real = Path(os.path.realpath(root))
        typed = Path(os.path.abspath(root))  # elsewhere, if `root` has ".." after links
        is_same = os.path.realpath(typed) == str(self._real)
        self._spelled = (typed, self._real) if is_same else (self._real,)
        self._below: dict[str, bool] = {}  # by parent, relative to the root
        self._spellings = lru_cache(LISTINGS)(_names_by_spelling)
        self._recent = lru_cache(RECENT)(self._find)

    def relative(self, cell: str) -> str:
        """Return the path in a cell, relative if it is below the folder.

        Nothing is read from the disk. A path that leads elsewhere stays absolute, and
        `file` refuses it.
        """
        name = clean_path(cell)
        if name.startswith("/") and ".." not in name.split("/"):
            for base in self._spelled:
                if (path := Path(name)).is_relative_to(base) and path != base:
                    return path.relative_to(base).as_posix()
        return name

    def file(self, name: str) -> Path:
        """Return the path of a file; recent names share one object.

        Args:
            name: relative to the folder, as `relative` returns it

        Raises:
            AffuseError: if it is not a readable regular file below the folder; the
                message names the file
        """
        return self._recent(name)

    def _find(self, name: str) -> Path:
        if escape_active(name) != name or "\n" in name or "\t" in name:
            raise AffuseError(
                f"audio path {name!r} has unprintable characters, such as line ends or "
                f"marks that reverse the order of a text; rename the file, and write "
                f"the new name in the table"
            )
        if ADDRESS.match(name):
            raise AffuseError(
                f"audio path {name!r} is an address, and only files below "
                f"{self.title} are read; copy the file there, and write its path"
            )
        if name[:1] == "/" or name[1:2] == ":":
            raise AffuseError(
                f"audio path {name!r} is absolute, and only files below {self.title} "
                f"are read; {self._advice_on_absolute(name)}"
            )
        if ".." in name.split("/"):
            raise AffuseError(
                f"audio path {name!r} has '..' in it; write the path from a folder "
                f"above the file, and name that folder with --recordings"
            )
        self._demand_below(os.path.dirname(name), name)
        path = self.root / name
        try:
            mode = os.lstat(path).st_mode
        except OSError as error:
            raise AffuseError(
                f"audio file {name!r} not found below {self.title} "
                f"({error.strerror}); {self._advice(name)}"
            ) from error
        if stat.S_ISLNK(mode):
            self._demand_below(name, name)
        if stat.S_ISLNK(mode) and not os.path.exists(path):
            raise AffuseError(
                f"audio file {name!r} is a link to {os.readlink(path)!r}, which is not "
                f"there; fetch the file, or correct the link"
            )
        if not stat.S_ISREG(mode) and not os.path.isfile(path):
            raise AffuseError(
                f"audio path {name!r} is not a regular file; correct the path"
            )
        return path

    def _demand_below(self, part: str, name: str) -> None:
        """Raise an error if a file, or a folder above it, is a link that leads out."""
        if part not in self._below:
            self._below[part] = folder_boundary.is_within(self.root / part, self._real)
        if not self._below[part]:
            raise AffuseError(
                f"audio file {name!r} is a link that leads out of the folder that "
                f"may be read; name the folder of the audio with --recordings"
            )

    def _advice_on_absolute(self, name: str) -> str:
        """Return the remedy for an absolute path: the folder to name.

        Nothing is read from the disk, because the path may come from an untrusted
        source.
        """
        path = Path(os.path.normpath(name))
        if not path.is_absolute():  # a drive of another system
            return "write it relative to that folder"
        if self.is_named:
            above = os.path.commonpath((self._real, path))
            return f"name a folder above all recordings, such as {shlex.quote(above)}"
        return (
            f"if you trust the table, add --recordings and a folder above all its "
            f"recordings; this one is in {shlex.quote(str(path.parent))}"
        )

    def _advice(self, name: str) -> str:
        """Return the remedy for a missing file, with a similar name if there is one."""
        folder, names = self.root, list[str]()
        for part in name.split("/"):
            if os.path.exists(folder / part):
                names.append(part)
            elif len(similar := self._spellings(folder).get(spelling(part), [])) == 1:
                names.append(similar[0])
            else:
                return "correct the path, or name its folder with --recordings"
            folder = folder / names[-1]
        return (
            f"a file with a name like it, in other characters, is there: the table has "
            f"{ascii(name)}, the disk has {ascii('/'.join(names))}; rename the file, "
            f"or write its name in the table as it is on the disk"
        )


def _names_by_spelling(folder: Path) -> dict[str, list[str]]:
    """Return the names in a folder by their unified spelling.

    Names of one spelling differ only in their Unicode form (NFC, NFD), in the case of
    letters, in kinds of blanks, or in invisible characters.
    """
    names: dict[str, list[str]] = {}
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in islice(entries, LISTED):
            names.setdefault(spelling(entry.name), []).append(entry.name)
    return names


def clean_path(cell: str) -> str:
    """Return the path in a cell with slashes, and without empty parts.

    Args:
        cell: as the table has it

    Examples:
        >>> clean_path(".\\\\wav\\\\a.wav"), clean_path("wav//a.wav"), clean_path("/a")
        ('wav/a.wav', 'wav/a.wav', '/a')
    """
    slashed = cell.replace("\\", "/")
    names = [name for name in slashed.split("/") if name not in ("", ".")]
    return "/" * slashed.startswith("/") + "/".join(names)
