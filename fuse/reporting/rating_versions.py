"""Footnote on rows of a table that were scored on other ratings of the same utterances.

A corpus may be extracted again after its ratings were corrected, and a run keeps the
ratings that it was trained on. Figures on both versions must not be compared.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from affuse.data.runs.run_predictions import Run
from affuse.fuse.reporting.table_records import TableRow
from affuse.fuse.wording import count

EQUAL = 1e-6  # largest difference on [-1, 1]; runs may have float32 or float64


@dataclass(frozen=True)
class _Ratings:
    """Ratings on which a run was scored."""

    ids: np.ndarray  # (n,) of utterances, each once, sorted
    values: np.ndarray  # (n, targets)
    targets: tuple[str, ...]

    @classmethod
    def of(cls, run: Run) -> Self:
        """Return the ratings of the test utterances of a run."""
        ids, first = np.unique(run.predictions.id, return_index=True)
        return cls(ids, run.predictions.truth[first], tuple(run.info.targets))

    def differing(self, other: "_Ratings") -> dict[str, int]:
        """Return the number of common utterances that differ, by rating."""
        _, a, b = np.intersect1d(
            self.ids, other.ids, assume_unique=True, return_indices=True
        )
        found = {}
        for name in self.targets:
            if name in other.targets:
                mine = self.values[a, self.targets.index(name)]
                yours = other.values[b, other.targets.index(name)]
                found[name] = int((np.abs(mine - yours) > EQUAL).sum())
        return {name: number for name, number in found.items() if number}


def other_ratings(runs: Sequence[Run], rows: Sequence[TableRow]) -> Iterator[str]:
    """Yield a footnote if rows were scored on different ratings of an utterance.

    Each row is compared with those whose ratings most rows of the table have.

    Args:
        runs: of a table
        rows: of the runs, in the same order
    """
    versions: list[list[int]] = []  # rows of each version of the ratings
    ratings = [_Ratings.of(run) for run in runs]
    for i, each in enumerate(ratings):
        same = (v for v in versions if not each.differing(ratings[v[0]]))
        if (version := next(same, None)) is None:
            versions.append([i])
        else:
            version.append(i)
    versions.sort(key=len, reverse=True)
    usual, *others = (version[0] for version in versions)
    if not others:
        return
    differing = ", ".join(
        f"{rows[i].name} ({_numbers(ratings[i].differing(ratings[usual]))})"
        for version in versions[1:]
        for i in version
    )
    yield (
        f"Not on the same ratings as {rows[usual].name}: {differing}; do not compare "
        f"these figures. The corpus was extracted again with other ratings, or "
        f"--out-of-range differs; train all rows on one version, and remove the runs "
        f"of the other: {runs[usual].path} or {runs[others[0]].path}, whichever is out "
        f"of date"
    )


def _numbers(differing: dict[str, int]) -> str:
    """Return ``valence of 3 utterances``, for each rating."""
    return ", ".join(f"{t} of {count(n, 'utterance')}" for t, n in differing.items())
