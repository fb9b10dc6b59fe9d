"""Selection of the cache of each modality: the only one, or the one that is named."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from affuse.data.cache import (
    cache_coverage,
    cache_names,
    current_content,
    fold_encoders,
    store,
)
from affuse.data.cache.cache_folder import CorpusFolder
from affuse.data.cache.cache_listing import example, list_choices
from affuse.data.cache.recipe import Recipe
from affuse.data.cache.store import Cache
from affuse.data.errors import AffuseError, OptionError
from affuse.data.modality import modality_names
from affuse.data.options.shared_options import CacheChoice, cache_option, named_caches
from affuse.data.suggestions import hint

Selection = dict[str, tuple[Cache, ...]]  # {modality: caches of its encoders}


def choose(
    folder: Path,
    *,
    corpus: str = "",
    named: Mapping[str, Sequence[str]],
    modalities: Sequence[str] | None = None,
    recipes: Mapping[str, Recipe] | None = None,
) -> Selection:
    """Return the caches of each modality of one corpus, one for each encoder.

    Args:
        folder: of all caches
        corpus: name of the corpus; ``""`` if there is only one
        named: names of each modality's caches as in `cache_names.find_matches`;
            none if it has only one
        modalities: to select caches of, None for all; other modalities may have any
            number of caches
        recipes: recipe of each modality. Only caches that hold its embeddings are
            considered, if there are any. For a fold-specific encoder, no others are
            ever considered

    Returns:
        {modality: caches}; several caches are in the order of their checkpoints

    Raises:
        FileNotFoundError: if nothing was extracted
        AffuseError: if there is no cache or more than one; the message lists them
    """
    modalities = modality_names() if modalities is None else modalities
    corpora = sorted({path.parent.name for path in store.folders(folder)})
    if not corpora:
        raise FileNotFoundError(
            f"no embeddings below {folder}; extract a corpus first, for "
            f"example: {example(folder)}; or name their folder with --cache"
        )
    if corpus and corpus not in corpora:
        raise OptionError(
            f"corpus '{corpus}' is not in {folder}; there are {', '.join(corpora)}"
            f"{hint(corpus, corpora)}"
        )
    # The command distil leaves embeddings of its teacher there, without a corpus.
    tables = [name for name in corpora if CorpusFolder(folder / name).table.is_file()]
    corpora = corpora if corpus else tables or corpora
    if not corpus and len(corpora) > 1:
        raise OptionError(
            f"{folder} holds embeddings of {', '.join(corpora)}; choose one with "
            f"--corpus NAME"
        )
    caches = list(store.find(folder, corpus or corpora[0]))
    chosen = {
        m: _alike(caches, recipes[m], named.get(m, ()))
        if recipes and m in recipes
        else several(caches, m, named.get(m, ()))
        for m in modalities
    }
    if not any(chosen.values()):
        raise AffuseError(
            f"corpus '{corpus or corpora[0]}' has no {' or '.join(modalities)} "
            f"embeddings in {folder}; extract them first"
        )
    return {m: of_modality for m, of_modality in chosen.items() if of_modality}


def several(
    caches: Sequence[Cache], modality: str, names: Sequence[str]
) -> tuple[Cache, ...]:
    """Return the caches of one modality that are named, in a fixed order.

    Without a name, features without weights, such as acoustic ones, join the embeddings
    of the only other encoder, because both together predict best. The order is that of
    their checkpoints and not that of the names, so that the same encoders give the same
    columns.

    Args:
        caches: of one corpus, of any modality
        modality: of the caches
        names: as for `select_one`; none for the only cache

    Raises:
        AffuseError: as `select_one`
        OptionError: as `select_one`, or if two names select the same cache
    """
    if names:
        pairs = [(name, select_one(caches, modality, name)) for name in names]
    else:
        groups = _by_kind([c for c in caches if c.recipe.modality == modality])
        pairs = [(f"{n}", select_one(c, modality, "")) for n, c in enumerate(groups)]
    chosen = [(name, cache) for name, cache in pairs if cache is not None]
    return tuple(chosen[n][1] for n in cache_names.column_order(chosen, modality))


def _default(caches: Sequence[Cache], modality: str) -> tuple[Cache, ...]:
    """Return the caches that are selected without a name; () if there is no choice."""
    try:
        return several(caches, modality, ())
    except AffuseError:
        return ()


def _by_kind(caches: Sequence[Cache]) -> list[list[Cache]]:
    """Return caches of trained encoders, and caches of features without weights."""
    groups = [
        [c for c in caches if c.recipe.is_descriptive == kind] for kind in (False, True)
    ]
    return [group for group in groups if group]


def _alike(
    caches: Sequence[Cache], needed: Recipe, names: Sequence[str]
) -> tuple[Cache, ...]:
    """Return a cache for each encoder of a recipe; () if one of them has none.

    Raises:
        OptionError: if a name selects none of the caches that hold the embeddings
    """
    modality = needed.modality
    of_modality = [c for c in caches if c.recipe.modality == modality]
    candidates = [
        cache_coverage.find_candidates(of_modality, part, names)
        for part in needed.parts
    ]
    fitting = [
        [n for n in names if cache_names.find_matches(fit, n)] for fit in candidates
    ]
    unused = [n for n in names if not any(n in used for used in fitting)]
    choices = [c for fit in candidates for c in fit]
    if unused and choices:
        raise OptionError(
            f"{cache_option(modality, unused[0])} names no cache that the run can "
            f"take; leave it out, or choose from these",
            *list_choices(choices),
        )
    chosen = [
        select_one(fit, modality, used[0] if used else "")
        for fit, used in zip(candidates, fitting, strict=True)
    ]
    return tuple(c for c in chosen if c is not None) if all(chosen) else ()


def selection(folder: Path, chosen: Mapping[str, Path]) -> CacheChoice:
    """Return the options with which `choose` selects certain caches.

    Options that are not needed for that are left out.

    Args:
        folder: of all caches
        chosen: cache folder of each modality, of one corpus
    """
    path = next(iter(chosen.values()))
    corpora = {each.parent.name for each in store.folders(folder)}
    caches = list(store.find(folder, path.parent.name))
    return CacheChoice(
        corpus=path.parent.name if len(corpora) > 1 else "",
        cache=folder,
        **named_caches({m: (_shortest(caches, m, p),) for m, p in chosen.items()}),
    )


def _shortest(caches: Sequence[Cache], modality: str, path: Path) -> str:
    """Return the most specific name that selects a cache; "" if none is needed."""
    (cache,) = (c for c in caches if c.path == path)
    if cache in _default(caches, modality):
        return ""
    for name in cache_names.names(cache):
        try:
            selected = select_one(caches, modality, name)
        except AffuseError:
            continue
        if selected == cache:
            return name
    return cache_names.digest(cache)


def select_one(caches: Sequence[Cache], modality: str, named: str) -> Cache | None:
    """Return the cache of one modality; None if there is none.

    Fold-specific embeddings serve one fold only. So they are selected only by a name,
    or if there are no other embeddings. Of several caches of one encoder, one that
    holds the embeddings of all others is selected.

    Args:
        caches: of one corpus, of any modality
        modality: of the cache
        named: name as in `cache_names.find_matches`, or ``""``

    Raises:
        AffuseError: if several caches match, or the cache is incomplete
        OptionError: if no cache has that name
    """
    candidates = [c for c in caches if c.recipe.modality == modality]
    if named:
        matches = cache_names.find_matches(candidates, named)
    else:
        superseded = current_content.find_superseded(candidates)
        matches = [c for c in candidates if c.path not in superseded]
        matches = [c for c in matches if not fold_encoders.origin(c.recipe)] or matches
    if named and not matches:
        listing = cache_names.describe_choices(candidates, named)
        raise OptionError(
            f"no {modality} cache {named!r}; {listing}",
            *list_choices(candidates),
        )
    if len(matches) > 1:
        matches = [c for c in matches if all(_holds(c, m) for m in matches)] or matches
    if len(matches) > 1:
        suffix = f" of {named!r}" if named else ""
        typed = cache_option(modality, "DIGEST")
        raise OptionError(
            f"there are {len(matches)} {modality} caches{suffix}; choose one with "
            f"{typed}, or with a checkpoint that only one has",
            *list_choices(matches),
        )
    if matches and not matches[0].complete:
        raise AffuseError(
            f"{matches[0].path} is unfinished: {len(matches[0].present)} of "
            f"{matches[0].planned} parts are there; repeat the extract command to "
            f"finish it"
        )
    return matches[0] if matches else None


def _holds(cache: Cache, other: Cache) -> bool:
    """Return True if a complete cache holds all embeddings of another one."""
    same = cache.recipe.content == other.recipe.content and cache.complete
    return same and cache.recipe.covers(other.recipe)
