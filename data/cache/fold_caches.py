"""Which caches a training uses whose every fold has encoders of its own."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from affuse.data.cache import (
    cache_names,
    cache_selection,
    fold_encoders,
    provenance,
    store,
    training_data,
)
from affuse.data.cache.fold_commands import Commands
from affuse.data.cache.recipe import Recipe
from affuse.data.cache.store import Cache
from affuse.data.errors import AffuseError, OptionError


def choose(
    run: Path,
    folder: Path,
    *,
    corpus: str = "",
    named: Mapping[str, str],
    modalities: Sequence[str],
) -> dict[str, dict[str, Cache]]:
    """Return one cache for each fold and modality, fold-specific where fine-tuned.

    Caches of one modality differ in weights and in what was seen, and in nothing else.

    Args:
        run: folder of a fine-tuning
        folder: of all caches
        corpus: its name; ``""`` if there is but one that was encoded
        named: modality to a name of any of its caches, or ``""``; a cache of an encoder
            that was not fine-tuned is then that of all folds
        modalities: those that are wanted

    Returns:
        {fold: {modality: cache}}

    Raises:
        FileNotFoundError: if the folder holds no fine-tuned fold
        AffuseError: if embeddings are missing; the lines after the sentence say what to
            type. Or if there is more than one choice, or folds were extracted in
            different ways
    """
    encoders = fold_encoders.folds(run)
    caches = list(store.find(folder, corpus))
    own = {
        fold: {m: _made_with(caches, m, fold, path) for m, path in paths.items()}
        for fold, paths in encoders.items()
    }
    corpus = corpus or _corpus(own)
    here = [c for c in caches if c.recipe.corpus == corpus]
    found: dict[str, dict[str, Cache]] = {fold: {} for fold in own}
    for modality in modalities:
        fit, shared = _fit(here, modality, named.get(modality, ""))
        for fold, mine in own.items():
            theirs = fit if shared else mine.get(modality, fit)
            chosen = cache_selection.one([c for c in theirs if c in fit], modality, "")
            found[fold] |= {modality: chosen} if chosen else {}
        _demand_alike({f: c[modality] for f, c in found.items() if modality in c})
    commands = Commands(folder, here or caches)
    _demand_all(run, encoders, found, modalities, commands)
    return found


def lacking(
    run: Path, folder: Path, corpus: str, modalities: Sequence[str]
) -> dict[str, dict[str, Path]]:
    """Return the encoders that a corpus is not encoded with: {fold: {modality: path}}.

    Args:
        run: folder of a fine-tuning
        folder: of all caches
        corpus: its name
        modalities: those that are asked about
    """
    caches = list(store.find(folder, corpus))
    return {
        fold: {
            m: path
            for m, path in paths.items()
            if m in modalities and not _made_with(caches, m, fold, path)
        }
        for fold, paths in fold_encoders.folds(run).items()
    }


def demand(
    folder: Path, corpus: str, recipes: Mapping[str, Mapping[str, Recipe]]
) -> None:
    """Refuse a corpus that was not encoded with the own encoders of every fold.

    A modality that it lacks in all folds is another matter, if it has one.

    Args:
        folder: of all caches
        corpus: its name; ``""`` for any
        recipes: {fold: {modality: recipe}} that the models were trained on

    Raises:
        AffuseError: if one is missing; the lines after the sentence say what to type
    """
    caches = list(store.find(folder, corpus))
    there = [cache.recipe for cache in caches]
    lacking = {
        fold: [
            m
            for m, wanted in each.items()
            if fold_encoders.origin(wanted)
            and not any(cache_selection.is_alike(recipe, wanted) for recipe in there)
        ]
        for fold, each in recipes.items()
    }
    counts = Counter(m for each in lacking.values() for m in each)
    absent = {m for m, count in counts.items() if count == len(recipes)}
    rest = {m for each in recipes.values() for m in each} - absent
    if set(counts) - absent or not rest:
        paths = {
            fold: {m: _checkpoint(folder, r) for m, r in each.items()}
            for fold, each in recipes.items()
        }
        raise AffuseError(
            f"the run has encoders of its own for each fold, and {corpus or 'this'} is "
            f"not extracted with all of them; type, with the run's options and the "
            f"folder that the fine-tuning is in:",
            *Commands(folder, caches).lines(paths, lacking),
        )


def _checkpoint(folder: Path, recipe: Recipe) -> Path:
    """Return where a fine-tuned encoder lies, by the provenance of what it encoded.

    Without that, it is taken to lie where `finetune` puts it by default.
    """
    made = folder / recipe.corpus / recipe.folder()
    typed = provenance.checkpoint(made, recipe.modality)
    return Path(typed or Path("finetuned", fold_encoders.name(recipe)))


def _fit(caches: Sequence[Cache], modality: str, name: str) -> tuple[list[Cache], bool]:
    """All, or those that only weights tell from the one that is named.

    Returns:
        these, and whether one of them is that of all folds
    """
    if not name:
        return list(caches), False
    mine = [c for c in caches if c.recipe.modality == modality]
    meant = cache_names.matching(mine, name)
    kinds = {_plain(c.recipe).text() for c in meant if fold_encoders.origin(c.recipe)}
    if len(kinds) == 1:  # any of them names the kind
        named: Cache | None = meant[0]
    else:
        named = cache_selection.one(caches, modality, name)
    if named is None:
        return list(caches), False
    if not fold_encoders.origin(named.recipe):
        return [named], True
    kind = _plain(named.recipe)
    return [c for c in caches if _plain(c.recipe) == kind], False


def _made_with(
    caches: Sequence[Cache], modality: str, fold: str, checkpoint: Path
) -> list[Cache]:
    """Those that were encoded with exactly this checkpoint."""
    wanted = fold_encoders.told(checkpoint)[fold_encoders.KEY]["files"]
    records = training_data.read(checkpoint).get(training_data.KEY, [])
    return [
        c
        for c in caches
        if c.recipe.modality == modality
        and fold_encoders.origin(c.recipe).get("files") == wanted
        and fold_encoders.origin(c.recipe).get("fold") == fold
        and c.recipe.training.get(training_data.KEY, []) == records
    ]


def _corpus(own: Mapping[str, Mapping[str, Sequence[Cache]]]) -> str:
    """Return the name of the corpus that was encoded; ``""`` if none was."""
    lists = (found for each in own.values() for found in each.values())
    names = sorted({c.recipe.corpus for found in lists for c in found})
    if len(names) > 1:
        raise OptionError(
            f"{', '.join(names)} were encoded with these encoders; choose one with "
            f"--corpus NAME"
        )
    return names[0] if names else ""


def _plain(recipe: Recipe) -> Recipe:
    """Equal for caches that only weights tell apart."""
    return replace(recipe, weights="", training={})


def _demand_all(
    run: Path,
    encoders: Mapping[str, Mapping[str, Path]],
    found: Mapping[str, Mapping[str, Cache]],
    modalities: Sequence[str],
    commands: Commands,
) -> None:
    """Refuse a fold whose own embeddings are missing."""
    missing = {
        fold: [m for m in modalities if m in paths and m not in found[fold]]
        for fold, paths in encoders.items()
    }
    if any(missing.values()):
        raise AffuseError(
            f"folds of {run} are not extracted yet with their own encoders; type"
            f"{commands.condition}:",
            *commands.lines(encoders, missing),
        )


def _demand_alike(caches: Mapping[str, Cache]) -> None:
    """Refuse folds of one modality that were extracted in different ways."""
    first = next(iter(caches), "")
    for fold, cache in caches.items():
        one, other = _plain(cache.recipe), _plain(caches[first].recipe)
        if difference := one.difference(other):
            raise AffuseError(
                f"the {one.modality} embeddings of fold '{fold}' have {difference} as "
                f"those of fold '{first}'; extract both with the same options"
            )
