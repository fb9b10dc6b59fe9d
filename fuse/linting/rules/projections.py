"""Means, scales and principal axes are fitted on the training rows alone.

Each is fitted again on the training rows and compared. If it differs, other parts are
tried to name the rows that it was fitted on.
"""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn

from affuse.data.splits.protocols import PARTS
from affuse.fuse.inputs.chunks import apply_in_chunks
from affuse.fuse.linting.evidence import CACHE, TRAINED, Evidence, TrainedModel
from affuse.fuse.linting.finding import Finding, Skipped
from affuse.fuse.models.projection import Projection
from affuse.fuse.settings import END_TO_END

NEEDS = (TRAINED, CACHE)
CLOSE = 1e-4  # standard deviations; a mean over other rows differs by more
ROUNDED = 1e-6  # relative rounding error of a mean in float32
SUPPOSED = (  # parts that a faulty fit may have used
    PARTS,
    ("train", "validation"),
    ("train", "test"),
    ("validation", "test"),
    ("validation",),
    ("test",),
)


def findings(evidence: Evidence) -> Iterator[Finding]:
    """Yield differences for each model and modality.

    Args:
        evidence: on the run
    """
    if evidence.info.settings.get("training") == END_TO_END:
        raise Skipped(
            "means and scales of jointly trained heads are of training embeddings "
            "before the fine-tuning, which no cache holds"
        )
    fits: dict[tuple[str, str], tuple[Tensor, Projection]] = {}
    for model in evidence.trained_models():
        for modality, saved in _projections(model.module):
            key = model.fold, modality
            if key not in fits:  # Models of a fold are consecutive: forget other folds.
                fits = {k: pair for k, pair in fits.items() if k[0] == model.fold}
                rows = _rows(evidence, model, modality, ("train",))
                fits[key] = rows, Projection.fitted(rows)
            rows, fitted = fits[key]
            if rows.shape[1] != len(saved.mean):
                yield Finding(
                    f"{model.name}: the {modality} projection takes {len(saved.mean)} "
                    f"numbers, but {rows.shape[1]} are cached; train again"
                )
            elif _relative_error(saved, fitted) > 1:
                yield Finding(
                    f"{model.name}: mean and scale of {modality} are not those of the "
                    f"{len(rows):,} training rows{_source(evidence, model, modality)}; "
                    f"fit them on training rows only, and train again"
                )
            elif saved.rotation is not None and _are_correlated(saved, rows):
                yield Finding(
                    f"{model.name}: the principal axes of {modality} are not those of "
                    f"the {len(rows):,} training rows, because components along them "
                    f"are correlated; fit them on training rows only, and train again"
                )


def _projections(module: nn.Module) -> Iterator[tuple[str, Projection]]:
    """Yield all projections of a model with their modality, at any depth."""
    for name, submodule in module.named_modules():
        if isinstance(submodule, Projection):
            yield name.rpartition(".")[2], submodule


def _rows(
    evidence: Evidence, model: TrainedModel, modality: str, parts: Sequence[str]
) -> Tensor:
    """Return (n, dim) cached embeddings of some parts of a model's fold."""
    ids = [id_ for part in parts for id_ in evidence.ids(model.fold, part)]
    return evidence.features(model.fold, ids)[modality]


def _relative_error(saved: Projection, fitted: Projection) -> float:
    """Return the difference of two projections over the tolerance; above 1 is wrong."""
    spread = torch.where(fitted.scale > 0, 1 / fitted.scale, torch.zeros(()))
    room = CLOSE * spread + ROUNDED * (fitted.mean.abs() + spread.max())
    mean = (saved.mean - fitted.mean).abs() / room.clamp_min(1e-30)
    scale = (saved.scale - fitted.scale).abs() / (CLOSE * fitted.scale + 1e-30)
    return float(torch.maximum(mean, scale).max())


def _source(evidence: Evidence, model: TrainedModel, modality: str) -> str:
    """Return the parts that statistics were fitted on, in words; "" if unknown."""
    saved = dict(_projections(model.module))[modality]
    for parts in SUPPOSED:
        rows = _rows(evidence, model, modality, parts)
        if len(rows) and _relative_error(saved, Projection.fitted(rows)) <= 1:
            return f" but of {' and '.join(parts)}"
    return ""


def _are_correlated(saved: Projection, rows: Tensor) -> bool:
    """Return True if training rows are correlated along axes that should be principal.

    Solvers differ in accuracy, so a fit on this machine is the reference.
    """
    assert saved.rotation is not None
    fitted = Projection.fitted(rows, components=saved.rotation.shape[1])
    return _correlation(saved, rows) > 2 * _correlation(fitted, rows) + 1e-3


def _correlation(projection: Projection, rows: Tensor) -> float:
    """Return the highest absolute correlation of two components over some rows."""
    numbers = torch.arange(len(rows))
    components = apply_in_chunks(
        lambda x: projection(x[""]), {"": rows}, numbers
    ).double()
    centred = components - components.mean(dim=0)
    spread = centred.square().sum(dim=0).sqrt()
    kept = spread > 1e-3 * spread.max()  # The last ones may hold rounding errors only.
    normed = centred[:, kept] / spread[kept]
    products = normed.T @ normed
    return float((products - torch.eye(len(products))).abs().max())
