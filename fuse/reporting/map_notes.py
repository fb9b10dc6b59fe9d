"""Footnotes on affine maps: the rows that have one, its data and its effects."""

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np

from affuse.fuse.models.trainable.design_registry import find_trainable
from affuse.fuse.reporting.mapped_networks import LabelledRun, MappedRows
from affuse.fuse.training.setting_resolution import has_map


def notes(rows: MappedRows, names: Sequence[str]) -> Iterator[str]:
    """Yield footnotes on rows with and without an affine map.

    Args:
        rows: of one table
        names: of the rows, in the same order
    """
    pairs = list(zip(rows.runs, names, strict=True))
    baselines = [(r, n) for r, n in pairs if find_trainable(r.run.info.design).fits_map]
    mapped = [n for row, n in baselines if has_map(row.run.info)]
    networks = [n for row, n in pairs if row.mapped]
    if mapped or networks:
        yield (
            f"Affine map: {', '.join((*mapped, *networks))}; where the correlation is "
            f"positive, each rating's predictions have the mean and deviation of the "
            f"validation ratings, which is the map of highest CCC there. It is fitted "
            f"on validation parts alone, of {_sizes(pairs)}"
        )
        yield from _outside(pairs)
        yield from _unmapped(pairs)
    if raw := [n for row, n in baselines if not has_map(row.run.info)]:
        yield (
            f"No map: {', '.join(raw)}, so the CCC is lower for predictions that vary "
            f"too little (map=affine gives them the map)"
        )
    if networks and mapped:
        yield (
            "Without --against and --pairs, a network with an affine map is compared "
            "with the best baseline that has one too, and no other row is compared "
            "with such a network"
        )
    if rows.lacking:
        yield (
            f"No row with an affine map, because the folders of the models lack "
            f"predictions of validation parts: {', '.join(rows.lacking)}"
        )


def _sizes(pairs: Sequence[tuple[LabelledRun, str]]) -> str:
    """Return the number of utterances that the maps are fitted on, in words."""
    counts = [
        Counter(r.fold for r in row.run.folds if r.part == "validation").values()
        for row, _ in pairs
    ]
    sizes = sorted({size for each in counts for size in each})
    if not sizes:
        return "unknown size"
    few, many = f"{sizes[0]:,}", f"{sizes[-1]:,}"
    return f"{few} utterances" if few == many else f"{few} to {many} utterances"


def _unmapped(pairs: Sequence[tuple[LabelledRun, str]]) -> Iterator[str]:
    """Yield a footnote on each network with maps that change nothing."""
    for row, name in pairs:
        if row.unmapped:
            yield (
                f"{name}: {row.unmapped} of {row.maps} maps change nothing, because "
                f"the correlation with the validation ratings is not positive"
            )


def _outside(pairs: Sequence[tuple[LabelledRun, str]]) -> Iterator[str]:
    """Yield a footnote on mapped predictions outside the scale."""
    mapped = [row.run for row, _ in pairs if row.mapped or has_map(row.run.info)]
    outside = [np.abs(run.predictions.predicted) > 1 for run in mapped]
    count = sum(int(each.sum()) for each in outside)
    if count:
        total = sum(each.size for each in outside)
        yield (
            f"{count:,} of {total:,} mapped predictions lie outside [-1, 1] and are "
            f"not clipped before scoring"
        )
