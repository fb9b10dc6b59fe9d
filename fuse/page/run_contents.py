"""Contents of the same file of several run folders, for a section of the page."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar

from affuse.data.errors import AffuseError
from affuse.fuse.page.page_records import MissingData, ScoredRow, no_predictions

Content = TypeVar("Content")


@dataclass(frozen=True)
class RunContents(Generic[Content]):
    """Contents of some runs, with those that are missing or damaged."""

    found: list[tuple[ScoredRow, Content]] = field(default_factory=list)
    missing: list[MissingData] = field(default_factory=list)
    damaged: list[str] = field(default_factory=list)  # sentences


def read_each(
    rows: Sequence[ScoredRow],
    read: Callable[[ScoredRow], Content],
    *,
    command: Callable[[Path], object],
    absence: str,
    noun: str,
) -> RunContents[Content]:
    """Return what is in the folder of each run.

    Args:
        rows: of trained models
        read: returns the content of a run; a file that is not there is missing
        command: returns the command that writes the file of a run
        absence: end of the sentence on a run without the file, such as "was not
            calibrated"
        noun: for the content of a damaged file
    """
    contents = RunContents[Content]()
    for each in rows:
        try:
            contents.found.append((each, read(each)))
        except FileNotFoundError:
            sentence = f"{each.row.name} {absence}."
            contents.missing.append(MissingData(sentence, str(command(each.run.path))))
        except (AffuseError, OSError) as error:
            contents.damaged.append(f"{each.row.name}: no {noun}: {error}")
    if not rows:
        contents.missing.append(no_predictions())
    return contents
