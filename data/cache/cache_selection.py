"""Selection of the cache of each modality: the only one, or the one that is named."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from affuse.data.cache import (
    cache_names,
    current_content,
    fold_encoders,
    store,
)
from affuse.data.cache.cache_folder import CorpusFolder
from affuse.data.cache.recipe import Recipe
from affuse.data.cache.store import Cache
from affuse.data.errors import AffuseError, DamagedFileError, OptionError
from affuse.data.modality import modality_names
from affuse.data.options.extraction_options import Extract
from affuse.data.options.shared_options import CacheChoice, cache_option, named_caches
from affuse.data.suggestions import hint


def choose(
    folder: Path,
    *,
    corpus: str = "",
    named: Mapping[str, str],
    modalities: Sequence[str] | None = None,
    recipes: Mapping[str, Recipe] | None = None,
) -> dict[str, Cache]:
    """Return one cache for each modality of one corpus.

    Args:
        folder: of all caches
        corpus: name of the corpus; ``""`` if there is only one
        named: name of each modality's cache as in `cache_names.find_matches`, or ``""``
        modalities: to select caches of, None for all; other modalities may have any
            number of caches
        recipes: recipe of each modality. Only caches with an equal recipe are
            considered, if there are any. For a fold-specific encoder, no others are
            considered in any case

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
    for modality, recipe in (recipes or {}).items():
        alike = [c for c in caches if is_alike(c.recipe, recipe)]
        # No other cache can replace that of a fold-specific encoder.
        if alike or fold_encoders.origin(recipe):
            caches = [c for c in caches if c.recipe.modality != modality] + alike
    chosen = {m: select_one(caches, m, named.get(m, "")) for m in modalities}
    if not any(chosen.values()):
        raise AffuseError(
            f"corpus '{corpus or corpora[0]}' has no {' or '.join(modalities)} "
            f"embeddings in {folder}; extract them first"
        )
    return {m: cache for m, cache in chosen.items() if cache is not None}


def example(folder: Path) -> Extract:
    """Return a command that works without any files: it encodes the bundled demo.

    Args:
        folder: of all caches
    """
    return Extract(
        corpus="demo", audio_checkpoint="mini", text_checkpoint="mini", cache=folder
    )


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
        **named_caches({m: _shortest(caches, m, p) for m, p in chosen.items()}),
    )


def _shortest(caches: Sequence[Cache], modality: str, path: Path) -> str:
    """Return the most specific name that selects a cache; "" if none is needed."""
    (cache,) = (c for c in caches if c.path == path)
    for name in ("", *cache_names.names(cache)):
        try:
            selected = select_one(caches, modality, name)
        except AffuseError:
            continue
        if selected == cache:
            return name
    return cache_names.digest(cache)


def is_alike(recipe: Recipe, other: Recipe) -> bool:
    """Return True if two recipes differ in the corpus and its content only."""
    return replace(recipe, corpus=other.corpus).kind() == other.kind()


def select_one(caches: Sequence[Cache], modality: str, named: str) -> Cache | None:
    """Return the cache of one modality; None if there is none.

    Fold-specific embeddings serve one fold only. So they are selected only by a name,
    or if there are no other embeddings.

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
        choices = cache_names.describe_choices(candidates, named)
        raise OptionError(
            f"no {modality} cache {named!r}; {choices}",
            *_list(candidates),
        )
    if len(matches) > 1:
        suffix = f" of {named!r}" if named else ""
        typed = cache_option(modality, "DIGEST")
        raise OptionError(
            f"there are {len(matches)} {modality} caches{suffix}; choose one with "
            f"{typed}, or with a checkpoint that only one has",
            *_list(matches),
        )
    if matches and not matches[0].complete:
        raise AffuseError(
            f"{matches[0].path} is unfinished: {len(matches[0].present)} of "
            f"{matches[0].planned} parts are there; repeat the extract command to "
            f"finish it"
        )
    return matches[0] if matches else None


def describe(cache: Cache) -> str:
    """Return a line that describes a cache and begins with its digest."""
    r = cache.recipe
    layers = ",".join(map(str, r.layers))
    name = fold_encoders.name(r)
    revision = f"@{r.revision[:8]}" if r.revision else ""
    revision += f", {r.code}" if r.code else ""
    return (
        f"{cache_names.digest(cache)}  {r.corpus} {r.modality}  {name}{revision} "
        f"layers {layers}, {r.pooling}, {r.dtype}  {cache.rows} utterances"
    )


def listing(folder: Path) -> Iterator[str]:
    """Yield a line about each cache below `folder`, with its recipe and its state."""
    folders = store.folders(folder)
    caches, damaged = [], []
    for path in folders:
        try:
            entry = store.read_headers(path)
        except AffuseError as error:
            damaged.append(str(error))
            continue
        if entry is not None:
            caches.append(entry)
    try:
        superseded = current_content.find_superseded(caches)
    except DamagedFileError as error:  # the caches can be listed without it
        superseded = set()
        damaged.append(str(error))
    for cache in caches:
        notes = (
            "" if cache.complete else f"  {len(cache.present)}/{cache.planned} parts"
        )
        yield describe(cache) + notes + "  superseded" * (cache.path in superseded)
    yield from damaged
    if not folders:
        command = example(folder)
        yield f"no embeddings below {folder}; extract some, for example: {command}"


def _list(caches: Sequence[Cache]) -> list[str]:
    """Return a line for each cache that begins with the option that selects it."""
    return [
        f"  {cache_option(cache.recipe.modality, describe(cache))}{more}"
        for cache, more in cache_names.list_distinctions(caches)
    ]
