"""Extraction commands that errors of `predict` and `ablate` advise for a run."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from affuse.data.cache import fold_encoders, provenance, store
from affuse.data.cache.recipe import Recipe
from affuse.data.cache.store import Cache
from affuse.data.errors import AffuseError
from affuse.data.options.command_record import Command
from affuse.data.options.extraction_options import Extract
from affuse.data.options.run_options import RunInput


def demand_matching_caches(
    recipes: Mapping[str, Mapping[str, Recipe]],
    command: RunInput,
    repeated: Command | None = None,
) -> None:
    """Raise an error if cached embeddings differ from those that a run needs.

    A modality without any cache is no error here, because some models do not need all
    modalities. Encoders that were fine-tuned for a fold are checked in
    `affuse.data.cache.fold_requirements.demand`.

    Args:
        recipes: {fold: {modality: recipe}} of the run
        command: corpus, caches, and the run that the error names
        repeated: the command that the user typed; None if it is `command`

    Raises:
        AffuseError: naming the first difference; its other lines are the commands that
            extract the corpus again and that repeat the user's command
    """
    caches = list(store.find(command.cache, command.corpus))
    if len({c.recipe.corpus for c in caches}) != 1:
        return  # the choice of a corpus raises an error that lists the corpora
    needed = {
        part.digest(): part
        for by_fold in recipes.values()
        for recipe in by_fold.values()
        for part in recipe.parts
    }
    lacking = [r for r in needed.values() if _mismatched_caches(r, caches)]
    if not lacking:
        return
    first = lacking[0]
    others = _mismatched_caches(first, caches)
    near = [c for c in others if c.recipe.checkpoint == first.checkpoint] or others
    difference = _as_trained(near[0], first).difference(first)
    owner, whose = f"{command.run} was trained on", "the run's"
    if repeated is not None:
        owner, whose = "this command trains on", "the same"
    raise AffuseError(
        f"the {first.modality} embeddings of '{caches[0].recipe.corpus}' were "
        f"extracted with {difference}, which {owner}; extract again with {whose} "
        f"options, and repeat"
        f"{_unknown(lacking, caches, command.cache)}:",
        *(f"  {extraction}" for extraction in _extract(lacking, caches, command.cache)),
        f"  {repeated or command}",
    )


def _mismatched_caches(recipe: Recipe, caches: Sequence[Cache]) -> list[Cache]:
    """Return the caches of a recipe's modality if none of them fits the recipe."""
    same = [c for c in caches if c.recipe.modality == recipe.modality]
    fits = any(c.recipe.covers(recipe) for c in same)
    return [] if fits or fold_encoders.origin(recipe) else same


def _as_trained(cache: Cache, trained: Recipe) -> Recipe:
    """Return the recipe of a cache with its corpus replaced by that of the run."""
    recipe = Recipe.parse(cache.recipe.text())
    return recipe.of_corpus(trained.corpus, trained.content)


def _extract(
    recipes: Sequence[Recipe], caches: Sequence[Cache], folder: Path
) -> Iterator[Extract]:
    """Yield an extraction command for each recipe."""
    corpus = provenance.corpus_options(cache.path for cache in caches)
    for recipe in recipes:
        trained = folder / recipe.corpus / recipe.folder()
        yield provenance.command_for_recipe(recipe, corpus, folder, example=trained)


def _unknown(recipes: Sequence[Recipe], caches: Sequence[Cache], folder: Path) -> str:
    """Return a clause on placeholders that the user has to replace, or ""."""
    facts = []
    source = provenance.corpus_options(c.path for c in caches)
    if source.corpus == provenance.UNKNOWN_CORPUS:
        facts.append("CORPUS and ROOT are the corpus and its folder")
    for recipe in recipes:
        has_provenance = provenance.load_if_readable(
            folder / recipe.corpus / recipe.folder()
        )
        is_named = recipe.revision or recipe.checkpoint in ("mini", "tiny")
        if not (has_provenance or is_named or recipe.is_descriptive):
            facts.append(f"{recipe.checkpoint} is the folder of that checkpoint")
    return f" ({'; '.join(facts)})" if facts else ""
