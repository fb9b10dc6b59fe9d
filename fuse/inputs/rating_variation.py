"""Check that ratings vary in the rows that are scored, so that their CCC is defined.

The CCC with a constant rating is 0 for varying predictions and undefined for the same
constant, so it measures nothing. A rating that is constant in training cannot be
learnt. The rule is the same for networks, baselines and decision fusion.
"""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from affuse.data.errors import AffuseError
from affuse.data.runs.run_predictions import Run
from affuse.data.splits.protocols import Fold
from affuse.fuse.inputs import rating_remedies
from affuse.fuse.inputs.tensors import AlignedCorpus

SHOWN = 6  # number of folds that a footnote names
REMEDY = "divide the utterances in another way"  # advice without a protocol


def is_constant(truth: np.ndarray) -> np.ndarray:
    """Return True for ratings with the same value in all rows: (targets,) bool.

    Args:
        truth: (n, targets); without rows the result is False
    """
    if not len(truth):
        return np.zeros(truth.shape[1], bool)
    return np.asarray(truth.min(axis=0) == truth.max(axis=0))


def describe_undefined_ccc(
    truth: np.ndarray,
    targets: Sequence[str],
    *,
    part: str,
    where: str = "",
    remedy: str = REMEDY,
) -> str:
    """Return a sentence if a CCC is not defined, or "" if all are defined.

    Args:
        truth: (n, targets) ratings of one part of one fold
        targets: names of the columns
        part: "training", "validation" or "test"
        where: description of the run, fold or model
        remedy: advice to the user

    Examples:
        >>> truth = np.zeros((2, 1))
        >>> describe_undefined_ccc(truth, ["valence"], part="test", where="fold '5'")
        "fold '5': the test CCC of valence is not defined: all 2 utterances have the \
same rating; divide the utterances in another way"
    """
    names = [
        name for name, same in zip(targets, is_constant(truth), strict=False) if same
    ]
    if not names:
        return ""
    count = len(truth)
    alike = (
        "there is only one utterance"
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
    """Raise the error of `describe_undefined_ccc` if the CCC of a rating is undefined.

    Args:
        truth: (n, targets) ratings of one part of one fold
        targets: names of the columns
        part: "training", "validation" or "test"
        where: description of the run, fold or model
        remedy: advice to the user

    Raises:
        AffuseError: naming part, rating and remedy
    """
    sentence = describe_undefined_ccc(
        truth, targets, part=part, where=where, remedy=remedy
    )
    if sentence:
        raise AffuseError(sentence)


def demand_folds(
    aligned: AlignedCorpus, folds: Sequence[Fold], *, protocol: str, test: bool
) -> None:
    """Raise an error if a CCC is not defined in a fold, before any is trained.

    Args:
        aligned: utterances and their ratings
        folds: folds to train
        protocol: protocol that divided the utterances
        test: check the test part too, which will be scored

    Raises:
        AffuseError: naming fold, part, rating and remedy
    """
    _demand_variation(aligned)
    for fold in folds:
        parts = {"training": fold.train, "validation": fold.validation}
        if test:
            parts["test"] = fold.test
        for part, ids in parts.items():
            truth = aligned.truth[aligned.row_indices(ids)]
            if describe_undefined_ccc(truth, aligned.targets, part=part):
                advice = rating_remedies.suggest_remedy(aligned, protocol, len(folds))
                where = f"fold '{fold.name}'"
                demand_defined(
                    truth, aligned.targets, part=part, where=where, remedy=advice
                )


def _demand_variation(aligned: AlignedCorpus) -> None:
    """Raise an error if a rating is constant in all utterances.

    Raises:
        AffuseError: naming the ratings, and a remedy that helps
    """
    same = is_constant(aligned.truth)
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
    """Yield a footnote that names each undefined CCC of a table.

    Args:
        parts: for each row, {section: run that is scored}
    """
    undefined_in: dict[str, None] = {}
    for sections in parts:
        for section, run in sections.items():
            undefined_in |= dict.fromkeys(_constant_ratings(section, run))
    if undefined_in:
        named = list(undefined_in)
        more = f" and {len(named) - SHOWN:,} more" if len(named) > SHOWN else ""
        yield (
            f"CCC not defined (-), nor is a mean that includes it, because all test "
            f"utterances of a fold have the same rating: "
            f"{'; '.join(named[:SHOWN])}{more}"
        )


def _constant_ratings(section: str, run: Run) -> Iterator[str]:
    """Yield section, rating, fold and count of each constant rating."""
    p = run.predictions
    for fold in sorted(set(p.fold.tolist())):
        rows = p.fold == fold
        truth = p.truth[rows & (p.seed == p.seed[rows][0])]
        where = "" if section == "all" else f"{section}, "
        for name, same in zip(run.info.targets, is_constant(truth), strict=True):
            if same:
                yield f"{where}{name} in fold '{fold}' (of {len(truth):,})"
