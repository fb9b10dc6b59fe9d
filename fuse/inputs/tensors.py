"""Join of corpus and embeddings by utterance id, and the tensors of joined rows.

Results do not depend on the order of inputs. Utterances that lack one are counted.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from affuse.data.cache.recipe import LayerStructure
from affuse.data.cache.store import Embeddings
from affuse.data.errors import AffuseError
from affuse.data.rating_scales import RATINGS, normalise
from affuse.data.records import Corpus, Utterance
from affuse.data.system.scratch_arrays import is_mapped
from affuse.fuse.inputs.chunks import copy_rows, pool_rows
from affuse.fuse.inputs.training_labels import RowLabels

HEAD = "head"  # name of the features that are predictions of the checkpoint's head


@dataclass(frozen=True)
class Rows:
    """Utterances as tensors on one device."""

    features: Mapping[str, Tensor]  # {modality, or HEAD: (rows, dim)}
    truth: Tensor  # (rows, targets), on [-1, 1]
    targets: tuple[str, ...] = RATINGS  # names of the columns of `truth`
    layers: Mapping[str, LayerStructure] = field(default_factory=dict)  # of features
    groups: tuple[str, ...] = ()  # group of each row; see `groups`
    mapped: bool = False  # True for features in memory-mapped files: do not copy them
    scratch: Path | None = None  # folder of scratch files, if memory is limited
    labels: RowLabels = field(default_factory=RowLabels)  # for some training options

    @property
    def numbers(self) -> Tensor:
        """Indices of all rows: (rows,), on the device of the ratings."""
        return torch.arange(len(self.truth), device=self.truth.device)


@dataclass(frozen=True)
class AlignedCorpus:
    """Utterances with ratings and embeddings, sorted by id."""

    utterances: tuple[Utterance, ...]
    features: Mapping[str, np.ndarray]  # {modality: (n, layers * dim)}, float32
    truth: np.ndarray  # (n, targets), float32, on [-1, 1]
    targets: tuple[str, ...]  # names of RATINGS to predict
    head: tuple[str, ...]  # ratings of features[HEAD]; () without a head
    left_out: Mapping[str, int]  # {reason: number of utterances}
    outside: int  # utterances with a released rating outside the nominal scale
    layers: Mapping[str, LayerStructure] = field(default_factory=dict)  # of features
    scratch: Path | None = None  # folder of the features, if not in memory

    @property
    def ids(self) -> tuple[str, ...]:
        """Ids of the rows."""
        return tuple(utterance.id for utterance in self.utterances)

    def all_rows(self, *, features: Sequence[str], device: str = "cpu") -> Rows:
        """Return all rows as tensors, without copies if possible; see `rows`."""
        arrays = {name: self.features[name] for name in features}
        return self._rows(arrays, range(len(self.truth)), device)

    def row_indices(self, ids: Sequence[str]) -> list[int]:
        """Return the indices of the rows of utterances."""
        return [self._row_of[id_] for id_ in ids]

    @cached_property
    def _row_of(self) -> Mapping[str, int]:
        """Index of each utterance's row, by id."""
        return {utterance.id: row for row, utterance in enumerate(self.utterances)}

    def rows(
        self, ids: Sequence[str], *, features: Sequence[str], device: str = "cpu"
    ) -> Rows:
        """Return tensors of utterances, in the order of `ids`.

        Args:
            ids: of the utterances
            features: names of modalities, or HEAD
            device: of the tensors, except features in scratch files
        """
        at = self.row_indices(ids)
        arrays = {
            name: copy_rows(self.features[name], np.array(at, int), self.scratch)
            for name in features
        }
        return self._rows(arrays, at, device)

    def _rows(
        self, features: Mapping[str, np.ndarray], at: Sequence[int], device: str
    ) -> Rows:
        """Return tensors of rows, whose features are already selected."""
        mapped = any(is_mapped(values) for values in features.values())
        where = "cpu" if mapped else device
        utterances = [self.utterances[row] for row in at]
        return Rows(
            features={n: torch.from_numpy(x).to(where) for n, x in features.items()},
            truth=torch.from_numpy(self.truth[list(at)]).to(device),
            targets=self.targets,
            layers={name: n for name, n in self.layers.items() if name in features},
            groups=groups(utterances),
            mapped=mapped,
            scratch=self.scratch,
            labels=RowLabels(utterances),
        )


def align(
    corpus: Corpus, embeddings: Mapping[str, Embeddings], *, policy: str = "clip"
) -> AlignedCorpus:
    """Return ratings and embeddings, joined by utterance id.

    An utterance needs all modalities, whether or not a design does, so that all designs
    of a comparison use the same utterances.

    Args:
        corpus: with ratings as released
        embeddings: {modality: rows of its cache}, in any order
        policy: for ratings outside the scale, see `affuse.data.rating_scales.normalise`

    Raises:
        AffuseError: if the corpus has no scale or no ratings, embeddings are of another
            corpus, or no utterance has all inputs
    """
    _demand(corpus, embeddings)
    targets = find_targets(corpus)
    cached = {modality: frozenset(cache.ids) for modality, cache in embeddings.items()}
    ordered = sorted(corpus.utterances, key=lambda u: u.id)
    reasons = [
        _describe_missing_input(utterance, targets, cached) for utterance in ordered
    ]
    complete = [u for u, reason in zip(ordered, reasons, strict=True) if not reason]
    ratings = [_ratings(u, targets, corpus, policy) for u in complete]
    kept = [u for u, values in zip(complete, ratings, strict=True) if values]
    left_out = Counter(reason for reason in reasons if reason)
    left_out += Counter({"rating outside the scale": len(complete) - len(kept)})
    if not kept:
        counts = ", ".join(f"{reason} ({n})" for reason, n in sorted(left_out.items()))
        raise AffuseError(
            f"no utterance of corpus '{corpus.name}' is left to train on, of "
            f"{len(ordered)}: {counts}; extract what is missing"
        )
    heads = (c.recipe.head for _, c in sorted(embeddings.items()) if c.head is not None)
    return AlignedCorpus(
        utterances=tuple(kept),
        features=gather(embeddings, [utterance.id for utterance in kept]),
        truth=np.array([values for values in ratings if values], np.float32),
        targets=targets,
        head=next(heads, ()),
        left_out={reason: n for reason, n in sorted(left_out.items()) if n},
        outside=sum(not _ratings(u, targets, corpus, "drop") for u in complete),
        layers={m: cache.recipe.layer_structure for m, cache in embeddings.items()},
        scratch=next((c.scratch for c in embeddings.values() if c.scratch), None),
    )


def groups(utterances: Sequence[Utterance]) -> tuple[str, ...]:
    """Return the group of each utterance, which an inner division must not divide.

    Groups are speakers if several are known and none is missing, else dialogues, else
    single utterances.
    """
    for name in ("speaker", "dialogue"):
        names = tuple(getattr(utterance, name) for utterance in utterances)
        if all(names) and len(set(names)) > 1:
            return names
    return tuple(utterance.id for utterance in utterances)


def gather(
    embeddings: Mapping[str, Embeddings], ids: Sequence[str]
) -> dict[str, np.ndarray]:
    """Return features of utterances by modality, and of HEAD if a head is cached.

    Layers are concatenated in the order of the recipe; see `chunks.pool_rows`.

    Returns:
        {modality: (len(ids), layers * dim)}, float32
    """
    features = {}
    for modality, cache in sorted(embeddings.items()):
        indices = {id_: row for row, id_ in enumerate(cache.ids)}
        chosen = np.array([indices[id_] for id_ in ids], int)
        features[modality] = pool_rows(cache, chosen)
        if cache.head is not None and HEAD not in features:
            features[HEAD] = cache.head[chosen].astype(np.float32)
    return features


def _demand(corpus: Corpus, embeddings: Mapping[str, Embeddings]) -> None:
    """Raise an error if corpus and embeddings cannot be joined."""
    if corpus.scale is None:
        raise AffuseError(
            f"corpus '{corpus.name}' has no rating scale; name its lowest and highest "
            f"nominal rating when it is read"
        )
    for modality, cache in embeddings.items():
        if cache.recipe.corpus != corpus.name:
            raise AffuseError(
                f"the {modality} embeddings are of corpus '{cache.recipe.corpus}', not "
                f"of '{corpus.name}'; extract '{corpus.name}', or name its cache"
            )


def find_targets(corpus: Corpus) -> tuple[str, ...]:
    """Return the ratings to predict: those of at least half of the rated utterances.

    All rows need all ratings, so a rare rating would exclude too many utterances.
    """
    counts = Counter(name for u in corpus.utterances for name in u.ratings)
    total = sum(any(name in u.ratings for name in RATINGS) for u in corpus.utterances)
    if not total:
        raise AffuseError(
            f"no utterance of corpus '{corpus.name}' has a rating of "
            f"{', '.join(RATINGS)}; there is nothing to learn from"
        )
    return tuple(name for name in RATINGS if 2 * counts[name] >= total)


def _describe_missing_input(
    utterance: Utterance, targets: Sequence[str], cached: Mapping[str, frozenset[str]]
) -> str:
    """Return a phrase on the first input that an utterance lacks, or ""."""
    ratings = utterance.ratings
    if unrated := [n for n in targets if not math.isfinite(ratings.get(n, math.nan))]:
        return f"no rating of {unrated[0]}"
    for modality in sorted(cached):
        if utterance.id not in cached[modality]:
            return f"no {modality} embedding"
    return ""


def _ratings(
    utterance: Utterance, targets: Sequence[str], corpus: Corpus, policy: str
) -> list[float]:
    """Return ratings on [-1, 1] in order of targets; [] leaves the utterance out."""
    assert corpus.scale is not None  # `_demand` has raised an error otherwise
    released = {name: utterance.ratings[name] for name in targets}
    values = normalise(released, scale=corpus.scale, policy=policy)
    return [values[name] for name in targets] if values else []
