"""What is to be known of calibrated figures, in sentences."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from affuse.data.runs.run_predictions import Run
from affuse.fuse.calibration.calibration_fitting import Calibrations
from affuse.fuse.calibration.calibration_scores import CalibrationScores
from affuse.fuse.calibration.conformal import chance, needed
from affuse.fuse.calibration.rejection import LEAST, RejectionPoint
from affuse.fuse.reporting.footnotes import shared_speakers
from affuse.fuse.scoring.affine import IDENTITY
from affuse.fuse.scoring.failure_notes import sentences
from affuse.fuse.wording import count


def notes(
    run: Run,
    found: Calibrations,
    measured: Mapping[str, CalibrationScores],
    curves: Mapping[str, Sequence[RejectionPoint]],
) -> Iterator[str]:
    """One sentence an entry."""
    for sentence, _ in sentences(run.predictions, run.info.targets):
        yield (
            f"On the test part, {sentence}; a map brings such numbers into the scale, "
            f"and makes no result of them"
        )
    least = min(each[0].groups for each in found.folds.values())
    yield (
        f"Intervals: split conformal, {found.level:.0%}; in each fold, "
        f"{count(least, found.by)} of validation or more, taken as exchangeable"
    )
    if found.by == "utterance":
        yield (
            f"Were they so, the share held would be within {_chance(run, found):.1%} "
            f"of {found.level:.0%} (two standard deviations); it can be less because "
            f"the same parts chose the epochs, and the test is of another kind"
        )
    yield from _exchangeable(run, found)
    yield from _learnt(found, measured)
    if any(curves.values()):
        yield (
            "Left out: the CCC also falls where the ratings that are kept differ less; "
            "read it with the RMSE"
        )
    else:
        yield (
            f"No rejection curve: it takes two seeds, whose disagreement tells which "
            f"utterances are uncertain, and {LEAST} test utterances a fold"
        )


def _learnt(
    found: Calibrations, measured: Mapping[str, CalibrationScores]
) -> Iterator[str]:
    """Say which intervals grow, what was clipped, and what was not mapped."""
    grown = {name: m.growing for name, m in measured.items() if m.growing}
    if grown:
        said = ", ".join(f"{name} in {count(n, 'fold')}" for name, n in grown.items())
        yield f"Wider where the seeds disagree: {said}; chosen by width on validation"
    beyond = {name: m.beyond for name, m in measured.items() if m.beyond}
    if beyond:
        said = ", ".join(f"{name} {n:,}" for name, n in beyond.items())
        yield (
            f"Mapped beyond the scale, and set to its end: {said} of the predictions "
            f"for the test; the figures after the map include that"
        )
    left = [
        f"{target} in {fold}"
        for fold, each in found.folds.items()
        for target, calibration in zip(found.targets, each, strict=True)
        if calibration.map == IDENTITY
    ]
    if left:
        yield f"Not mapped, for want of a positive correlation: {', '.join(left)}"


def _chance(run: Run, found: Calibrations) -> float:
    """`chance` for the sizes of these folds."""
    tested = Counter(row.fold for row in run.folds if row.part == "test")
    sizes = [(each[0].utterances, tested[fold]) for fold, each in found.folds.items()]
    return chance(found.level, sizes)


def _exchangeable(run: Run, found: Calibrations) -> Iterator[str]:
    """Why the promise may not hold for the speakers of the test."""
    shared = shared_speakers([run])
    if shared is None or found.by == "speaker":
        return
    if "validation+test" not in shared:
        yield (
            f"The test has other speakers than validation, and may be covered less; "
            f"intervals for new speakers (--by speaker) take {needed(found.level)} "
            f"speakers of validation in each fold"
        )
    if "train+validation" in shared:
        yield (
            "Validation shares speakers with training, so its errors and intervals "
            "may be too small for new speakers"
        )
