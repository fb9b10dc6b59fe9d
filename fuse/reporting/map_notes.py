"""Footnotes on affine maps: which rows have one, what it rests on, what it changes."""

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np

from affuse.fuse.models.trainable.design_registry import trainable
from affuse.fuse.reporting.mapped_networks import Labelled, MappedRows
from affuse.fuse.training.setting_resolution import has_map


def notes(rows: MappedRows, names: Sequence[str]) -> Iterator[str]:
    """Yield footnotes on which rows are mapped, and how.

    Args:
        rows: of one table
        names: of the rows, in the same order
    """
    pairs = list(zip(rows.runs, names, strict=True))
    baselines = [(o, n) for o, n in pairs if trainable(o.run.info.design).fits_map]
    mapped = [n for one, n in baselines if has_map(one.run.info)]
    networks = [n for one, n in pairs if one.mapped]
    if mapped or networks:
        yield (
            f"Affine map: {', '.join((*mapped, *networks))}; where the correlation is "
            f"positive, each rating's predictions have the mean and deviation of the "
            f"validation ratings, which is the map of highest CCC there. It is learnt "
            f"on validation parts alone, of {_sizes(pairs)}"
        )
        yield from _outside(pairs)
        yield from _unmapped(pairs)
    if raw := [n for one, n in baselines if not has_map(one.run.info)]:
        yield (
            f"No map: {', '.join(raw)}, so the CCC is lower for predictions that vary "
            f"too little (map=affine gives them the map)"
        )
    if networks and mapped:
        yield (
            "By default a network after the map is compared with the best baseline "
            "that has one, and no row is compared with it"
        )
    if rows.lacking:
        yield (
            f"No row with an affine map, because predictions of validation parts are "
            f"not at hand: {', '.join(rows.lacking)}; they lie in the folders of models"
        )


def _sizes(pairs: Sequence[tuple[Labelled, str]]) -> str:
    """Return how many utterances the maps rest on."""
    counts = [
        Counter(row.fold for row in one.run.folds if row.part == "validation").values()
        for one, _ in pairs
    ]
    sizes = sorted({size for each in counts for size in each})
    if not sizes:
        return "unknown size"
    few, many = f"{sizes[0]:,}", f"{sizes[-1]:,}"
    return f"{few} utterances" if few == many else f"{few} to {many} utterances"


def _unmapped(pairs: Sequence[tuple[Labelled, str]]) -> Iterator[str]:
    """Say how many predictions of networks stay as they are, without correlation."""
    for one, name in pairs:
        if one.unmapped:
            yield (
                f"{name}: {one.unmapped} of {one.maps} maps change nothing, because "
                f"the correlation with the validation ratings is not positive"
            )


def _outside(pairs: Sequence[tuple[Labelled, str]]) -> Iterator[str]:
    """Say how many mapped predictions leave the scale."""
    mapped = [one.run for one, _ in pairs if one.mapped or has_map(one.run.info)]
    said = [np.abs(run.predictions.predicted) > 1 for run in mapped]
    count = sum(int(each.sum()) for each in said)
    if count:
        total = sum(each.size for each in said)
        yield (
            f"{count:,} of {total:,} mapped predictions lie outside [-1, 1] and are "
            f"scored as they are"
        )
