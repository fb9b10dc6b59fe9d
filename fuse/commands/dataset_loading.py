"""Cached embeddings and ratings as NumPy arrays, for notebooks and scikit-learn."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path

import numpy as np

from affuse.data.cache import cache_selection, corpus_table, store
from affuse.data.cache.embedding_views import join, narrow
from affuse.data.cache.recipe import Recipe
from affuse.data.cache.store import Cache, Embeddings
from affuse.data.errors import AffuseError, OptionError
from affuse.data.modality import BUILT_IN, modality_names
from affuse.data.terminal import printable
from affuse.fuse.inputs.feature_choice import FeatureChoice
from affuse.fuse.inputs.fold_division import divide_into_folds
from affuse.fuse.inputs.tensors import AlignedCorpus, align
from affuse.fuse.settings import Settings
from affuse.fuse.wording import count


@dataclass(frozen=True)
class Split:
    """Row indices of one fold of a protocol; no row is in two of its parts."""

    name: str
    train: np.ndarray  # (rows,), int64
    validation: np.ndarray
    test: np.ndarray


@dataclass(frozen=True, repr=False)
class Dataset:
    """Utterances with ratings and all requested modalities, sorted by id."""

    ids: tuple[str, ...]
    features: Mapping[str, np.ndarray]  # {modality: (n, layers * dim)}, float32
    ratings: np.ndarray  # (n, targets), float32, on [-1, 1]
    targets: tuple[str, ...]  # names of the columns of `ratings`
    groups: Mapping[str, np.ndarray]  # {"speaker", "session", "dialogue": (n,) of str}
    splits: tuple[Split, ...]  # folds of the requested protocol
    left_out: Mapping[str, int]  # {reason: number of utterances}
    corpus: str = ""  # its name
    encoders: Mapping[str, tuple[Recipe, ...]] = field(default_factory=dict)
    """{modality: recipes of the encoders whose columns are joined, in this order}"""

    def __repr__(self) -> str:
        """Return a summary in one line, without the arrays."""
        speakers = len({*np.asarray(self.groups.get("speaker", ())).tolist()} - {""})
        shapes = (f"{self._source(m)} {x.shape}" for m, x in self.features.items())
        lost = sum(self.left_out.values())
        return (
            f"Dataset(corpus={self.corpus!r}, {count(len(self.ids), 'utterance')} of "
            f"{count(speakers, 'speaker') if speakers else 'unknown speakers'}, "
            f"{', '.join(shapes)}, ratings {', '.join(self.targets)}, "
            f"{count(len(self.splits), 'split')}, {lost} left out)"
        )

    def _source(self, modality: str) -> str:
        """Return a modality with its encoders, such as ``audio of acoustic + mini``."""
        recipes = self.encoders.get(modality, ())
        texts = (recipe.checkpoint or recipe.encoder for recipe in recipes)
        names = printable(" + ".join(texts))  # a cache may come from other people
        return f"{modality} of {names}" if names else modality

    @property
    def columns(self) -> dict[str, int]:
        """Number of columns of `X` by modality, as `FusionRegressor` takes them."""
        return {name: values.shape[1] for name, values in self.features.items()}

    @property
    def X(self) -> np.ndarray:
        """Features of all modalities, concatenated: (n, sum of columns), float32."""
        return np.hstack(list(self.features.values()))

    @property
    def y(self) -> np.ndarray:
        """Ratings under the name that scikit-learn uses."""
        return self.ratings


def load_dataset(
    corpus: str,
    *,
    cache: str | PathLike[str] = "cache",
    modalities: str | Sequence[str] | None = None,
    audio: str | Sequence[str] = (),
    text: str | Sequence[str] = (),
    embeddings: Mapping[str, str | Sequence[str]] | None = None,
    features: FeatureChoice | None = None,
    protocol: str = "",
) -> Dataset:
    """Return cached embeddings, ratings, groups and splits of a corpus as arrays.

    Rows are joined by utterance id, never by position. An utterance that lacks a rating
    or a modality is left out, and counted in `Dataset.left_out`.

    Args:
        corpus: its name in the cache, such as "demo"
        cache: folder of all caches
        modalities: one or several that an utterance must have; None for audio, text,
            and all others with cached embeddings
        audio: caches of the audio modality, if there are several; see
            ``affuse train --audio``. The embeddings of several encoders are joined
        text: caches of the text modality, if there are several
        embeddings: {other modality: caches}, if there are several
        features: layers and statistics to take of each cache, for example
            ``FeatureChoice(layers="last", pooling="mean")``; None for those that
            ``affuse train`` takes by default
        protocol: such as "speakers"; "" for that of the corpus, as in ``affuse train``

    Returns:
        `Dataset`: `X` (n, columns) and `y` (n, targets) for scikit-learn, the same as
        `features` by modality and `ratings`, and `groups` and `splits` of their rows

    Raises:
        AffuseError: if there is no such cache, or the corpus lacks what the protocol
            needs
        FileNotFoundError: if nothing is cached
    """
    folder = Path(cache)
    typed = {**(embeddings or {}), "audio": audio, "text": text}
    caches = cache_selection.choose(
        folder,
        corpus=corpus,
        named={m: _names(n) for m, n in typed.items()},
        modalities=_checked(modalities),
    )
    if modalities is None:
        modalities = (*BUILT_IN, *(name for name in caches if name not in BUILT_IN))
    modalities = _checked(modalities)
    if missing := [name for name in modalities if name not in caches]:
        raise AffuseError(
            f"corpus '{corpus}' has no cache of {missing[0]}; extract it, or leave it "
            f"out of modalities"
        )
    table = corpus_table.load(folder, corpus)
    choice = features or FeatureChoice()
    taken = {
        name: tuple(choice.narrowed_each([cache.recipe for cache in caches[name]]))
        for name in modalities
    }
    loaded = {name: _joined(caches[name], taken[name]) for name in modalities}
    aligned = align(table, loaded)
    settings = Settings(protocol=protocol or table.protocol)
    folds, _ = divide_into_folds(table, aligned, settings)
    splits = tuple(
        Split(f.name, *(_rows(aligned, ids) for ids in (f.train, f.validation, f.test)))
        for f in folds
    )
    names = ("speaker", "session", "dialogue")
    groups = {
        name: np.array([getattr(u, name) for u in aligned.utterances]) for name in names
    }
    return Dataset(
        ids=aligned.ids,
        features={name: np.asarray(aligned.features[name]) for name in modalities},
        ratings=aligned.truth,
        targets=aligned.targets,
        groups=groups,
        splits=splits,
        left_out=aligned.left_out,
        corpus=table.name,
        encoders=taken,
    )


def _names(typed: str | Sequence[str]) -> tuple[str, ...]:
    """Return names of caches: one, several, or none for "" and ()."""
    return tuple(n for n in ((typed,) if isinstance(typed, str) else typed) if n)


def _joined(caches: Sequence[Cache], taken: Sequence[Recipe]) -> Embeddings:
    """Return what is taken of the caches of one modality, joined by id.

    Args:
        caches: of one modality
        taken: recipe of the layers and statistics to take of each cache
    """
    pairs = zip(caches, taken, strict=True)
    return join([narrow(store.load(cache), recipe) for cache, recipe in pairs])


def _checked(modalities: str | Sequence[str] | None) -> tuple[str, ...]:
    """Return the names of modalities, or of all modalities for None.

    Raises:
        OptionError: if a name is unknown, or there is none
    """
    available = modality_names()
    if modalities is None:
        return available
    names = (modalities,) if isinstance(modalities, str) else tuple(modalities)
    if not names or (unknown := sorted({*names} - {*available})):
        reason = f"{unknown[0]!r} is not a modality" if names else "there is none"
        raise OptionError(f"modalities: {reason}; choose from {', '.join(available)}")
    return names


def _rows(aligned: AlignedCorpus, ids: tuple[str, ...]) -> np.ndarray:
    """Return the row indices of utterances."""
    return np.array(aligned.row_indices(ids), dtype=np.int64)
