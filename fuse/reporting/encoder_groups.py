"""Rows of a table by the encoders that they are built on, with a heading for each."""

import json
from collections.abc import Sequence

from affuse.data.runs.run_information import RunInfo
from affuse.fuse.reporting.row_labels import describe

Encoders = frozenset[tuple[str, str]]  # of modalities, each with all that is recorded


def headings(infos: Sequence[RunInfo]) -> list[str]:
    """Return the heading of the group of each run; "" where one group holds all.

    A run of one modality stands with those that take the same encoder beside others. It
    has a group of its own where several groups take that encoder, or none does.
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
    found = []
    for own in encoders:
        wider = {
            other for other in encoders if own < other and _maximal(other, encoders)
        }
        group = wider.pop() if len(wider) == 1 else own
        found.append("; ".join(sorted(words[encoder] for encoder in group)))
    return found


def _encoders(info: RunInfo) -> Encoders:
    """Return the modalities of a run with their encoders, in a form that compares."""
    return frozenset(
        (modality, json.dumps(facts, sort_keys=True, default=str))
        for modality, facts in info.encoders.items()
    )


def _several(encoders: Sequence[Encoders]) -> bool:
    """Return True if any modality has more than one encoder."""
    distinct = frozenset[tuple[str, str]]().union(*encoders)
    modalities = [modality for modality, _ in distinct]
    return len(modalities) > len(set(modalities))


def _maximal(one: Encoders, encoders: Sequence[Encoders]) -> bool:
    """Return True if no run takes these encoders beside others."""
    return not any(one < other for other in encoders)
