"""Provenance of a cache: the extract command and its options, kept beside the cache.

``<cache>/<corpus>/<folder>.json`` holds the options that were typed after ``extract``.
Paths are absolute, and the checkpoint's commit is stated, because a later download may
be newer. Stage one writes the file (`affuse.extract.caching.provenance_writing`). Both
stages read it to advise users which command to type.
"""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from affuse.data import plugins
from affuse.data.cache.cache_folder import CacheFolder
from affuse.data.cache.recipe import Recipe
from affuse.data.errors import AffuseError
from affuse.data.modality import modality_names
from affuse.data.options.extraction_options import GOLD, Extract, checkpoints
from affuse.data.options.option_fields import spelling
from affuse.data.options.source_options import CorpusSource
from affuse.data.plugin_kinds import CORPUS_KIND
from affuse.data.system.documents import read_json
from affuse.data.system.schema import (
    Flag,
    ListOf,
    Maybe,
    Number,
    OneOf,
    Record,
    Text,
    Whole,
)

# Options for the location and speed of a command, which do not change the embeddings.
EXECUTION_OPTIONS = ("cache", "compile", "processes", "scheduler", "shard")
FLAGS = {  # options of the command line by the name of their value
    each.name: flag
    for each in Extract.fields()
    if (flag := spelling(each).flag) and each.name not in EXECUTION_OPTIONS
}
OPTIONAL_FIELDS = (
    "encoders",
    "other_checkpoints",
    "recordings",
    "transcripts",
)  # options that are kept only if typed
WORD = Text(10_000)


class ModalityKind:
    """Schema of a modality's name, see `affuse.data.system.schema.Kind`."""

    def check(self, value: object) -> None:
        """Raise `Mismatch` if a value is not the name of a modality."""
        OneOf(modality_names()).check(value)


KIND = Record(
    {
        **dict.fromkeys(
            ("corpus", *(n for n in FLAGS if n not in OPTIONAL_FIELDS)), WORD
        ),
        **dict.fromkeys(("root", "nature", "table", "dominance"), Maybe(WORD)),
        **dict.fromkeys(("columns", "revision", "layers", "pooling"), ListOf(WORD)),
        **dict.fromkeys(("batch", "block_seconds", "max_seconds"), Maybe(Number())),
        **dict.fromkeys(("threads", "limit"), Maybe(Whole())),
        "modalities": ListOf(ModalityKind(), most=1, least=1),  # one for each folder
        "scale": Maybe(ListOf(Number(), most=2, least=2)),
        "head": Flag(),
    },
    {
        **dict.fromkeys(OPTIONAL_FIELDS, ListOf(WORD)),
        "recordings": Maybe(WORD),
        "transcripts": WORD,
    },
)
LARGEST = 2**20  # bytes of such a file
ADVICE = "extract into this cache again"
UNKNOWN_CORPUS, UNKNOWN_ROOT = "CORPUS", Path("ROOT")  # placeholders for the user


def path(folder: Path) -> Path:
    """Return the path of the file with the command that made a cache folder."""
    return CacheFolder(folder).provenance


def load(folder: Path) -> Extract:
    """Return the command that made a cache, with the default folder of caches.

    Args:
        folder: of the cache

    Raises:
        FileNotFoundError: if the cache has no provenance
        DamagedFileError: if its file is damaged
    """
    kept = path(folder)
    if not kept.exists():
        raise FileNotFoundError(f"{kept} not found, which says how the cache was made")
    values: dict[str, Any] = read_json(kept, KIND, advice=ADVICE, limit=LARGEST)
    for name in ("root", "recordings"):
        if values.get(name) is not None:
            values[name] = Path(values[name])
    lists = {n: tuple(v) for n, v in values.items() if isinstance(v, list)}
    options = {n: v for n, v in values.items() if v is not None}
    return Extract(**{**options, **lists})


def load_if_readable(folder: Path) -> Extract | None:
    """Return the command that made a cache; None if it cannot be read.

    It is used for advice only, which is possible without it too.
    """
    with suppress(OSError, AffuseError):
        return load(folder)
    return None


def checkpoint(folder: Path, modality: str) -> str:
    """Return the checkpoint that was typed for a cache; "" if it is not known."""
    call = load_if_readable(folder)
    return call.checkpoint(modality) if call else ""


def command(call: Extract, cache: Path) -> Extract:
    """Return the command that makes a cache again.

    Args:
        call: command that `load` returned
        cache: folder of all caches
    """
    return replace(call, cache=cache)


def guess(recipe: Recipe, cache: Path) -> Extract:
    """Return the command that makes a cache, as far as its recipe states the options.

    Args:
        recipe: of the cache
        cache: folder of all caches
    """
    builtin = recipe.corpus in plugins.names(CORPUS_KIND)
    name = "" if builtin else recipe.corpus
    corpus = recipe.corpus if builtin else UNKNOWN_CORPUS
    source = CorpusSource(corpus=corpus, root=UNKNOWN_ROOT, name=name)
    return command_for_recipe(recipe, source, cache)


def command_for_recipe(
    recipe: Recipe, source: CorpusSource, cache: Path, *, example: Path | None = None
) -> Extract:
    """Return the command that encodes a corpus according to a recipe.

    Args:
        recipe: of other embeddings; its corpus is ignored
        source: options that read the corpus, as in `corpus_options`
        cache: folder of all caches
        example: folder of a cache of that recipe. Its provenance has the path of a
            local checkpoint; the recipe has only the name of the checkpoint's folder
    """
    m = recipe.modality
    typed = checkpoint(example, m) if example else ""
    call = load_if_readable(example) if example else None
    command = Extract.from_command(
        source,
        CorpusSource,
        encoders=call.encoders if call else (),
        modalities=(m,),
        revision=(recipe.revision,) if recipe.revision else (),
        layers=(",".join(map(str, recipe.layers)),),
        pooling=(recipe.pooling,),
        dtype=recipe.dtype,
        head=bool(recipe.head),
        cache=cache,
        transcripts=recipe.transcripts or GOLD,
        **checkpoints({m: typed or recipe.checkpoint}),
    )
    block = recipe.inputs.get("block_seconds")
    return command if block is None else replace(command, block_seconds=block)


def corpus_options(folders: Iterable[Path]) -> CorpusSource:
    """Return the options with which the corpus of some caches was read.

    Args:
        folders: of caches of one corpus

    Returns:
        reader, folder and other options; placeholders for the user if no cache states
        them
    """
    for folder in folders:
        if call := load_if_readable(folder):
            return CorpusSource.from_command(call, CorpusSource)
    return CorpusSource(corpus=UNKNOWN_CORPUS, root=UNKNOWN_ROOT)
