"""Common test utterances of two rows, one of which was trained elsewhere.

A system from elsewhere may lack a few test utterances. Then a difference to it is that
of the utterances which both rows have, and whoever shows it states their number. Runs
of this package are compared only if they were scored on the same utterances.
"""

from dataclasses import dataclass

from affuse.data.errors import AffuseError
from affuse.data.runs.fold_table import FoldRow
from affuse.data.runs.run_predictions import Run
from affuse.fuse.reporting.sections import subset
from affuse.fuse.wording import count

LEAST_COMMON = 0.95  # share of the test utterances of each row


class TooFewCommonError(AffuseError):
    """Error if two rows have too few test utterances in common."""


@dataclass(frozen=True)
class ComparedPair:
    """Predictions of two rows for a comparison."""

    a: Run
    b: Run
    utterances: int = 0  # that both rows have; 0 if both have the same
    tested: int = 0  # that at least one of them has


def is_enough(common: int, tested: int) -> bool:
    """Return True if enough test utterances are common to compare rows on them.

    Args:
        common: number of the common utterances
        tested: number of the utterances of a row

    Examples:
        >>> is_enough(95, 100), is_enough(94, 100)
        (True, False)
    """
    return 0 < common >= LEAST_COMMON * tested


def take_common(a: Run, b: Run) -> ComparedPair:
    """Return two rows on their common utterances if one was trained elsewhere.

    Args:
        a: predictions of a row in one section
        b: predictions of another row in the same section

    Raises:
        TooFewCommonError: if less than 95 % of the utterances of a row are common
    """
    if not (a.is_imported or b.is_imported):
        return ComparedPair(a, b)
    mine, yours = _places(a), _places(b)
    if mine == yours:
        return ComparedPair(a, b)
    common = mine & yours
    if not all(is_enough(len(common), len(each)) for each in (mine, yours)):
        raise TooFewCommonError(
            f"only {len(common):,} of {count(len(mine | yours), 'test utterance')} "
            f"have predictions of both, and {LEAST_COMMON:.0%} are needed"
        )

    def is_common(row: FoldRow) -> bool:
        return (row.fold, row.id) in common

    first, second = subset(a, is_common), subset(b, is_common)
    assert first is not None  # some utterances are common
    assert second is not None
    return ComparedPair(first, second, len(common), len(mine | yours))


def _places(run: Run) -> set[tuple[str, str]]:
    """Return the fold and the id of each utterance of a run."""
    p = run.predictions
    return {*zip(p.fold.tolist(), p.id.tolist(), strict=True)}
