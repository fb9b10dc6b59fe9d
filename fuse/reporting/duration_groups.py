"""Groups of a run's test utterances by the duration of their recordings."""

from collections.abc import Mapping

import numpy as np

from affuse.data.runs.run_predictions import Run
from affuse.fuse.reporting.sections import subset

GROUPS = 4  # of about the same number of utterances


def duration_groups(run: Run, seconds: Mapping[str, float]) -> dict[str, Run]:
    """Return a run's test utterances in four groups of rising duration.

    Args:
        run: of any corpus
        seconds: duration of each utterance by its id; others are in no group

    Returns:
        {range of durations, such as ``1.8 to 2.4 s``: run}; {} if fewer than two groups
        differ
    """
    tested = np.unique(run.predictions.id).tolist()
    known = [seconds[id_] for id_ in tested if id_ in seconds]
    if not known:
        return {}
    shares = np.linspace(0, 1, GROUPS + 1)
    edges = np.unique(np.round(np.quantile(known, shares), 1)).tolist()
    groups = {}
    for number, (low, high) in enumerate(zip(edges, edges[1:], strict=False), 1):
        is_last = number == len(edges) - 1
        found = {
            id_
            for id_ in tested
            if id_ in seconds
            and (number == 1 or seconds[id_] >= low)
            and (is_last or seconds[id_] < high)
        }
        part = subset(run, lambda row, ids=found: row.id in ids)  # type: ignore[misc]
        if part:
            groups[f"{low:g} to {high:g} s"] = part
    return groups if len(groups) > 1 else {}
