"""Other divisions of a corpus, which are tried before an error suggests them.

If a rating is constant in a part of a fold, another protocol, number of folds or seed
may help. Each is tried on the ratings, and the error suggests only those that work.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from affuse.data.errors import AffuseError
from affuse.data.records import Utterance
from affuse.data.splits.protocol_alternatives import GROUPS, alternatives
from affuse.data.splits.protocols import Fold, folds
from affuse.fuse.inputs.tensors import AlignedCorpus

LEAST = 2  # smallest number of utterances in a part of a fold, so a rating can vary
MOST = 10  # largest number of folds, and number of seeds, that are tried
DivisionOption = tuple[str, str, int, int]  # command-line option, protocol, folds, seed


def suggest_remedy(aligned: AlignedCorpus, protocol: str, count: int) -> str:
    """Return advice on how to get ratings that vary in every part of every fold.

    Args:
        aligned: utterances and their ratings
        protocol: protocol whose division failed
        count: number of its folds
    """
    if len(aligned.utterances) < 3 * LEAST:
        return (
            f"add utterances, because training, validation and test part of a fold "
            f"need {LEAST} or more each"
        )
    groups = (
        _numbers(protocol),
        _seeds(protocol, max(count, 3)),
        _protocols(aligned.utterances, protocol),
    )
    ways = [next((o[0] for o in g if _works(aligned, *o[1:])), "") for g in groups]
    if working := [way for way in ways if way]:
        return f"choose {' or '.join(working)}"
    return (
        "no other protocol, number of folds or seed that was tried helps; correct the "
        "ratings of the corpus, or leave the rating out: for a table, extract again "
        "with --map RATING="
    )


def _numbers(protocol: str) -> Iterator[DivisionOption]:
    """Yield other numbers of folds, for the protocol with a variable number."""
    if protocol == "speakers":
        for number in range(3, MOST + 1):
            yield f"--folds {number}", protocol, number, 0


def _seeds(protocol: str, count: int) -> Iterator[DivisionOption]:
    """Yield other seeds, for protocols with random choices."""
    if protocol in ("speakers", "session5", "official"):
        for seed in range(1, MOST + 1):
            yield f"--set split_seed={seed}", protocol, count, seed


def _protocols(
    utterances: Sequence[Utterance], protocol: str
) -> Iterator[DivisionOption]:
    """Yield other protocols that these utterances allow."""
    for option in alternatives(utterances, protocol):
        name, _, number = option.removeprefix("--protocol ").partition(" --folds ")
        yield option, name, int(number or GROUPS), 0


def _works(aligned: AlignedCorpus, protocol: str, count: int, seed: int) -> bool:
    """Return True if all ratings vary in all parts of a division."""
    try:
        divided = folds(aligned.utterances, protocol, folds=count, seed=seed)
    except AffuseError:
        return False
    return all(_vary(aligned, fold) for fold in divided)


def _vary(aligned: AlignedCorpus, fold: Fold) -> bool:
    """Return True if all ratings vary in all parts of a fold."""
    parts = (
        aligned.truth[aligned.row_indices(i)]
        for i in (fold.train, fold.validation, fold.test)
    )
    return all(bool(np.all(part.min(axis=0) < part.max(axis=0))) for part in parts)
