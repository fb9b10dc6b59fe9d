"""Learning curves of a run: the validation CCC of every epoch, from history.csv."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from affuse.data.errors import DamagedFileError
from affuse.data.runs.run_folder import RunFolder
from affuse.data.system.csv_tables import (
    DAMAGED,
    parse_number,
    parse_whole_number,
    read_rows,
)
from affuse.data.terminal import printable
from affuse.fuse.trained.model_files import HISTORY_COLUMNS


@dataclass(frozen=True)
class LearningCurve:
    """Mean validation CCC of one model after each epoch."""

    fold: str
    seed: str
    epochs: tuple[int, ...]
    scores: tuple[float, ...]  # mean CCC of the ratings, as long as the epochs

    @property
    def best(self) -> int:
        """Index of the epoch of the best checkpoint, which is the first of the best."""
        return self.scores.index(max(self.scores))


def read_curves(run: Path) -> tuple[LearningCurve, ...]:
    """Return the learning curve of every model of a run, in the order of the file.

    Args:
        run: folder of the run

    Raises:
        FileNotFoundError: if the run has no history
        DamagedFileError: if the history is damaged, or empty
    """
    by_model: dict[tuple[str, str], list[tuple[int, float]]] = {}
    for fold, seed, epoch, score in _epochs(RunFolder(run).history):
        by_model.setdefault((fold, seed), []).append((epoch, score))
    if not by_model:
        raise DamagedFileError(f"{RunFolder(run).history} shows no epoch; {DAMAGED}")
    return tuple(
        LearningCurve(*model, *map(tuple, zip(*points, strict=True)))
        for model, points in by_model.items()
    )


def _epochs(path: Path) -> Iterator[tuple[str, str, int, float]]:
    """Yield fold, seed, epoch and mean validation CCC of each line."""
    for line, row in read_rows(path, HISTORY_COLUMNS):
        cells = dict(zip(HISTORY_COLUMNS, row, strict=True))
        try:
            epoch = parse_whole_number(cells["epoch"])
            score = parse_number(cells["validation_mean"])
        except ValueError as error:
            raise DamagedFileError(
                f"{path}, line {line}: {printable(str(error))}; {DAMAGED}"
            ) from error
        yield cells["fold"], cells["seed"], epoch, score
