"""Provenance of a cache: the extract command and its options, kept beside the cache.

``<cache>/<corpus>/<folder>.json`` holds what was typed after ``extract``, with paths
made absolute and the checkpoint's commit pinned: what is newest will be another. Stage
one writes it (`affuse.extract.caching.provenance_writing`); both stages read it to say
which command to type.
"""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from typing import Any

from affuse.data import plugins
from affuse.data.cache.recipe import Recipe
from affuse.data.command_lines import FLAG, Extract, Reading
from affuse.data.errors import AffuseError
from affuse.data.modality import modality_names
from affuse.data.reading import corpus_reading
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

WHO = ("cache", "processes", "scheduler", "shard")  # who makes it, not what is made
FLAGS = {  # options of the command line by the name of their value
    each.name: each.metadata[FLAG]
    for each in fields(Extract)
    if each.metadata[FLAG] and each.name not in WHO
}
WORD = Text(10_000)


class ModalityName:
    """The name of a modality, see `affuse.data.system.schema.Kind`."""

    def check(self, value: object) -> None:
        """Raise `Mismatch` if a value is no name of a modality."""
        OneOf(modality_names()).check(value)


KIND = Record(
    {
        **dict.fromkeys(("corpus", *FLAGS), WORD),
        **dict.fromkeys(("root", "nature", "table", "dominance"), Maybe(WORD)),
        **dict.fromkeys(("columns", "revision", "layers", "pooling"), ListOf(WORD)),
        **dict.fromkeys(("batch", "block_seconds", "max_seconds"), Maybe(Number())),
        **dict.fromkeys(("threads", "limit"), Maybe(Whole())),
        "modalities": ListOf(ModalityName(), most=1, least=1),  # one a folder
        "scale": Maybe(ListOf(Number(), most=2, least=2)),
        "head": Flag(),
    }
)
LARGEST = 2**20  # bytes of such a file
ADVICE = "extract into this cache again"
UNKNOWN_CORPUS, UNKNOWN_ROOT = "CORPUS", Path("ROOT")  # that the user has to fill in


def path(folder: Path) -> Path:
    """Return where the call that made a cache folder is kept."""
    return folder.with_name(f"{folder.name}.json")


def load(folder: Path) -> dict[str, Any]:
    """Return the options that were kept, as the command line would give them.

    Raises:
        FileNotFoundError: if none were kept
        DamagedFileError: if the file is damaged
    """
    kept = path(folder)
    if not kept.exists():
        raise FileNotFoundError(f"{kept} not found, which says how it was made")
    found: dict[str, Any] = read_json(kept, KIND, advice=ADVICE, limit=LARGEST)
    found["root"] = None if found["root"] is None else Path(found["root"])
    found["scale"] = None if found["scale"] is None else tuple(found["scale"])
    return found


def known(folder: Path) -> dict[str, Any]:
    """Return the options that were kept; {} where they cannot be read, as in `load`.

    It is for advice alone, which is given without them too.
    """
    with suppress(OSError, AffuseError):
        return load(folder)
    return {}


def command(call: dict[str, Any], cache: Path) -> Extract:
    """Return the command that makes a cache again, from the options that were kept."""
    return Extract.of(call, cache=cache)


def guess(recipe: Recipe, cache: Path) -> Extract:
    """Return the command that makes a cache, as far as its recipe says it itself."""
    builtin = recipe.corpus in plugins.names(corpus_reading.PACKAGE)
    name = "" if builtin else recipe.corpus
    corpus = recipe.corpus if builtin else UNKNOWN_CORPUS
    return alike(recipe, {"corpus": corpus, "root": UNKNOWN_ROOT, "name": name}, cache)


def alike(
    recipe: Recipe, corpus: dict[str, Any], cache: Path, *, made: Path | None = None
) -> Extract:
    """Return the command that encodes a corpus as a recipe says.

    Args:
        recipe: how embeddings were made; its corpus does not matter
        corpus: options that read the corpus, as in `read_as`
        cache: folder of all caches
        made: folder of the cache of that recipe, whose provenance says where a local
            checkpoint lies; the recipe itself has but the name of its folder
    """
    m = recipe.modality
    typed = known(made).get(f"{m}_checkpoint", "") if made else ""
    block = recipe.inputs.get("block_seconds")
    return Extract.of(
        {
            **corpus,
            f"{m}_checkpoint": typed or recipe.checkpoint,
            "modalities": (m,),
            "revision": (recipe.revision,) if recipe.revision else (),
            "layers": (",".join(map(str, recipe.layers)),),
            "pooling": () if recipe.pooling == "mean" else (recipe.pooling,),
            "dtype": recipe.dtype,
            "head": bool(recipe.head),
            "block_seconds": block,
            "cache": cache,
        }
    )


def read_as(folders: Iterable[Path]) -> dict[str, Any]:
    """Return the options by which the corpus of some caches was read.

    Args:
        folders: caches of one corpus

    Returns:
        its reader, folder and other options of `Reading`, by name; placeholders that
        the user has to fill in, where no cache says it
    """
    names = [each.name for each in fields(Reading)]
    for folder in folders:
        if call := known(folder):
            return {name: call[name] for name in names}
    return {"corpus": UNKNOWN_CORPUS, "root": UNKNOWN_ROOT}
