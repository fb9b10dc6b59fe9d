"""Footnotes on calibrated figures: assumptions, clipping and missing curves."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from affuse.data.runs.run_predictions import Run
from affuse.fuse.calibration.calibration_fitting import Calibrations
from affuse.fuse.calibration.calibration_scores import CalibrationScores
from affuse.fuse.calibration.conformal import coverage_tolerance, least_count
from affuse.fuse.calibration.rejection import LEAST, RejectionPoint
from affuse.fuse.reporting.footnotes import shared_speakers
from affuse.fuse.scoring.affine import IDENTITY
from affuse.fuse.scoring.failure_notes import sentences
from affuse.fuse.wording import count


def notes(
    run: Run,
    calibrations: Calibrations,
    measured: Mapping[str, CalibrationScores],
    curves: Mapping[str, Sequence[RejectionPoint]],
) -> Iterator[str]:
    """Yield the footnotes of a calibration, one sentence each.

    Args:
        run: the calibrated run
        calibrations: of all its folds and ratings
        measured: rating -> figures on the test parts
        curves: rating -> rejection curve, empty if there is none
    """
    for sentence, _ in sentences(run.predictions, run.info.targets):
        yield (
            f"On the test part, {sentence}; calibration maps such predictions into the "
            f"scale, but they remain meaningless"
        )
    least = min(each[0].groups for each in calibrations.folds.values())
    yield (
        f"Intervals: split conformal, {calibrations.level:.0%}; each fold has at least "
        f"{count(least, calibrations.by)} of validation, assumed to be exchangeable"
    )
    if calibrations.by == "utterance":
        yield (
            f"If the utterances are exchangeable, the coverage is usually "
            f"{calibrations.level:.0%} plus or minus "
            f"{100 * _coverage_tolerance(run, calibrations):.1f} percentage points "
            f"(two standard deviations); it can be lower, "
            f"because the validation parts also selected the best epochs, and the test "
            f"parts may differ from them"
        )
    yield from _exchangeability_notes(run, calibrations)
    yield from _fit_notes(calibrations, measured)
    if any(curves.values()):
        yield (
            "Rejection curve: the CCC also falls where the remaining ratings vary "
            "less; read it with the RMSE"
        )
    else:
        yield (
            f"No rejection curve: it takes two seeds, whose disagreement shows which "
            f"utterances are uncertain, and {LEAST} test utterances in each fold"
        )


def _fit_notes(
    calibrations: Calibrations, measured: Mapping[str, CalibrationScores]
) -> Iterator[str]:
    """Yield notes on growing intervals, clipped predictions and missing maps."""
    grown = {name: m.growing for name, m in measured.items() if m.growing}
    if grown:
        words = ", ".join(f"{name} in {count(n, 'fold')}" for name, n in grown.items())
        yield (
            f"Intervals wider where the seeds disagree: {words}; selected because they "
            f"are narrower on validation"
        )
    beyond = {name: m.beyond for name, m in measured.items() if m.beyond}
    if beyond:
        words = ", ".join(f"{name} {n:,}" for name, n in beyond.items())
        yield (
            f"Test predictions that the map put outside the scale, clipped to its end: "
            f"{words}; the figures after the map include them"
        )
    unmapped = [
        f"{target} in {fold}"
        for fold, each in calibrations.folds.items()
        for target, calibration in zip(calibrations.targets, each, strict=True)
        if calibration.map == IDENTITY
    ]
    if unmapped:
        words = ", ".join(unmapped)
        yield f"Not mapped, because the correlation is not positive: {words}"


def _coverage_tolerance(run: Run, calibrations: Calibrations) -> float:
    """Return `conformal.coverage_tolerance` for the sizes of these folds."""
    tested = Counter(row.fold for row in run.folds if row.part == "test")
    sizes = [
        (each[0].utterances, tested[fold]) for fold, each in calibrations.folds.items()
    ]
    return coverage_tolerance(calibrations.level, sizes)


def _exchangeability_notes(run: Run, calibrations: Calibrations) -> Iterator[str]:
    """Yield reasons why the guarantee may not hold for the speakers of the test."""
    shared = shared_speakers([run])
    if shared is None or calibrations.by == "speaker":
        return
    if "validation+test" not in shared:
        yield (
            f"The test has other speakers than validation, so its coverage may be "
            f"lower; intervals for new speakers (--by speaker) take "
            f"{least_count(calibrations.level)} speakers of validation in each fold"
        )
    if "train+validation" in shared:
        yield (
            "Validation shares speakers with training, so its errors and intervals "
            "may be too small for new speakers"
        )
