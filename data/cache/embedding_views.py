"""Views of cached embeddings: some of their layers and statistics, or several joined.

A view computes nothing and copies nothing before its rows are read. Its recipe is that
of an extraction which had stored only what the view shows, so a model does not depend
on what else is in the cache.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from affuse.data.cache import joined_recipe
from affuse.data.cache.recipe import WITH_DEVIATION, Recipe
from affuse.data.cache.store import Embeddings
from affuse.data.errors import AffuseError


@dataclass(frozen=True)
class NarrowEmbeddings(Embeddings):
    """Some layers and statistics of cached embeddings.

    `values` has the right numbers of layers and features, but no rows.
    """

    cached: Embeddings | None = None

    def chunks(self, rows: np.ndarray) -> Iterator[tuple[int, Embeddings]]:
        """Yield the chunks that hold some rows, with the number of their first row."""
        assert self.cached is not None
        for first, piece in self.cached.chunks(rows):
            values = _selected(piece.values, piece.recipe, self.recipe)
            yield first, replace(piece, recipe=self.recipe, values=values)

    def vector(self, row: int) -> np.ndarray:
        """Return the selected part of the stored embedding of one utterance."""
        assert self.cached is not None
        return _selected(self.cached.vector(row), self.cached.recipe, self.recipe)


@dataclass(frozen=True)
class JoinedEmbeddings(Embeddings):
    """Embeddings of several encoders of one modality, joined by utterance id.

    Rows are those that all members have, in the order of the first. `values` has one
    layer with the features of all members, but no rows.
    """

    members: tuple[Embeddings, ...] = ()

    def chunks(self, rows: np.ndarray) -> Iterator[tuple[int, Embeddings]]:
        """Refuse to yield chunks, because each member has its own."""
        raise TypeError("joined embeddings are read by member; see columns")

    def vector(self, row: int) -> np.ndarray:
        """Refuse to return a stored embedding, because each member has its own."""
        raise TypeError("joined embeddings are read by member; see columns")

    def columns(
        self, rows: np.ndarray
    ) -> Iterator[tuple[slice, Embeddings, np.ndarray]]:
        """Yield the columns of each member, the member, and its rows."""
        end = 0
        for member in self.members:
            begin, end = end, end + member.width
            places = {id_: row for row, id_ in enumerate(member.ids)}
            chosen = np.array([places[self.ids[row]] for row in rows], int)
            yield slice(begin, end), member, chosen


def narrow(cached: Embeddings, recipe: Recipe) -> Embeddings:
    """Return the layers and statistics that a recipe names.

    Args:
        cached: embeddings of one cache
        recipe: of the view, for the corpus and content of the cache

    Raises:
        AffuseError: if the cache does not hold them
    """
    if recipe.text() == cached.recipe.text():
        return cached
    if not cached.recipe.covers(recipe):
        raise AffuseError(
            f"the {recipe.modality} embeddings hold layers "
            f"{list(cached.recipe.layers)} with {cached.recipe.pooling} pooling, not "
            f"layers {list(recipe.layers)} with {recipe.pooling} pooling"
        )
    return NarrowEmbeddings(
        recipe=recipe,
        ids=cached.ids,
        contents=cached.contents,
        values=_selected(cached.values[:0], cached.recipe, recipe),
        offsets=cached.offsets,
        head=cached.head if recipe.head else None,
        problems=cached.problems,
        scratch=cached.scratch,
        stretches=cached.stretches,
        cached=cached,
    )


def join(members: Sequence[Embeddings]) -> Embeddings:
    """Return the embeddings of several encoders of one modality, joined by id.

    Args:
        members: in the order of their columns; a single one is returned as it is

    Raises:
        AffuseError: if they are of several corpora or modalities, have no utterance in
            common, encode different inputs of one utterance, or have several heads
    """
    first, *others = members
    if not others:
        return first
    common = set(first.ids).intersection(*(member.ids for member in others))
    if not common:
        names = " and ".join(member.recipe.checkpoint for member in members)
        raise AffuseError(
            f"the {first.recipe.modality} embeddings of {names} have no utterance in "
            f"common; extract the same corpus with both"
        )
    for other in others:
        _demand_same_inputs(first, other)
    rows = [row for row, id_ in enumerate(first.ids) if id_ in common]
    widths = [member.width for member in members]
    headed = _only_head(members)
    ids = tuple(first.ids[row] for row in rows)
    return JoinedEmbeddings(
        recipe=joined_recipe.joined([member.recipe for member in members], widths),
        ids=ids,
        contents=tuple(first.contents[row] for row in rows),
        values=np.empty((0, 1, sum(widths)), np.float32),
        head=None if headed is None else _head(headed, ids),
        problems=tuple(p for member in members for p in member.problems),
        scratch=_scratch(members),
        stretches=tuple(first.stretches[row] for row in rows if first.stretches),
        members=tuple(members),
    )


def _demand_same_inputs(first: Embeddings, other: Embeddings) -> None:
    """Raise an error if two encoders encoded different inputs of an utterance.

    Their caches are then of different states of the corpus, for example one before and
    one after a recording was repaired.
    """
    digests = dict(zip(first.ids, first.contents, strict=False))
    changed = [
        id_
        for id_, digest in zip(other.ids, other.contents, strict=False)
        if digests.get(id_, digest) != digest
    ]
    if changed:
        one, two = (e.recipe.checkpoint for e in (first, other))
        raise AffuseError(
            f"the {first.recipe.modality} embeddings of {one} and {two} are of "
            f"different inputs of {len(changed)} utterances, the first is "
            f"'{changed[0]}'; extract the corpus again with both"
        )


def _only_head(members: Sequence[Embeddings]) -> Embeddings | None:
    """Return the embeddings with predictions of a checkpoint's head; None without any.

    Raises:
        AffuseError: if several have some, because only one of them could be used
    """
    headed = [member for member in members if member.head is not None]
    if len(headed) > 1:
        names = " and ".join(member.recipe.checkpoint for member in headed)
        raise AffuseError(
            f"{names} both have predictions of their own head, and a run can use those "
            f"of one only; extract one of them again without --head, or name only one"
        )
    return headed[0] if headed else None


def _head(headed: Embeddings, ids: Sequence[str]) -> np.ndarray:
    """Return the predictions of a checkpoint's head for some utterances."""
    assert headed.head is not None
    places = {id_: row for row, id_ in enumerate(headed.ids)}
    return np.asarray(headed.head[[places[id_] for id_ in ids]])


def _scratch(members: Sequence[Embeddings]) -> Path | None:
    """Return the folder of scratch files of a member; None if no member has one."""
    return next((member.scratch for member in members if member.scratch), None)


def _selected(values: np.ndarray, stored: Recipe, wanted: Recipe) -> np.ndarray:
    """Return the layers and statistics of a recipe: (..., layers, dim)."""
    places = [stored.layers.index(layer) for layer in wanted.layers]
    chosen = values[..., places, :] if wanted.layers != stored.layers else values
    if (stored.pooling, wanted.pooling) == (WITH_DEVIATION, "mean"):
        chosen = chosen[..., : values.shape[-1] // 2]
    return np.asarray(chosen)
