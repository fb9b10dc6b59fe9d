"""Choice of the cluster unit that is assumed to be independent in a test set.

Utterances of one dialogue, speaker or recording are correlated, so an interval that
treats them as independent is too narrow. The unit is the dialogue if dialogues are
known. It is the speaker if folds are speaker-independent and every dialogue has a
single speaker, because an interval over dialogues does not hold for other speakers. In
a simulation of 30 speakers with 5 dialogues each, 82 % of the intervals over dialogues
contained the CCC of all speakers, and 95 % of those over speakers
(``make test-coverage``).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from affuse.data.errors import AffuseError
from affuse.data.runs.run_predictions import FoldRow, Run

UNITS = ("dialogue", "speaker", "recording", "utterance")  # in order of preference
LEAST = 4  # speakers; with fewer, their intervals are too wide, so dialogues are used


@dataclass(frozen=True)
class ClusterUnit:
    """Unit that is assumed to be independent, and the reason for it."""

    name: str  # one of UNITS
    reason: str  # clause after "because"; "" if the user requested the unit


def choose(run: Run, unit: ClusterUnit | str = "") -> ClusterUnit:
    """Return the unit of a run's intervals.

    Args:
        run: with its folds
        unit: one of `UNITS`; "" selects a unit automatically; a `ClusterUnit` is
            returned unchanged, so that all rows of a table can share one

    Raises:
        AffuseError: if there is no such unit
    """
    if isinstance(unit, ClusterUnit):
        return unit
    if unit and unit not in UNITS:
        raise AffuseError(f"no unit {unit!r}: choose from {', '.join(UNITS)}")
    tested = [row for row in run.folds if row.part == "test"]
    if unit:
        if unit == "utterance" or any(getattr(row, unit) for row in tested):
            return ClusterUnit(unit, "")
        return ClusterUnit("utterance", f"no {unit} is known")
    if _within_speakers(tested) and _keeps_apart(run.folds):
        if _count(tested, "speaker") >= LEAST:
            reason = "each dialogue has one speaker and the folds keep speakers apart"
            return ClusterUnit("speaker", reason)
    # Even a single dialogue is a unit, because its utterances depend on each other.
    fewest = {"dialogue": 1, "speaker": 2, "recording": 2}
    for name, least in fewest.items():
        if _count(tested, name) >= least:
            return ClusterUnit(name, _reason(tested, name))
    return ClusterUnit("utterance", _reason(tested, "utterance"))


def _count(rows: Sequence[FoldRow], unit: str) -> int:
    """Return the number of different units that are known."""
    return len({getattr(row, unit) for row in rows} - {""})


def count_without_unit(rows: Sequence[FoldRow], unit: str) -> int:
    """Return the number of utterances without a unit, each of which is a cluster.

    Args:
        rows: tested utterances
        unit: one of `UNITS`
    """
    if unit == "utterance":
        return 0
    return sum(not getattr(row, unit) for row in rows)


def _reason(rows: Sequence[FoldRow], unit: str) -> str:
    """Return why a unit was chosen: there are too few of each preferred unit."""
    preferred = UNITS[: UNITS.index(unit)]
    if not preferred:
        return "utterances of one dialogue are alike"
    single = [name for name in preferred if _count(rows, name)]
    unknown = " or ".join(name for name in preferred if name not in single)
    reasons = [f"only one {name} is tested" for name in single]
    return " and ".join([*reasons, *([f"no {unknown} is known"] if unknown else [])])


def _within_speakers(tested: Sequence[FoldRow]) -> bool:
    """Return True if dialogues have one speaker each, and a speaker has several."""
    speakers: dict[str, set[str]] = {}
    for row in tested:
        if row.dialogue:
            speakers.setdefault(row.dialogue, set()).add(row.speaker)
    single = all(len(names) == 1 and "" not in names for names in speakers.values())
    return single and len(set().union(*speakers.values())) < len(speakers)


def _keeps_apart(rows: Sequence[FoldRow]) -> bool:
    """Return True if no speaker is in a fold's test part and in another part of it."""
    tested = {(row.fold, row.speaker) for row in rows if row.part == "test"}
    others = {(row.fold, row.speaker) for row in rows if row.part != "test"}
    return not tested & others
