"""Check that a corpus is encoded with the fine-tuned encoders that a run used."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from affuse.data.cache import fold_encoders, provenance, store
from affuse.data.cache.fold_commands import Commands
from affuse.data.cache.recipe import Recipe
from affuse.data.errors import AffuseError


def demand(
    folder: Path, corpus: str, recipes: Mapping[str, Mapping[str, Recipe]]
) -> None:
    """Raise an error if a corpus lacks the fold-specific embeddings of a fold.

    A modality that is missing in all folds is accepted if another one is complete.

    Args:
        folder: of all caches
        corpus: name of the corpus; ``""`` for any
        recipes: {fold: {modality: recipe}} that the models were trained on

    Raises:
        AffuseError: if embeddings are missing, with the commands that extract them
    """
    caches = list(store.find(folder, corpus))
    cached = [cache.recipe for cache in caches]
    missing = {
        fold: [
            m
            for m, expected in each.items()
            if any(_is_missing(part, cached) for part in expected.parts)
        ]
        for fold, each in recipes.items()
    }
    counts = Counter(m for each in missing.values() for m in each)
    absent = {m for m, count in counts.items() if count == len(recipes)}
    rest = {m for each in recipes.values() for m in each} - absent
    if set(counts) - absent or not rest:
        paths = {
            fold: {m: _checkpoint(folder, _tuned(r)) for m, r in each.items()}
            for fold, each in recipes.items()
        }
        raise AffuseError(
            f"the run uses fold-specific encoders, and {corpus or 'the corpus'} is not "
            f"extracted with all of them; type these commands, with the options of the "
            f"run and the folder of the fine-tuning:",
            *Commands(folder, caches).lines(paths, missing),
        )


def _is_missing(needed: Recipe, cached: Sequence[Recipe]) -> bool:
    """Return True for fold-specific embeddings that no cache holds."""
    is_specific = bool(fold_encoders.origin(needed))
    return is_specific and not any(recipe.covers(needed) for recipe in cached)


def _tuned(recipe: Recipe) -> Recipe:
    """Return the recipe of the fine-tuned encoder among those of a modality."""
    tuned = (part for part in recipe.parts if fold_encoders.origin(part))
    return next(tuned, recipe.parts[0])


def _checkpoint(folder: Path, recipe: Recipe) -> Path:
    """Return the folder of a fine-tuned encoder, from the provenance of its cache.

    Without provenance, it is the folder to which `finetune` writes by default.
    """
    cache = folder / recipe.corpus / recipe.folder()
    typed = provenance.checkpoint(cache, recipe.modality)
    return Path(typed or Path("finetuned", fold_encoders.name(recipe)))
