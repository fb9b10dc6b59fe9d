"""File names as attributes of the record of a folder, so that each is written once."""

from pathlib import Path
from typing import Protocol, overload


class FolderRecord(Protocol):
    """Record of a folder."""

    @property
    def path(self) -> Path:
        """Path of the folder."""


class FolderFile:
    """File of a folder: a path as an attribute of a record, a name as one of its class.

    Args:
        name: of the file
    """

    def __init__(self, name: str):
        self.name = name

    @overload
    def __get__(self, folder: None, owner: type) -> str: ...
    @overload
    def __get__(self, folder: FolderRecord, owner: type) -> Path: ...
    def __get__(self, folder: FolderRecord | None, owner: type) -> str | Path:
        return self.name if folder is None else folder.path / self.name
