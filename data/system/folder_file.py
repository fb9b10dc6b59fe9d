"""Descriptor for the file names of a folder, so that each name is written once."""

from pathlib import Path
from typing import Protocol, overload


class FolderRecord(Protocol):
    """Record with the path of a folder."""

    @property
    def path(self) -> Path:
        """Path of the folder."""


class FolderFile:
    """Descriptor of a file in a folder.

    As an attribute of a record it is the path of the file. As an attribute of the
    record's class it is the name of the file.

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
