"""Audio files that a table names, kept below the folder of the table.

A table may come from anywhere, so it must not be able to make the extraction open
other files of the machine, by absolute paths, ``..`` or links, nor devices or pipes.
"""

import os
import stat
from functools import lru_cache
from pathlib import Path

from data.errors import AffuseError

RECENT = 1024  # files that are known without another look


class Folder:
    """The folder of a table; each folder below it is resolved only once."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._real = Path(os.path.realpath(root))
        self._below: dict[str, bool] = {}  # by parent, relative to the root
        self._recent = lru_cache(RECENT)(self._find)

    def file(self, name: str) -> Path:
        """The file of a relative `name`; for many rows of one file, the same object.

        Raises:
            AffuseError: if it is not a readable regular file below the folder; the
                sentence names it
        """
        return self._recent(name)

    def _find(self, name: str) -> Path:
        if not name.isprintable() or name[:1] == "/" or name[1:2] == ":":
            raise AffuseError(
                f"audio path {name!r} is absolute or has unprintable characters; "
                f"write it relative to the folder of the table"
            )
        if ".." in name.split("/"):
            raise AffuseError(
                f"audio path {name!r} has '..' in it; put the table above its audio"
            )
        path = self.root / name
        try:
            mode = os.lstat(path).st_mode
        except OSError as error:
            raise AffuseError(
                f"audio file {name!r} not found below the folder of the table "
                f"({error.strerror}); copy it there, or correct the path"
            ) from error
        if not self._is_below(name, link=stat.S_ISLNK(mode)):
            raise AffuseError(
                f"audio file {name!r} is a link that leads out of the folder of the "
                f"table; put the table where the audio is"
            )
        if not stat.S_ISREG(mode) and not path.is_file():
            raise AffuseError(
                f"audio path {name!r} is not a regular file; correct the path"
            )
        return path

    def _is_below(self, name: str, *, link: bool) -> bool:
        key = name if link else os.path.dirname(name)
        if key not in self._below:
            real = Path(os.path.realpath(self.root / key))
            self._below[key] = real.is_relative_to(self._real)
        return self._below[key]


def relative(cell: str) -> str:
    """A path cell as slashes and names only.

    Examples:
        >>> relative(".\\\\wav\\\\a.wav"), relative("wav//a.wav"), relative("/a")
        ('wav/a.wav', 'wav/a.wav', '/a')
    """
    slashed = cell.replace("\\", "/")
    names = [name for name in slashed.split("/") if name not in ("", ".")]
    return "/" * slashed.startswith("/") + "/".join(names)
