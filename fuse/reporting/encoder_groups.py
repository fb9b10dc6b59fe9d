"""Groups of a table's rows by their encoders, with a heading for each group."""

import json
from collections.abc import Sequence

from affuse.data.runs.run_information import RunInfo
from affuse.fuse.reporting.row_labels import describe

Encoders = frozenset[tuple[str, str]]  # pairs of a modality and its encoder's record


def headings(infos: Sequence[RunInfo]) -> list[str]:
    """Return the heading of each run's group; "" if all runs are in one group.

    A run of one modality is in the group of the runs that combine its encoder with
    others. If there are several such groups or none, it has a separate group.

    Args:
        infos: of the runs of a table
    """
    encoders = [_encoders(info) for info in infos]
    if not _several(encoders):
        return [""] * len(infos)
    words = {
        (modality, json.dumps(facts, sort_keys=True, default=str)): describe(
            modality, facts
        )
        for info in infos
        for modality, facts in info.encoders.items()
    }
    heads = []
    for each in encoders:
        wider = {
            other for other in encoders if each < other and _maximal(other, encoders)
        }
        group = wider.pop() if len(wider) == 1 else each
        heads.append("; ".join(sorted(words[encoder] for encoder in group)))
    return heads


def _encoders(info: RunInfo) -> Encoders:
    """Return the modalities of a run with their encoders, in comparable form."""
    return frozenset(
        (modality, json.dumps(facts, sort_keys=True, default=str))
        for modality, facts in info.encoders.items()
    )


def _several(encoders: Sequence[Encoders]) -> bool:
    """Return True if a modality has several encoders."""
    distinct = frozenset[tuple[str, str]]().union(*encoders)
    modalities = [modality for modality, _ in distinct]
    return len(modalities) > len(set(modalities))


def _maximal(group: Encoders, encoders: Sequence[Encoders]) -> bool:
    """Return True if no run combines these encoders with others."""
    return not any(group < other for other in encoders)
