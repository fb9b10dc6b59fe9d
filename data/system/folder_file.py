"""Names of files in a folder of this project, each of which stands once in a record."""

from pathlib import Path
from typing import Protocol, overload


class Located(Protocol):
    """A record of a folder."""

    @property
    def path(self) -> Path:
        """Of the folder."""


class FolderFile:
    """A file of a folder: its path in a record of the folder, its name in the class.

    Args:
        name: of the file
    """

    def __init__(self, name: str):
        self.name = name

    @overload
    def __get__(self, folder: None, owner: type) -> str: ...
    @overload
    def __get__(self, folder: Located, owner: type) -> Path: ...
    def __get__(self, folder: Located | None, owner: type) -> str | Path:
        return self.name if folder is None else folder.path / self.name
