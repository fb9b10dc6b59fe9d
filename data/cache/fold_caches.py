"""Selection of fold-specific embeddings: caches of encoders fine-tuned for a fold."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from affuse.data.cache import (
    cache_names,
    cache_selection,
    fold_encoders,
    store,
    training_data,
)
from affuse.data.cache.cache_selection import Selection
from affuse.data.cache.fold_commands import Commands
from affuse.data.cache.recipe import Recipe
from affuse.data.cache.store import Cache
from affuse.data.errors import AffuseError, OptionError


def choose(
    run: Path,
    folder: Path,
    *,
    corpus: str = "",
    named: Mapping[str, Sequence[str]],
    modalities: Sequence[str],
) -> dict[str, Selection]:
    """Return the caches of each fold and modality, fold-specific where fine-tuned.

    Caches of one modality and one name differ in weights and training data only.

    Args:
        run: folder of a fine-tuning
        folder: of all caches
        corpus: name of the corpus; ``""`` if only one was encoded
        named: names of any caches of each modality. A cache of an encoder that was not
            fine-tuned is then used for all folds
        modalities: to select caches of

    Returns:
        {fold: {modality: caches of its encoders}}, in the order of their checkpoints

    Raises:
        FileNotFoundError: if the folder holds no fine-tuned fold
        AffuseError: if embeddings are missing, with the commands that extract them; if
            several caches match; or if folds were extracted with different options
        OptionError: if two names select the same cache
    """
    encoders = fold_encoders.folds(run)
    caches = list(store.find(folder, corpus))
    specific = {
        fold: {m: _encoded_with(caches, m, fold, path) for m, path in paths.items()}
        for fold, paths in encoders.items()
    }
    corpus = corpus or _corpus(specific)
    of_corpus = [c for c in caches if c.recipe.corpus == corpus]
    selected: dict[str, Selection] = {fold: {} for fold in specific}
    for modality in modalities:
        by_name = [
            (name, _of_each_fold(specific, of_corpus, modality, name))
            for name in named.get(modality) or ("",)
        ]
        found = [(name, of_fold) for name, of_fold in by_name if of_fold]
        firsts = [(name, next(iter(of_fold.values()))) for name, of_fold in found]
        for number in cache_names.column_order(firsts, modality):
            for fold, cache in found[number][1].items():
                earlier = selected[fold].get(modality, ())
                selected[fold][modality] = (*earlier, cache)
    commands = Commands(folder, of_corpus or caches)
    wanted = {m: len(named.get(m) or ("",)) for m in modalities}
    _demand_all(run, encoders, selected, wanted, commands)
    return selected


def _of_each_fold(
    specific: Mapping[str, Mapping[str, list[Cache]]],
    caches: Sequence[Cache],
    modality: str,
    name: str,
) -> dict[str, Cache]:
    """Return the cache of one encoder for each fold; folds without one are left out.

    Args:
        specific: {fold: {modality: caches of its fine-tuned encoder}}
        caches: of one corpus, of any modality
        modality: of the encoder
        name: of any of its caches; "" if none is named
    """
    fit, shared = _fit(caches, modality, name)
    of_fold: dict[str, Cache] = {}
    for fold, by_modality in specific.items():
        candidates = fit if shared else by_modality.get(modality, fit)
        candidates = [c for c in candidates if c in fit]
        if cache := cache_selection.select_one(candidates, modality, ""):
            of_fold[fold] = cache
    _demand_alike(of_fold)
    return of_fold


def find_missing(
    run: Path, folder: Path, corpus: str, modalities: Sequence[str]
) -> dict[str, dict[str, Path]]:
    """Return the fine-tuned encoders with which a corpus is not encoded.

    Args:
        run: folder of a fine-tuning
        folder: of all caches
        corpus: name of the corpus
        modalities: of the encoders

    Returns:
        {fold: {modality: folder of the encoder}}
    """
    caches = list(store.find(folder, corpus))
    return {
        fold: {
            m: path
            for m, path in paths.items()
            if m in modalities and not _encoded_with(caches, m, fold, path)
        }
        for fold, paths in fold_encoders.folds(run).items()
    }


def _fit(caches: Sequence[Cache], modality: str, name: str) -> tuple[list[Cache], bool]:
    """Return the caches that differ from the named one in the weights only.

    Returns:
        these caches, or all if none is named; and True if the named one serves all
        folds, because its encoder was not fine-tuned for one
    """
    if not name:
        return list(caches), False
    of_modality = [c for c in caches if c.recipe.modality == modality]
    matches = cache_names.find_matches(of_modality, name)
    kinds = {_plain(c.recipe).text() for c in matches if fold_encoders.origin(c.recipe)}
    if len(kinds) == 1:  # any of these caches represents the kind
        named: Cache | None = matches[0]
    else:
        named = cache_selection.select_one(caches, modality, name)
    if named is None:
        return list(caches), False
    if not fold_encoders.origin(named.recipe):
        return [named], True
    kind = _plain(named.recipe)
    return [c for c in caches if _plain(c.recipe) == kind], False


def _encoded_with(
    caches: Sequence[Cache], modality: str, fold: str, checkpoint: Path
) -> list[Cache]:
    """Return the caches that were encoded with exactly this checkpoint."""
    files = fold_encoders.told(checkpoint)[fold_encoders.KEY]["files"]
    records = training_data.read(checkpoint).get(training_data.KEY, [])
    return [
        c
        for c in caches
        if c.recipe.modality == modality
        and fold_encoders.origin(c.recipe).get("files") == files
        and fold_encoders.origin(c.recipe).get("fold") == fold
        and c.recipe.training.get(training_data.KEY, []) == records
    ]


def _corpus(specific: Mapping[str, Mapping[str, Sequence[Cache]]]) -> str:
    """Return the name of the corpus that was encoded; ``""`` if none was."""
    lists = (caches for each in specific.values() for caches in each.values())
    names = sorted({c.recipe.corpus for caches in lists for c in caches})
    if len(names) > 1:
        raise OptionError(
            f"{', '.join(names)} were encoded with these encoders; choose one with "
            f"--corpus NAME"
        )
    return names[0] if names else ""


def _plain(recipe: Recipe) -> Recipe:
    """Return a recipe without weights, equal for caches that differ in these only."""
    return replace(recipe, weights="", training={})


def _demand_all(
    run: Path,
    encoders: Mapping[str, Mapping[str, Path]],
    selected: Mapping[str, Selection],
    wanted: Mapping[str, int],
    commands: Commands,
) -> None:
    """Raise an error if the fold-specific embeddings of a fold are missing.

    `wanted` is the number of encoders of each modality.
    """
    missing = {
        fold: [
            m
            for m, count in wanted.items()
            if m in paths and len(selected[fold].get(m, ())) < count
        ]
        for fold, paths in encoders.items()
    }
    if any(missing.values()):
        raise AffuseError(
            f"folds of {run} are not extracted yet with their fold-specific encoders; "
            f"type{commands.condition}:",
            *commands.lines(encoders, missing),
        )


def _demand_alike(caches: Mapping[str, Cache]) -> None:
    """Raise an error if the folds of a modality were extracted with other options."""
    first = next(iter(caches), "")
    for fold, cache in caches.items():
        one, other = _plain(cache.recipe), _plain(caches[first].recipe)
        if difference := one.difference(other):
            raise AffuseError(
                f"the {one.modality} embeddings of fold '{fold}' have {difference} as "
                f"those of fold '{first}'; extract both with the same options"
            )
