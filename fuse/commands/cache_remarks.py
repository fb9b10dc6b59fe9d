"""Sentences on the caches that a command trains on, and checks of what it takes."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from affuse.data.cache import cache_listing
from affuse.data.cache.recipe import Recipe
from affuse.data.cache.store import Embeddings
from affuse.data.errors import OptionError
from affuse.fuse.feature_texts import EVERY_LAYER
from affuse.fuse.inputs.feature_choice import FeatureChoice
from affuse.fuse.inputs.input_selection import Sources
from affuse.fuse.settings import Settings

Say = Callable[[str], object]


def introduce(say: Say, sources: Sources, choice: FeatureChoice) -> None:
    """Print the selected corpus and caches, and what is taken of each cache.

    Args:
        say: prints a line
        sources: corpus and caches
        choice: layers and statistics that are taken of each cache
    """
    if sources.corpus.shortfall:
        corpus = sources.corpus
        say(f"corpus '{corpus.name}' is not complete: {corpus.shortfall}")
    for cache, taken in sources.shown:
        say(f"using {cache_listing.describe(cache)}{_less(cache.recipe, taken)}")
    for sentence in sources.remarks:
        say(sentence)
    for sentence in choice.remarks(cache.recipe for cache, _ in sources.shown):
        say(sentence)
    if sources.fold_embeddings:
        count = len(sources.fold_embeddings)
        say(f"using such caches for each of {count} folds, with fold-specific encoders")


def _less(cached: Recipe, taken: Recipe) -> str:
    """Return a clause on what is taken of a cache, if that is not everything."""
    pieces = []
    if taken.layers != cached.layers:
        pieces.append(f"layers {','.join(map(str, taken.layers))}")
    if taken.pooling != cached.pooling:
        pieces.append(taken.pooling)
    return f", of which {', '.join(pieces)}" if pieces else ""


def common_choice(tried: Sequence[Settings]) -> FeatureChoice:
    """Return the layers and statistics that all settings of a sweep take.

    Args:
        tried: settings of the sweep

    Raises:
        OptionError: if they differ, because all settings share the rows in memory
    """
    choices = {_comparable(FeatureChoice.of(settings)) for settings in tried}
    if len(choices) > 1:
        named = sorted(f"layers={c.layers} pooling={c.pooling}" for c in choices)
        raise OptionError(
            f"one sweep takes one choice of layers and pooling, and these are "
            f"{' and '.join(named)}; type a sweep for each, with "
            f"--set layers=... or --set pooling=..."
        )
    return choices.pop()


def _comparable(choice: FeatureChoice) -> FeatureChoice:
    """Return a choice that is equal for equal columns."""
    is_every = choice.layers in EVERY_LAYER
    return replace(choice, layers="all") if is_every else choice


def demand_layers(
    tried: Sequence[Settings], embeddings: Mapping[str, Embeddings]
) -> None:
    """Raise an error if layers shall be mixed and each encoder has only one.

    Args:
        tried: settings to train with
        embeddings: {modality: rows of its caches}

    Raises:
        OptionError: with the option of an extraction that caches several layers, or
            with another choice if no encoder has layers
    """
    weighted = any(settings.layers == "weighted" for settings in tried)
    parts = [part for cache in embeddings.values() for part in cache.recipe.parts]
    if not weighted or any(len(part.layers) > 1 for part in parts):
        return
    if all(part.is_descriptive for part in parts):
        names = " and ".join(sorted({part.checkpoint for part in parts}))
        raise OptionError(
            f"layers='weighted' needs an encoder with layers, and {names} has none; "
            f"leave layers at all, or join another encoder, as in --audio mini "
            f"--audio {names}"
        )
    raise OptionError(
        "layers='weighted' needs a cache of several layers, and these hold one each; "
        "extract again with --layers all"
    )
