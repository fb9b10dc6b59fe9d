"""Recipes without names of speakers and digests of inputs, for shared models."""

from dataclasses import replace
from typing import Any

from affuse.data.cache import training_data
from affuse.data.cache.joined_recipe import JoinedRecipe, joined
from affuse.data.cache.recipe import Recipe


def remove_names(recipe: Recipe) -> Recipe:
    """Return a recipe that names no speaker, fold, utterance or input.

    The digest of the corpus's content, the fold of a fine-tuned encoder, and the
    speakers and samples in records of training data are left out. A record then stands
    for its whole corpus, or for its splits.

    Args:
        recipe: of one encoder, or a joined one

    Raises:
        AffuseError: if the recipe holds invalid records of training data
    """
    parts = [_anonymous_part(part) for part in recipe.parts]
    widths = recipe.widths if isinstance(recipe, JoinedRecipe) else ()
    return joined(parts, widths)


def _anonymous_part(recipe: Recipe) -> Recipe:
    """Return the anonymous recipe of one encoder."""
    found = training_data.parse(recipe.training.get(training_data.KEY, []))
    records = list(dict.fromkeys(replace(r, speakers=(), sample=()) for r in found))
    training = {training_data.KEY: [_facts(r) for r in records]} if records else {}
    return replace(recipe.of_corpus(recipe.corpus), training=training)


def _facts(record: training_data.TrainingRecord) -> dict[str, Any]:
    """Return the entries of a record that are not empty, as JSON values."""
    texts = {"corpus": record.corpus, "how": record.how, "reader": record.reader}
    return {name: text for name, text in texts.items() if text} | (
        {"splits": list(record.splits)} if record.splits else {}
    )
