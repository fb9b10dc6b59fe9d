"""Files of a modality that are named in a column of a table."""

from collections.abc import Callable
from pathlib import Path

from affuse.data.errors import AffuseError
from affuse.data.records import Utterance
from affuse.data.system.folder_boundary import is_within


class UnreadableInputError(AffuseError):
    """Error for an input that cannot be read; its message is the reason."""


def file_in_column(name: str) -> Callable[[Utterance, Path], Path | None]:
    """Return a `source` for a modality whose files are named in a column of a table.

    A table may come from other people, so files outside its corpus are not read.

    Args:
        name: of the column, whose values are paths relative to the folder of the corpus
    """

    def source(utterance: Utterance, root: Path) -> Path | None:
        cell = utterance.columns.get(name)
        if cell and not is_within(root / cell, root):
            raise UnreadableInputError(
                f"{name} {cell!r} is not below the folder of the corpus, and no other "
                f"file is read; copy it there, and write its path"
            )
        return root / cell if cell else None

    return source
