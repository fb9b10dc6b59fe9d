"""Contents of the same file of several run folders, for a section of the page."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar

from affuse.data.errors import AffuseError
from affuse.fuse.page.page_records import MissingData, ScoredRow, no_predictions

Content = TypeVar("Content")
MOST_ALONE = 3  # runs without a file that have a sentence each


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
    lacking = list[ScoredRow]()
    for each in rows:
        try:
            contents.found.append((each, read(each)))
        except FileNotFoundError:
            lacking.append(each)
        except (AffuseError, OSError) as error:
            contents.damaged.append(f"{each.row.name}: no {noun}: {error}")
    contents.missing.extend(
        _missing(lacking, [str(command(each.run.path)) for each in lacking], absence)
    )
    if not rows:
        contents.missing.append(no_predictions())
    return contents


def _missing(
    rows: Sequence[ScoredRow], commands: Sequence[str], absence: str
) -> Iterator[MissingData]:
    """Yield the sentences on runs without a file: one for all of them if many lack it.

    Args:
        rows: of the runs
        commands: that write their files
        absence: end of the sentence on a run
    """
    if len(rows) > MOST_ALONE:
        names = ", ".join(each.row.name for each in rows)
        sentence = f"Each of these {len(rows)} runs {absence}: {names}."
        yield MissingData(sentence, commands[0], tuple(commands[1:]))
        return
    for each, command in zip(rows, commands, strict=True):
        yield MissingData(f"{each.row.name} {absence}.", command)
