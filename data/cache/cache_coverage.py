"""Caches that hold the embeddings of a recipe, perhaps beside others.

A cache of all layers serves a run that takes some of them. This module finds such
caches; `affuse.data.cache.cache_selection` chooses among them.
"""

from collections.abc import Sequence
from pathlib import Path

from affuse.data.cache import cache_names, current_content, fold_encoders, store
from affuse.data.cache.recipe import Recipe
from affuse.data.cache.store import Cache


def find_candidates(
    caches: Sequence[Cache], recipe: Recipe, names: Sequence[str]
) -> list[Cache]:
    """Return the caches among which the cache of a recipe is chosen.

    Args:
        caches: of the recipe's modality, of one corpus
        recipe: of one encoder
        names: that the user typed. Caches that a name selects come before others

    Returns:
        the caches that hold the embeddings, one for each content of the corpus; those
        of the transcripts of the recipe, if its corpus has several. If there is none,
        all caches; but none for a fold-specific encoder, because no other cache can
        replace its own
    """
    covering = [c for c in caches if c.recipe.covers(recipe)]
    if not covering:
        return [] if fold_encoders.origin(recipe) else list(caches)
    named = [c for name in names for c in cache_names.find_matches(covering, name)]
    superseded = current_content.find_superseded(covering)
    stale = {c.recipe.content for c in covering if c.path in superseded}
    recent = [c for c in covering if c.recipe.content not in stale]
    trained_on = [c for c in recent if _has_transcripts_of(c.recipe, recipe)]
    return _one_for_each_content(named or trained_on or recent or covering, recipe)


def _has_transcripts_of(recipe: Recipe, needed: Recipe) -> bool:
    """Return True if two recipes are of the same transcripts of one corpus."""
    return (recipe.corpus, recipe.transcripts) == (needed.corpus, needed.transcripts)


def _one_for_each_content(caches: Sequence[Cache], recipe: Recipe) -> list[Cache]:
    """Return one cache for each content: complete and without more, if possible."""
    ordered = sorted(
        caches, key=lambda c: (not c.complete, not recipe.covers(c.recipe), c.path)
    )
    by_content: dict[str, Cache] = {}
    for cache in ordered:
        by_content.setdefault(cache.recipe.content, cache)
    return list(by_content.values())


def holding(corpus: Path, recipe: Recipe) -> Cache | None:
    """Return the cache that holds certain embeddings of a corpus; None without one.

    An unfinished cache is returned only if no complete one holds them.

    Args:
        corpus: folder of the corpus in the cache
        recipe: of the embeddings, for the content of the corpus
    """
    exact = store.read_headers(corpus / recipe.folder())
    if exact is not None and exact.complete:
        return exact
    others = (c for c in store.find(corpus.parent, corpus.name) if c.complete)
    return next(
        (
            c
            for c in others
            if c.recipe.content == recipe.content and c.recipe.covers(recipe)
        ),
        exact,
    )
