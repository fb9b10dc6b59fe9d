"""Lines that describe caches, for ``cache list``, ``train`` and error messages."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from affuse.data.cache import cache_names, current_content, fold_encoders, store
from affuse.data.cache.store import Cache
from affuse.data.errors import AffuseError, DamagedFileError
from affuse.data.options.extraction_options import Extract
from affuse.data.options.shared_options import cache_option


def example(folder: Path) -> Extract:
    """Return a command that works without any files: it encodes the bundled demo.

    Args:
        folder: of all caches
    """
    return Extract(
        corpus="demo", audio_checkpoint="mini", text_checkpoint="mini", cache=folder
    )


def describe(cache: Cache) -> str:
    """Return a line that describes a cache and begins with its digest."""
    r = cache.recipe
    layers = ",".join(map(str, r.layers))
    name = fold_encoders.name(r)
    revision = f"@{r.revision[:8]}" if r.revision else ""
    revision += f", {r.code}" if r.code else ""
    texts = f", transcripts of {r.transcripts}" if r.transcripts else ""
    texts += f", degraded by {r.degradation}" if r.degradation else ""
    return (
        f"{cache_names.digest(cache)}  {r.corpus} {r.modality}  {name}{revision} "
        f"layers {layers}, {r.pooling}, {r.dtype}{texts}  {cache.rows} utterances"
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


def list_choices(caches: Sequence[Cache]) -> list[str]:
    """Return a line for each cache that begins with the option that selects it."""
    return [
        f"  {cache_option(cache.recipe.modality, describe(cache))}{more}"
        for cache, more in cache_names.list_distinctions(caches)
    ]
