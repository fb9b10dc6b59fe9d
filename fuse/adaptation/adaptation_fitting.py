"""Fit of an adaptation to clips that a user rated, by nested cross-validation.

The inner folds choose, for each rating, between no change, offset and gain, and a ridge
regression, together with its penalty. The outer folds repeat this choice without the
held-out clips, so the figures of the held-out clips are those of the whole procedure,
and no choice inflates them (Varma and Simon, 2006, BMC Bioinformatics 7:91). One
selection remains: only improvements whose interval excludes 0 are kept, so the figures
of small improvements that are kept are somewhat too high.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from affuse.data.errors import AffuseError
from affuse.fuse.adaptation.adaptation import Adaptation, AdaptedRating
from affuse.fuse.adaptation.clip_inputs import (
    ClipGroups,
    ClipInputs,
    divide_groups,
    group_clips,
)
from affuse.fuse.adaptation.held_out_figures import HeldOutFigures, improve, measure
from affuse.fuse.adaptation.rating_maps import SCALE, RatingMap, shrunken_map
from affuse.fuse.adaptation.ridge_fitting import fit_ridge
from affuse.fuse.calibration.conformal import Width, least_count
from affuse.fuse.calibration.conformal import fit as fit_width
from affuse.fuse.scoring.metrics import ccc

LEAST_CLIPS = 20  # with a rating, to adapt it
LEAST_RIDGE = 60  # clips with a rating and codes, to try a ridge regression
LARGEST_CODE = 50_000  # numbers in the codes of a clip; no ridge regression above it
OUTER, INNER = 10, 5  # numbers of folds
CLEARLY = 0.68  # level of the interval by which a ridge regression must be better


@dataclass(frozen=True)
class RatedClips:
    """Clips that a user rated, with the predictions of a model."""

    targets: tuple[str, ...]  # names of the predicted ratings, in order of columns
    inputs: ClipInputs  # of n clips
    spread: np.ndarray  # (n, targets), standard deviations over models
    truth: np.ndarray  # (n, targets) ratings on [-1, 1], NaN where not rated
    speakers: tuple[str, ...]  # of each clip, "" if unknown


@dataclass(frozen=True)
class RatingTask:
    """Clips with one rating, and the kinds of maps to choose from."""

    target: int  # column of the rating
    truth: np.ndarray  # (n,)
    inputs: ClipInputs  # of n clips
    groups: ClipGroups
    ridge: bool  # True to try a ridge regression

    def take(self, rows: np.ndarray) -> "RatingTask":
        """Return the task on some clips, given by their indices."""
        numbers = np.unique(self.groups.numbers[rows], return_inverse=True)[1]
        return replace(
            self,
            truth=self.truth[rows],
            inputs=self.inputs.take(rows),
            groups=replace(self.groups, numbers=numbers.reshape(-1)),
        )


def fit(clips: RatedClips, *, level: float = 0.9) -> Adaptation:
    """Fit an adaptation of each rating, and keep it if it helps on held-out clips.

    It is kept if the CCC on held-out clips is higher than that of the unchanged
    predictions, and the interval of the improvement excludes 0.

    Args:
        clips: that a user rated
        level: share of the user's ratings that the intervals must contain

    Returns:
        the adaptation of all ratings; nothing may be kept, see `Adaptation.kept`

    Raises:
        AffuseError: if no rating has `LEAST_CLIPS` clips
    """
    demand_enough(clips.truth, clips.targets)
    codes = clips.inputs.codes
    return Adaptation(
        level=level,
        size=0 if codes is None else codes.shape[1],
        ratings={name: _adapt(clips, k, level) for k, name in enumerate(clips.targets)},
    )


def demand_enough(truth: np.ndarray, targets: Sequence[str]) -> None:
    """Raise an error if no rating has `LEAST_CLIPS` clips.

    Args:
        truth: (n, targets) ratings, NaN where not rated
        targets: names of the ratings

    Raises:
        AffuseError: with the number of clips of each rating
    """
    counts = np.isfinite(truth).sum(axis=0)
    if counts.max() < LEAST_CLIPS:
        pairs = zip(counts, targets, strict=True)
        words = ", ".join(f"{number} with {target}" for number, target in pairs)
        raise AffuseError(
            f"an adaptation needs at least {LEAST_CLIPS} clips with one rating, and "
            f"there are {words}; rate more clips"
        )


def _adapt(clips: RatedClips, target: int, level: float) -> AdaptedRating:
    """Return the adaptation of one rating."""
    rows = np.flatnonzero(np.isfinite(clips.truth[:, target]))
    truth = clips.truth[rows, target]
    if len(rows) < LEAST_CLIPS:
        reason = f"it has {len(rows)} rated clips, and {LEAST_CLIPS} are needed"
        return AdaptedRating(RatingMap(), reason=reason)
    if not np.ptp(truth) > 0:
        return AdaptedRating(RatingMap(), reason="all its ratings are equal")
    inputs = clips.inputs.take(rows)
    task = RatingTask(
        target=target,
        truth=truth,
        inputs=inputs,
        groups=group_clips([clips.speakers[row] for row in rows]),
        ridge=_is_ridge_possible(inputs),
    )
    held_out = predict_held_out(task)
    figures = measure(truth, inputs.mean[:, target], held_out, task.groups)
    chosen = choose_map(task)
    if reason := _reason_against(chosen, figures):
        return AdaptedRating(RatingMap(), figures=figures, reason=reason)
    spread = clips.spread[rows, target] * chosen.line.slope
    width = _interval_width(truth - held_out, spread, task.groups, level)
    return AdaptedRating(chosen, width, figures)


def _is_ridge_possible(inputs: ClipInputs) -> bool:
    """Return True if enough clips have codes, and the codes are not too large."""
    size = 0 if inputs.codes is None else inputs.codes.shape[1]
    return int(inputs.has_codes.sum()) >= LEAST_RIDGE and size <= LARGEST_CODE


def _reason_against(chosen: RatingMap, figures: HeldOutFigures) -> str:
    """Return why a map is not kept; "" if it is."""
    if chosen.kind == "none":
        return "no map has a higher CCC on held-out clips"
    if not figures.improvement.value > 0:
        return "the CCC on held-out clips is not higher"
    return "" if figures.helps else "the interval of the change does not exclude 0"


def predict_held_out(task: RatingTask) -> np.ndarray:
    """Return adapted ratings of clips, each by a map chosen without the clip's fold.

    Args:
        task: clips with one rating

    Returns:
        (n,)
    """
    predicted = np.empty_like(task.truth)
    for rest, held in divide_groups(task.groups.numbers, OUTER):
        chosen = choose_map(task.take(rest))
        predicted[held] = chosen(task.inputs.take(held), task.target)
    return predicted


def choose_map(task: RatingTask) -> RatingMap:
    """Return the map that is best on the inner folds, fitted to all clips.

    Offset and gain are chosen if their held-out CCC is higher than that of no change. A
    ridge regression is chosen in place of both if its held-out CCC is clearly higher: a
    paired interval of level `CLEARLY` excludes 0.

    Args:
        task: clips with one rating
    """
    predicted = np.asarray(task.inputs.mean[:, task.target])
    line = shrunken_map(task.truth, predicted)
    mapped = _affine_held_out(task, predicted)
    chosen, best = RatingMap(), predicted
    if ccc(task.truth, mapped) > ccc(task.truth, predicted):
        chosen, best = RatingMap("affine", line), mapped
    known = task.inputs.has_codes
    if not task.ridge or len(np.unique(task.groups.numbers[known])) < INNER:
        return chosen
    folds = divide_groups(task.groups.numbers[known], INNER)
    fitted = fit_ridge(task.truth[known], task.inputs.take(known), folds)
    mapped = mapped.copy()  # `best` may be the same array
    mapped[known] = np.clip(fitted.held_out, *SCALE)
    change = improve(task.truth, best, mapped, task.groups, level=CLEARLY)
    return RatingMap("regression", line, fitted.ridge) if change.low > 0 else chosen


def _affine_held_out(task: RatingTask, predicted: np.ndarray) -> np.ndarray:
    """Return (n,) predictions after offset and gain without the clip's inner fold."""
    mapped = np.empty_like(task.truth)
    for rest, held in divide_groups(task.groups.numbers, INNER):
        mapped[held] = shrunken_map(task.truth[rest], predicted[rest])(predicted[held])
    return np.asarray(np.clip(mapped, *SCALE))


def _interval_width(
    errors: np.ndarray, spread: np.ndarray, groups: ClipGroups, level: float
) -> Width | None:
    """Return the width of intervals around adapted ratings.

    The errors are those on held-out clips, so this is a cross-conformal interval
    (Vovk, 2015, Annals of Mathematics and Artificial Intelligence 74:9). Clips count as
    exchangeable if there are too few speakers for the level. If there are too few clips
    for it, there is no finite interval, and None is returned.
    """
    if len(errors) < least_count(level):
        return None
    enough = groups.count >= least_count(level)
    numbers = groups.numbers if enough else np.arange(len(errors))
    return fit_width(errors, spread, numbers, level)
