"""Sentences on conditions in which trained models fail, one for all conditions.

The limits are those of `affuse.fuse.scoring.failed_training`. Models that predict well
on clean inputs may fail on degraded ones, so nothing is said about their training.
"""

from collections.abc import Iterator, Sequence

from affuse.data.runs.run_predictions import Run
from affuse.fuse.robustness.condition_records import ConditionFacts
from affuse.fuse.scoring.failed_training import failures, limits, models
from affuse.fuse.wording import count


def condition_warnings(
    facts: Sequence[ConditionFacts], runs: Sequence[Run]
) -> Iterator[str]:
    """Yield a sentence on predictions far outside the scale, and one on constants.

    Args:
        facts: on each condition
        runs: with the predictions in each condition
    """
    wide, flat = [], []
    for each, run in zip(facts, runs, strict=True):
        failed = failures(run.predictions, run.info.targets)
        total = len(models(run.predictions))
        if far := sum(failure.far for failure in failed):
            number = len({f.model for f in failed if f.far})
            wide.append(
                f"{each.label} ({count(far, 'prediction')} of {number} of {total} "
                f"models)"
            )
        if constant := {f.model for f in failed if f.constant}:
            flat.append(f"{each.label} ({len(constant)} of {total} models)")
    if wide:
        low, high = limits(runs[0].predictions.truth)
        yield (
            f"predictions far outside the scale, below {low:g} or above {high:g} "
            f"where the scale is -1 to 1: {'; '.join(wide)}"
        )
    if flat:
        yield (
            f"nearly the same prediction for all utterances, so a CCC near 0: "
            f"{'; '.join(flat)}"
        )
