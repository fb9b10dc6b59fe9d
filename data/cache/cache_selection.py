"""Which caches a training uses: the only ones there are, or those that are named."""

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
    like: Mapping[str, Recipe] | None = None,
) -> dict[str, Cache]:
    """Return one cache for each modality of one corpus.

    Args:
        folder: of all caches
        corpus: its name; ``""`` if there is but one
        named: modality to a name of its cache, see `cache_names.matching`, or ``""``
        modalities: those that are wanted, None for all; others may have as many caches
            as they like
        like: recipe of each modality; if a cache was made in the same way, only such,
            and only such of an encoder that was fine-tuned for a fold

    Raises:
        FileNotFoundError: if nothing was extracted
        AffuseError: if there is more than one choice; the sentence lists them
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
    # distil leaves embeddings of its teacher there, which no corpus belongs to
    read = [name for name in corpora if CorpusFolder(folder / name).table.is_file()]
    corpora = corpora if corpus else read or corpora
    if not corpus and len(corpora) > 1:
        raise OptionError(
            f"{folder} holds embeddings of {', '.join(corpora)}; choose one with "
            f"--corpus NAME"
        )
    caches = list(store.find(folder, corpus or corpora[0]))
    for modality, wanted in (like or {}).items():
        alike = [c for c in caches if is_alike(c.recipe, wanted)]
        if alike or fold_encoders.origin(wanted):  # of which no other can be meant
            caches = [c for c in caches if c.recipe.modality != modality] + alike
    chosen = {m: one(caches, m, named.get(m, "")) for m in modalities}
    if not any(chosen.values()):
        raise AffuseError(
            f"corpus '{corpus or corpora[0]}' has no {' or '.join(modalities)} "
            f"embeddings in {folder}; extract them first"
        )
    return {m: cache for m, cache in chosen.items() if cache is not None}


def example(folder: Path) -> Extract:
    """Return a command that works on any machine: it encodes the bundled demo."""
    return Extract(
        corpus="demo", audio_checkpoint="mini", text_checkpoint="mini", cache=folder
    )


def selection(folder: Path, wanted: Mapping[str, Path]) -> CacheChoice:
    """Return the options that make `choose` take certain caches; few are needed.

    Args:
        folder: of all caches
        wanted: cache folder of each modality, of one corpus
    """
    path = next(iter(wanted.values()))
    corpora = {each.parent.name for each in store.folders(folder)}
    caches = list(store.find(folder, path.parent.name))
    return CacheChoice(
        corpus=path.parent.name if len(corpora) > 1 else "",
        cache=folder,
        **named_caches({m: _shortest(caches, m, p) for m, p in wanted.items()}),
    )


def _shortest(caches: Sequence[Cache], modality: str, path: Path) -> str:
    """Return the most telling name that selects one cache; "" if it is taken anyway."""
    (cache,) = (c for c in caches if c.path == path)
    for name in ("", *cache_names.names(cache)):
        try:
            found = one(caches, modality, name)
        except AffuseError:
            continue
        if found == cache:
            return name
    return cache_names.digest(cache)


def is_alike(found: Recipe, wanted: Recipe) -> bool:
    """Return True if only the corpus and its content differ."""
    return replace(found, corpus=wanted.corpus).kind() == wanted.kind()


def one(caches: Sequence[Cache], modality: str, named: str) -> Cache | None:
    """Return the cache of one modality; None if there is none.

    Those of encoders that were fine-tuned for a fold are taken only where they are
    named, or there are no others: they are of use to that fold alone.

    Raises:
        AffuseError: if there are several, or it is unfinished
    """
    mine = [c for c in caches if c.recipe.modality == modality]
    if named:
        found = cache_names.matching(mine, named)
    else:
        losers = current_content.superseded(mine)
        found = [c for c in mine if c.path not in losers]
        found = [c for c in found if not fold_encoders.origin(c.recipe)] or found
    if named and not found:
        raise OptionError(
            f"no {modality} cache {named!r}; {cache_names.unknown(mine, named)}",
            *_list(mine),
        )
    if len(found) > 1:
        of = f" of {named!r}" if named else ""
        typed = cache_option(modality, "DIGEST")
        raise OptionError(
            f"there are {len(found)} {modality} caches{of}; choose one with {typed}, "
            f"or with a checkpoint that only one has",
            *_list(found),
        )
    if found and not found[0].complete:
        raise AffuseError(
            f"{found[0].path} is unfinished: {len(found[0].present)} of "
            f"{found[0].planned} parts are there; repeat the extract command to "
            f"finish it"
        )
    return found[0] if found else None


def describe(cache: Cache) -> str:
    """Return one line that describes a cache and begins with its digest."""
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
    """Yield a line for every cache below `folder`: its recipe and its state."""
    folders = store.folders(folder)
    caches, damaged = [], []
    for path in folders:
        try:
            found = store.look(path)
        except AffuseError as error:
            damaged.append(str(error))
            continue
        if found is not None:
            caches.append(found)
    try:
        losers = current_content.superseded(caches)
    except DamagedFileError as error:  # the caches themselves can be listed
        losers = set()
        damaged.append(str(error))
    for cache in caches:
        notes = (
            "" if cache.complete else f"  {len(cache.present)}/{cache.planned} parts"
        )
        yield describe(cache) + notes + "  superseded" * (cache.path in losers)
    yield from damaged
    if not folders:
        command = example(folder)
        yield f"no embeddings below {folder}; extract some, for example: {command}"


def _list(caches: Sequence[Cache]) -> list[str]:
    """Return a line on each cache below a sentence; it begins with its option."""
    return [
        f"  {cache_option(cache.recipe.modality, describe(cache))}{more}"
        for cache, more in cache_names.apart(caches)
    ]
