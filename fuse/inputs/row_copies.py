"""Copies of all rows of one part of a fold, for models that are fitted in one step."""

from collections.abc import Iterable

import torch
from torch import Tensor

from affuse.data.system.scratch_arrays import is_mapped
from affuse.fuse.inputs.chunks import copy_rows, take
from affuse.fuse.inputs.tensors import Rows


def copy_part(rows: Rows, places: Tensor, features: Iterable[str]) -> Rows:
    """Return a copy of some rows, with some of their features.

    Args:
        rows: rows of all utterances
        places: (n,) indices, on the CPU
        features: names of modalities, or HEAD
    """
    device = rows.truth.device
    values, mapped = _features(rows, places, features)
    return Rows(
        features=values,
        truth=rows.truth[places.to(device)],
        targets=rows.targets,
        layers={name: n for name, n in rows.layers.items() if name in values},
        groups=tuple(rows.groups[k] for k in places.tolist() if rows.groups),
        mapped=mapped,
        scratch=rows.scratch,
    )


def _features(
    rows: Rows, places: Tensor, names: Iterable[str]
) -> tuple[dict[str, Tensor], bool]:
    """Return copied features by name, and True if they are in scratch files.

    A copy of rows in scratch files is in a scratch file only if it is large. Other
    copies are on the device that trains.
    """
    device = rows.truth.device
    if not rows.mapped:
        return {n: take(rows.features[n], places.to(device)) for n in names}, False
    arrays = {
        n: copy_rows(rows.features[n].numpy(), places.numpy(), rows.scratch)
        for n in names
    }
    mapped = any(map(is_mapped, arrays.values()))
    where = "cpu" if mapped else device
    return {n: torch.from_numpy(x).to(where) for n, x in arrays.items()}, mapped
