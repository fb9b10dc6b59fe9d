"""Codes of utterances: outputs of the encoders of all trained models, concatenated.

The fusion design of a network reads one code for each modality, see
`affuse.fuse.models.system`. Baselines have no encoder, so they have no codes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from affuse.data.cache.store import Embeddings
from affuse.fuse.inputs.fold_embeddings import FoldEmbeddings
from affuse.fuse.inputs.tensors import gather
from affuse.fuse.models.system import System
from affuse.fuse.trained.model_folders import demand_widths
from affuse.fuse.trained.model_set import LoadedModel, ModelSet


@dataclass(frozen=True)
class Codes:
    """Codes of utterances that have all modalities, sorted by id."""

    ids: tuple[str, ...]
    values: np.ndarray  # (ids, size), float64; size 0 if no model has an encoder

    def aligned(self, ids: Sequence[str]) -> np.ndarray:
        """Return the codes of any ids: (n, size), NaN for utterances without codes.

        Args:
            ids: of utterances, in any order
        """
        rows = {id_: row for row, id_ in enumerate(self.ids)}
        found = np.full((len(ids), self.values.shape[1]), np.nan)
        for place, id_ in enumerate(ids):
            if id_ in rows:
                found[place] = self.values[rows[id_]]
        return found


def encode(models: ModelSet, available: FoldEmbeddings) -> Codes:
    """Return the codes of all utterances that have every modality.

    The columns are in the order of the models, then of their modalities. With a mix of
    layers for each rating, there is one code for each rating.

    Args:
        models: trained models of a run or bundle
        available: embeddings, as for `ModelSet.predict`

    Raises:
        AffuseError: if a modality is missing, or was extracted in another way
    """
    needed = models.needed(available)
    present = [
        frozenset(embeddings[modality].ids if modality in embeddings else ())
        for embeddings in needed.values()
        for modality in models.modalities
    ]
    ids = sorted(frozenset.intersection(*present))
    columns = [
        _codes_of_model(model, needed[model.fold], ids, models.device)
        for model in models.models
    ]
    return Codes(tuple(ids), np.concatenate(columns, axis=1))


def _codes_of_model(
    model: LoadedModel,
    embeddings: Mapping[str, Embeddings],
    ids: Sequence[str],
    device: str,
) -> np.ndarray:
    """Return the codes of one model: (ids, size), with size 0 for a baseline."""
    systems = [part for part in model.module.modules() if isinstance(part, System)]
    if not systems or not ids:
        return np.zeros((len(ids), 0))
    arrays = gather(embeddings, ids)
    features = {name: torch.from_numpy(x).to(device) for name, x in arrays.items()}
    demand_widths(model.module, features, model.folder)
    with torch.inference_mode():
        codes = [code for system in systems for code in _codes(system, features)]
    return torch.cat(codes, dim=1).double().cpu().numpy()


def _codes(system: System, features: Mapping[str, Tensor]) -> list[Tensor]:
    """Return the codes of one network, (batch, size) for each modality."""
    encoded = system.encode(system.project(features))
    return [encoded[modality].flatten(1) for modality in system.projections]
