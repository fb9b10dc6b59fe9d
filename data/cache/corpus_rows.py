"""Embeddings of several corpora from one encoder, one corpus after the other."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from affuse.data.cache.embedding_views import JoinedEmbeddings, join
from affuse.data.cache.recipe import Recipe
from affuse.data.cache.store import Embeddings
from affuse.data.corpus_naming import JOINT
from affuse.data.errors import AffuseError
from affuse.data.records import Problem


@dataclass(frozen=True)
class CorpusRows(Embeddings):
    """Rows of the embeddings of several corpora, with ids that begin with the corpus.

    `values` has the right numbers of layers and features, but no rows.
    """

    members: tuple[Embeddings, ...] = ()

    def chunks(self, rows: np.ndarray) -> Iterator[tuple[int, Embeddings]]:
        """Yield the chunks that hold some rows, with the number of their first row."""
        begin = 0
        for member in self.members:
            end = begin + len(member.ids)
            chosen = rows[(rows >= begin) & (rows < end)] - begin
            for first, piece in member.chunks(chosen):
                yield begin + first, piece
            begin = end

    def vector(self, row: int) -> np.ndarray:
        """Return the stored embedding of one utterance."""
        for member in self.members:
            if row < len(member.ids):
                return member.vector(row)
            row -= len(member.ids)
        raise IndexError(f"there is no row {row}")


def stack_corpora(members: Sequence[Embeddings]) -> Embeddings:
    """Return the embeddings of several corpora as those of one training set.

    Args:
        members: of each corpus, with the same recipe except for corpus and content

    Returns:
        embeddings whose ids begin with the name of the corpus, such as ``demo/u1``

    Raises:
        AffuseError: if the recipes differ in anything else
    """
    first, *others = members
    if isinstance(first, JoinedEmbeddings):
        encoders = zip(*(_encoders(member) for member in members), strict=True)
        return join([stack_corpora(each) for each in encoders])
    name = JOINT.join(member.recipe.corpus for member in members)
    recipe = first.recipe.of_corpus(name, _content(members))
    for other in others:
        _demand_same(other, recipe)
    heads = [member.head for member in members if member.head is not None]
    return CorpusRows(
        recipe=recipe,
        ids=tuple(_named(member, id_) for member in members for id_ in member.ids),
        contents=tuple(c for member in members for c in member.contents),
        values=np.empty((0, *first.values.shape[1:]), np.float32),
        head=np.concatenate(heads) if heads else None,
        problems=tuple(_problem(m, p) for m in members for p in m.problems),
        scratch=next((m.scratch for m in members if m.scratch), None),
        stretches=tuple(
            span
            for member in members
            for span in member.stretches or (None,) * len(member.ids)
        ),
        members=tuple(members),
    )


def _encoders(member: Embeddings) -> tuple[Embeddings, ...]:
    """Return the embeddings of each encoder of one corpus."""
    return member.members if isinstance(member, JoinedEmbeddings) else (member,)


def _content(members: Sequence[Embeddings]) -> str:
    """Return a digest of the contents of all corpora: 12 hexadecimal digits."""
    listed = "".join(f"{m.recipe.corpus} {m.recipe.content}\n" for m in members)
    return hashlib.sha256(listed.encode()).hexdigest()[:12]


def _demand_same(other: Embeddings, recipe: Recipe) -> None:
    """Raise an error if the embeddings of a corpus have another recipe."""
    same = other.recipe.of_corpus(recipe.corpus, recipe.content)
    if difference := same.difference(recipe):
        raise AffuseError(
            f"the {recipe.modality} embeddings of '{other.recipe.corpus}' were "
            f"extracted with {difference} as for the other corpora; extract it again "
            f"with the same options"
        )


def _named(member: Embeddings, id_: str) -> str:
    """Return the id of an utterance in the training set."""
    return f"{member.recipe.corpus}/{id_}"


def _problem(member: Embeddings, problem: Problem) -> Problem:
    """Return a problem with the id of its utterance in the training set."""
    return replace(problem, id=_named(member, problem.id)) if problem.id else problem
