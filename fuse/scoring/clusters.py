"""What is taken to be independent in a test set: the unit of every interval.

Utterances of one dialogue, speaker or recording are alike, so an interval that counts
them one by one is too narrow. Units are dialogues where they are known. Where the folds
keep speakers apart and every dialogue has a single speaker, they are speakers: an
interval over dialogues then says nothing of other speakers. In a simulation of 30
speakers with 5 dialogues each, 82 % of the intervals over dialogues held the CCC of all
speakers, and 95 % of those over speakers (``make test-coverage``).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from affuse.data.errors import AffuseError
from affuse.data.runs.run_predictions import FoldRow, Run

UNITS = ("dialogue", "speaker", "recording", "utterance")  # the first known is taken
LEAST = 4  # speakers, to be preferred to dialogues: of fewer, intervals tell nothing


@dataclass(frozen=True)
class ClusterUnit:
    """What is taken to be independent, and why."""

    name: str  # one of UNITS
    reason: str  # in words, to follow "because"; "" if it was asked for


def choose(run: Run, wanted: ClusterUnit | str = "") -> ClusterUnit:
    """Return the unit of a run's intervals.

    Args:
        run: with its folds
        wanted: one of `UNITS`; "" for the first one that is known; or a unit that was
            chosen before, for all rows of a table, say

    Raises:
        AffuseError: if there is no such unit
    """
    if isinstance(wanted, ClusterUnit):
        return wanted
    if wanted and wanted not in UNITS:
        raise AffuseError(f"no unit {wanted!r}: choose from {', '.join(UNITS)}")
    tested = [row for row in run.folds if row.part == "test"]
    if wanted:
        known = wanted == "utterance" or any(getattr(row, wanted) for row in tested)
        return (
            ClusterUnit(wanted, "")
            if known
            else ClusterUnit("utterance", f"no {wanted} is known")
        )
    if _within_speakers(tested) and _keeps_apart(run.folds):
        if _count(tested, "speaker") >= LEAST:
            reason = "each dialogue has one speaker and the folds keep speakers apart"
            return ClusterUnit("speaker", reason)
    # a single dialogue is kept, for its utterances depend on each other
    fewest = {"dialogue": 1, "speaker": 2, "recording": 2}
    for unit, least in fewest.items():
        if _count(tested, unit) >= least:
            return ClusterUnit(unit, _reason(tested, unit))
    return ClusterUnit("utterance", _reason(tested, "utterance"))


def _count(rows: Sequence[FoldRow], unit: str) -> int:
    """Return how many different units are known."""
    return len({getattr(row, unit) for row in rows} - {""})


def alone(rows: Sequence[FoldRow], unit: str) -> int:
    """Return how many utterances stand for themselves, for they lack the unit."""
    if unit == "utterance":
        return 0
    return sum(not getattr(row, unit) for row in rows)


def _reason(rows: Sequence[FoldRow], unit: str) -> str:
    """Return why a unit was taken: there are too few of each unit before it."""
    before = UNITS[: UNITS.index(unit)]
    if not before:
        return "utterances of one dialogue are alike"
    single = [name for name in before if _count(rows, name)]
    unknown = " or ".join(name for name in before if name not in single)
    found = [f"only one {name} is tested" for name in single]
    return " and ".join([*found, *([f"no {unknown} is known"] if unknown else [])])


def _within_speakers(tested: Sequence[FoldRow]) -> bool:
    """Return True if each dialogue has one speaker, and a speaker several dialogues."""
    speakers: dict[str, set[str]] = {}
    for row in tested:
        if row.dialogue:
            speakers.setdefault(row.dialogue, set()).add(row.speaker)
    single = all(len(names) == 1 and "" not in names for names in speakers.values())
    return single and len(set().union(*speakers.values())) < len(speakers)


def _keeps_apart(rows: Sequence[FoldRow]) -> bool:
    """Return True if no speaker of a fold's test part is in its other parts."""
    tested = {(row.fold, row.speaker) for row in rows if row.part == "test"}
    others = {(row.fold, row.speaker) for row in rows if row.part != "test"}
    return not tested & others
