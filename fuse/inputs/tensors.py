"""Corpus and embeddings, joined by id and never by position.

What comes out does not depend on the order of what goes in. An utterance that lacks
something is left out and counted by reason; training goes on with the rest.
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

from affuse.data.cache.store import Embeddings
from affuse.data.errors import AffuseError
from affuse.data.rating_scales import RATINGS, normalise
from affuse.data.records import Corpus, Utterance
from affuse.data.system.scratch_arrays import is_mapped
from affuse.fuse.inputs.chunks import choose, pooled

HEAD = "head"  # the features that are the checkpoint's own predictions


@dataclass(frozen=True)
class Rows:
    """Some utterances as tensors on one device."""

    features: Mapping[str, Tensor]  # {modality, or HEAD: (rows, dim)}
    truth: Tensor  # (rows, targets), on [-1, 1]
    targets: tuple[str, ...] = RATINGS  # names of the columns of `truth`
    layers: Mapping[str, int] = field(default_factory=dict)  # in a row's dim; else one
    groups: tuple[str, ...] = ()  # of each row, never to be divided; see `groups`
    mapped: bool = False  # features lie in scratch files, on the CPU: never copy them
    scratch: Path | None = None  # folder of the scratch files, if memory may not do

    @property
    def numbers(self) -> Tensor:
        """(rows,) of all rows, on the device that computes."""
        return torch.arange(len(self.truth), device=self.truth.device)


@dataclass(frozen=True)
class Aligned:
    """All that can be trained and tested on, sorted by id."""

    utterances: tuple[Utterance, ...]
    features: Mapping[str, np.ndarray]  # {modality: (n, layers * dim)}, float32
    truth: np.ndarray  # (n, targets), float32, on [-1, 1]
    targets: tuple[str, ...]  # of RATINGS
    head: tuple[str, ...]  # ratings of features[HEAD]; () where no head was kept
    left_out: Mapping[str, int]  # reason -> utterances
    outside: int  # utterances with a rating outside the nominal scale, as released
    layers: Mapping[str, int] = field(default_factory=dict)  # of each modality
    scratch: Path | None = None  # folder of the features, if memory does not hold them

    @property
    def ids(self) -> tuple[str, ...]:
        """Of the rows."""
        return tuple(utterance.id for utterance in self.utterances)

    def resident(self, *, features: Sequence[str], device: str = "cpu") -> Rows:
        """All rows as tensors, which share the memory of what is here, if they can.

        Args:
            features: modalities that are wanted, or HEAD
            device: where the tensors shall be, but for features in scratch files
        """
        found = {name: self.features[name] for name in features}
        return self._rows(found, range(len(self.truth)), device)

    def places(self, ids: Sequence[str]) -> list[int]:
        """Numbers of the rows of some utterances that are here."""
        return [self._place[id_] for id_ in ids]

    @cached_property
    def _place(self) -> Mapping[str, int]:
        return {utterance.id: row for row, utterance in enumerate(self.utterances)}

    def rows(
        self, ids: Sequence[str], *, features: Sequence[str], device: str = "cpu"
    ) -> Rows:
        """Tensors of some utterances, in the order of `ids`.

        Args:
            ids: of utterances that are here
            features, device: as of `resident`
        """
        at = self.places(ids)
        found = {
            name: choose(self.features[name], np.array(at, int), self.scratch)
            for name in features
        }
        return self._rows(found, at, device)

    def _rows(
        self, features: Mapping[str, np.ndarray], at: Sequence[int], device: str
    ) -> Rows:
        """Tensors of the utterances at some places, whose features are given."""
        mapped = any(is_mapped(values) for values in features.values())
        where = "cpu" if mapped else device
        return Rows(
            features={n: torch.from_numpy(x).to(where) for n, x in features.items()},
            truth=torch.from_numpy(self.truth[list(at)]).to(device),
            targets=self.targets,
            layers={name: n for name, n in self.layers.items() if name in features},
            groups=groups([self.utterances[row] for row in at]),
            mapped=mapped,
            scratch=self.scratch,
        )


def align(
    corpus: Corpus, embeddings: Mapping[str, Embeddings], *, policy: str = "clip"
) -> Aligned:
    """Join ratings and embeddings by utterance id.

    All modalities that are given must be there, whatever a design needs of them: so
    all designs of one comparison see the same utterances.

    Args:
        corpus: with ratings as released
        embeddings: {modality: rows of its cache}, in any order
        policy: for ratings outside the scale, see `affuse.data.rating_scales.normalise`

    Raises:
        AffuseError: if the corpus has no scale or no ratings, embeddings are of another
            corpus, or no utterance has everything
    """
    _demand(corpus, embeddings)
    targets = rated(corpus)
    known = {modality: frozenset(cache.ids) for modality, cache in embeddings.items()}
    ordered = sorted(corpus.utterances, key=lambda u: u.id)
    reasons = [_lacks(utterance, targets, known) for utterance in ordered]
    complete = [u for u, reason in zip(ordered, reasons, strict=True) if not reason]
    ratings = [_ratings(u, targets, corpus, policy) for u in complete]
    kept = [u for u, found in zip(complete, ratings, strict=True) if found]
    left_out = Counter(reason for reason in reasons if reason)
    left_out += Counter({"rating outside the scale": len(complete) - len(kept)})
    if not kept:
        counts = ", ".join(f"{reason} ({n})" for reason, n in sorted(left_out.items()))
        raise AffuseError(
            f"no utterance of corpus '{corpus.name}' is left to train on, of "
            f"{len(ordered)}: {counts}; extract what is missing"
        )
    return Aligned(
        utterances=tuple(kept),
        features=gather(embeddings, [utterance.id for utterance in kept]),
        truth=np.array([found for found in ratings if found], np.float32),
        targets=targets,
        head=head_names(embeddings),
        left_out={reason: n for reason, n in sorted(left_out.items()) if n},
        outside=sum(not _ratings(u, targets, corpus, "drop") for u in complete),
        layers={m: len(cache.recipe.layers) for m, cache in embeddings.items()},
        scratch=next((c.scratch for c in embeddings.values() if c.scratch), None),
    )


def groups(utterances: Sequence[Utterance]) -> tuple[str, ...]:
    """Return what must stay together if these utterances are divided once more.

    Speakers if there are several, all known; else dialogues; else single utterances.
    """
    for name in ("speaker", "dialogue"):
        found = tuple(getattr(utterance, name) for utterance in utterances)
        if all(found) and len(set(found)) > 1:
            return found
    return tuple(utterance.id for utterance in utterances)


def gather(
    embeddings: Mapping[str, Embeddings], ids: Sequence[str]
) -> dict[str, np.ndarray]:
    """Features of some utterances by modality; HEAD too, where a head was kept.

    Layers stand side by side, in the order of the recipe; see `chunks.pooled`.

    Returns:
        {modality: (len(ids), layers * dim)}, float32
    """
    features = {}
    for modality, cache in sorted(embeddings.items()):
        place = {id_: row for row, id_ in enumerate(cache.ids)}
        chosen = np.array([place[id_] for id_ in ids], int)
        features[modality] = pooled(cache, chosen)
        if cache.head is not None and HEAD not in features:
            features[HEAD] = cache.head[chosen].astype(np.float32)
    return features


def head_names(embeddings: Mapping[str, Embeddings]) -> tuple[str, ...]:
    """Ratings of the columns of HEAD; () where no head was kept."""
    kept = (c.recipe.head for _, c in sorted(embeddings.items()) if c.head is not None)
    return next(kept, ())


def _demand(corpus: Corpus, embeddings: Mapping[str, Embeddings]) -> None:
    """Refuse what cannot be joined at all."""
    if corpus.scale is None:
        raise AffuseError(
            f"corpus '{corpus.name}' has no rating scale; state its lowest and highest "
            f"nominal rating when it is read"
        )
    for modality, found in embeddings.items():
        if found.recipe.corpus != corpus.name:
            raise AffuseError(
                f"the {modality} embeddings are of corpus '{found.recipe.corpus}', not "
                f"of '{corpus.name}'; extract '{corpus.name}', or name its cache"
            )


def rated(corpus: Corpus) -> tuple[str, ...]:
    """Ratings to predict: those that at least half of the rated utterances have.

    A rating that few have would cost all the others, since each row has all of them.
    """
    counts = Counter(name for u in corpus.utterances for name in u.ratings)
    known = sum(any(name in u.ratings for name in RATINGS) for u in corpus.utterances)
    if not known:
        raise AffuseError(
            f"no utterance of corpus '{corpus.name}' has a rating of "
            f"{', '.join(RATINGS)}; there is nothing to learn from"
        )
    return tuple(name for name in RATINGS if 2 * counts[name] >= known)


def _lacks(
    utterance: Utterance, targets: Sequence[str], known: Mapping[str, frozenset[str]]
) -> str:
    """The first thing that an utterance lacks, in words; ``""`` if nothing."""
    for name in targets:
        if not math.isfinite(utterance.ratings.get(name, math.nan)):
            return f"no rating of {name}"
    for modality in sorted(known):
        if utterance.id not in known[modality]:
            return f"no {modality} embedding"
    return ""


def _ratings(
    utterance: Utterance, targets: Sequence[str], corpus: Corpus, policy: str
) -> list[float]:
    """Return them by `targets`, on [-1, 1]; an empty list drops the utterance."""
    assert corpus.scale is not None  # `_demand` saw to it
    rated = {name: utterance.ratings[name] for name in targets}
    found = normalise(rated, scale=corpus.scale, policy=policy)
    return [found[name] for name in targets] if found else []
