"""Scale of the ratings that a run was trained on, and predictions on that scale."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from affuse.data.records import Corpus
from affuse.data.runs.run_information import RunInfo
from affuse.fuse.linting.evidence import Evidence
from affuse.fuse.linting.rules.ratings import CLOSE

Scale = tuple[float, float]  # lowest and highest nominal rating
SPREAD = "_deviation"  # suffix of columns that hold standard deviations, not ratings


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
    if info.scale is not None or corpus is None or corpus.scale is None:
        return info.scale
    evidence = Evidence(info, (), {}, {}, run, corpus)
    try:
        joined = evidence.joined
    except FileNotFoundError:  # its training was interrupted
        return None
    distance = np.abs(evidence.truth(joined.id.tolist()) - joined.truth)
    return corpus.scale if (distance <= CLOSE).all() else None


def format_scale(scale: Scale) -> str:
    """Return a scale in words.

    Args:
        scale: lowest and highest rating

    Examples:
        >>> format_scale((1.0, 5.0)), format_scale((-0.5, 0.5))
        ('1 to 5', '-0.5 to 0.5')
    """
    low, high = scale
    return f"{low:g} to {high:g}"


def scaled_columns(
    columns: Mapping[str, np.ndarray], scale: Scale
) -> dict[str, np.ndarray]:
    """Return columns of a table on a scale, with names that state the scale.

    Args:
        columns: {name: values on [-1, 1]}; deviations are lengths on that scale
        scale: of the corpus

    Examples:
        >>> scaled_columns({"valence": np.array([0.5])}, (1.0, 5.0))
        {'valence_1_to_5': array([4.])}
        >>> scaled_columns({"valence_deviation": np.array([0.5])}, (1.0, 5.0))
        {'valence_deviation_1_to_5': array([1.])}
    """
    low, high = scale
    suffix = format_scale(scale).replace(" ", "_")
    # This undoes `affuse.data.rating_scales.rescale`.
    middle, half = (low + high) / 2, (high - low) / 2
    return {
        f"{name}_{suffix}": half * values + (0 if name.endswith(SPREAD) else middle)
        for name, values in columns.items()
    }
