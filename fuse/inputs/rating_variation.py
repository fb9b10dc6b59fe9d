"""Whether a CCC is defined: a rating must vary in the rows that it is scored on.

The CCC of predictions with a constant rating is 0 whatever they are, or undefined where
they are the same constant, so it measures nothing; and nothing can be learnt of a
rating that is constant in training. One rule for networks, baselines and decisions.
"""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from affuse.data.errors import AffuseError
from affuse.data.runs.run_predictions import Run
from affuse.data.splits.protocols import Fold
from affuse.fuse.inputs import rating_remedies
from affuse.fuse.inputs.tensors import Aligned

SHOWN = 6  # places that a footnote names
REMEDY = "divide the utterances in another way"  # where no protocol is known


def constant(truth: np.ndarray) -> np.ndarray:
    """Return for each rating whether all rows have the same value: (targets,) bool.

    Args:
        truth: (n, targets); without rows nothing is constant
    """
    if not len(truth):
        return np.zeros(truth.shape[1], bool)
    return np.asarray(truth.min(axis=0) == truth.max(axis=0))


def undefined(
    truth: np.ndarray,
    targets: Sequence[str],
    *,
    part: str,
    where: str = "",
    remedy: str = REMEDY,
) -> str:
    """Return a sentence if a CCC is not defined; "" if all are.

    Args:
        truth: (n, targets) ratings of one part of one fold
        targets: names of the columns
        part: "training", "validation" or "test"
        where: run, fold or model in words
        remedy: what to do, in words

    Examples:
        >>> undefined(np.zeros((2, 1)), ["valence"], part="test", where="fold '5'")
        "fold '5': the test CCC of valence is not defined: all 2 utterances have the \
same rating; divide the utterances in another way"
    """
    names = [name for name, same in zip(targets, constant(truth), strict=False) if same]
    if not names:
        return ""
    count = len(truth)
    alike = (
        "there is one utterance alone"
        if count == 1
        else f"all {count:,} utterances have the same rating"
    )
    what = f"the {part} CCC of {' and '.join(names)} is not defined: {alike}; {remedy}"
    return f"{where}: {what}" if where else what


def demand_defined(
    truth: np.ndarray,
    targets: Sequence[str],
    *,
    part: str,
    where: str = "",
    remedy: str = REMEDY,
) -> None:
    """Refuse rows on which the CCC of a rating is not defined; see `undefined`.

    Raises:
        AffuseError: naming part, rating and remedy
    """
    sentence = undefined(truth, targets, part=part, where=where, remedy=remedy)
    if sentence:
        raise AffuseError(sentence)


def demand_folds(
    aligned: Aligned, folds: Sequence[Fold], *, protocol: str, test: bool
) -> None:
    """Refuse folds in which a CCC is not defined, before time is spent on any.

    Args:
        aligned: utterances and their ratings
        folds: that shall be trained on
        protocol: that divided the utterances
        test: look at the ratings of the test part too, which will be scored

    Raises:
        AffuseError: naming fold, part, rating and remedy
    """
    _demand_variation(aligned)
    for fold in folds:
        parts = {"training": fold.train, "validation": fold.validation}
        if test:
            parts["test"] = fold.test
        for part, ids in parts.items():
            truth = aligned.truth[aligned.places(ids)]
            if undefined(truth, aligned.targets, part=part):
                advice = rating_remedies.remedy(aligned, protocol, len(folds))
                where = f"fold '{fold.name}'"
                demand_defined(
                    truth, aligned.targets, part=part, where=where, remedy=advice
                )


def _demand_variation(aligned: Aligned) -> None:
    """Refuse a rating that is constant in all utterances, however they are divided.

    Raises:
        AffuseError: naming the ratings, and the remedy that can help
    """
    same = constant(aligned.truth)
    count, names = len(aligned.truth), np.array(aligned.targets)[same].tolist()
    if not names or count == 1:
        return
    ends = bool(np.all(np.abs(aligned.truth[:, same]) == 1))
    if aligned.outside and ends:
        remedy = (
            f"{aligned.outside:,} utterances have ratings outside the scale, which "
            f"were clipped to its end; extract again with the scale of the ratings: "
            f"--scale LOWEST HIGHEST"
        )
    elif len(names) == len(aligned.targets):
        remedy = "no other rating is left to learn; correct the ratings of the corpus"
    else:
        left = " ".join(f"--map {name}=" for name in names)
        remedy = (
            f"no other division helps; leave it out of the corpus: for a table, "
            f"extract again with {left}"
        )
    raise AffuseError(
        f"{' and '.join(names)} cannot be learnt: all {count:,} utterances that can be "
        f"used have the same rating; {remedy}"
    )


def undefined_notes(parts: Sequence[Mapping[str, Run]]) -> Iterator[str]:
    """Yield a footnote that names each CCC of a table that is not defined.

    Args:
        parts: of each row the runs that its sections score
    """
    found: dict[str, None] = {}
    for sections in parts:
        for section, run in sections.items():
            found |= dict.fromkeys(_places(section, run))
    if found:
        named = list(found)
        more = f" and {len(named) - SHOWN:,} more" if len(named) > SHOWN else ""
        yield (
            f"CCC not defined, so neither is a mean with it (-), because all test "
            f"utterances of a fold have the same rating: "
            f"{'; '.join(named[:SHOWN])}{more}"
        )


def _places(section: str, run: Run) -> Iterator[str]:
    """Yield section, rating, fold and count wherever a rating is constant."""
    p = run.predictions
    for fold in sorted(set(p.fold.tolist())):
        rows = p.fold == fold
        truth = p.truth[rows & (p.seed == p.seed[rows][0])]
        where = "" if section == "all" else f"{section}, "
        for name, same in zip(run.info.targets, constant(truth), strict=True):
            if same:
                yield f"{where}{name} in fold '{fold}' (of {len(truth):,})"
