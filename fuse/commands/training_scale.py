"""Scale of the ratings that a run was trained on."""

from pathlib import Path

import numpy as np

from affuse.data.records import Corpus
from affuse.data.runs.run_information import RunInfo
from affuse.data.scale_columns import Scale
from affuse.fuse.linting.evidence import Evidence
from affuse.fuse.linting.rules.ratings import CLOSE


def scale_of_run(run: Path, info: RunInfo, corpus: Corpus | None) -> Scale | None:
    """Return the scale of the released ratings, or None if it is unknown.

    A run of an older version does not record the scale. Then the scale of the cached
    corpus is used, if the corpus has the ratings that the run was tested with.

    Args:
        run: folder of the run
        info: description of the run
        corpus: the training corpus; None if it is not cached

    Raises:
        DamagedFileError: if the predictions of the run are damaged
    """
    is_recorded = info.scale is not None or info.members
    if is_recorded or corpus is None or corpus.scale is None:
        return info.scale
    evidence = Evidence(info, (), {}, {}, run, corpus)
    try:
        joined = evidence.joined
    except FileNotFoundError:  # its training was interrupted
        return None
    distance = np.abs(evidence.truth(joined.id.tolist()) - joined.truth)
    return corpus.scale if (distance <= CLOSE).all() else None
