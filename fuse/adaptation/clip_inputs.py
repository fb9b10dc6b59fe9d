"""Inputs of an adaptation: predictions and codes of clips, and the clips' groups."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

LEAST_SPEAKERS = 5  # known speakers; with fewer, clips are held out, not speakers
Division = Sequence[tuple[np.ndarray, np.ndarray]]  # (rows to fit on, held-out rows)


@dataclass(frozen=True)
class ClipInputs:
    """Predictions and codes of clips, from which adapted ratings are computed."""

    mean: np.ndarray  # (n, targets), means over the models
    codes: np.ndarray | None = None  # (n, size), NaN in rows without; None: no codes

    @property
    def has_codes(self) -> np.ndarray:
        """Return (n,) True for clips with codes."""
        if self.codes is None or not self.codes.shape[1]:
            return np.zeros(len(self.mean), bool)
        return np.asarray(np.isfinite(self.codes).all(axis=1))

    def take(self, rows: np.ndarray) -> "ClipInputs":
        """Return some clips.

        Args:
            rows: their indices, or (n,) True for each of them
        """
        codes = None if self.codes is None else self.codes[rows]
        return ClipInputs(self.mean[rows], codes)


@dataclass(frozen=True)
class ClipGroups:
    """Groups of clips that are held out together."""

    numbers: np.ndarray  # (n,) group of each clip, from 0 without a gap
    unit: str  # "speaker" or "clip"

    @property
    def count(self) -> int:
        """Number of groups."""
        return 1 + int(self.numbers.max())


def group_clips(speakers: Sequence[str]) -> ClipGroups:
    """Return the speakers of clips as groups, or the clips if few speakers are known.

    A clip without a speaker is a group of its own. If fewer than `LEAST_SPEAKERS` are
    known, every clip is a group, because an interval over so few speakers would be too
    wide to show any improvement.

    Args:
        speakers: of each clip, "" if unknown
    """
    if len(set(speakers) - {""}) < LEAST_SPEAKERS:
        return ClipGroups(np.arange(len(speakers)), "clip")
    # The blank distinguishes a clip without a speaker from a speaker of that name.
    names = [name or f" {row}" for row, name in enumerate(speakers)]
    return ClipGroups(np.unique(names, return_inverse=True)[1].reshape(-1), "speaker")


def divide_groups(groups: np.ndarray, folds: int) -> Division:
    """Return a division into folds of nearly equal size that divide no group.

    Args:
        groups: (n,) group of each clip
        folds: largest number of folds; fewer if there are fewer groups
    """
    from sklearn.model_selection import GroupKFold

    count = min(folds, len(np.unique(groups)))
    return list(GroupKFold(count).split(groups, groups=groups))
