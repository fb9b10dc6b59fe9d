"""Agreement of embeddings with those that a model was trained on."""

from collections.abc import Mapping
from pathlib import Path

from affuse.data.cache import joined_recipe
from affuse.data.cache.recipe import Recipe
from affuse.data.cache.store import Embeddings
from affuse.data.errors import AffuseError


def demand_same_recipes(
    recipes: Mapping[str, Recipe], embeddings: Mapping[str, Embeddings], run: Path
) -> None:
    """Raise an error if embeddings differ from those of the training.

    They may differ in the corpus and its content.

    Args:
        recipes: {modality: recipe} of the training
        embeddings: {modality: rows of its cache}
        run: folder of the run, for the error

    Raises:
        AffuseError: naming the modality and the first difference
    """
    for modality, cache in embeddings.items():
        trained = recipes[modality]
        parsed = joined_recipe.parse(cache.recipe.text())
        recipe, expected = (r.of_corpus(trained.corpus) for r in (parsed, trained))
        if difference := recipe.difference(expected):
            raise AffuseError(
                f"the {modality} embeddings were extracted with {difference}, which "
                f"{run.name} was trained on; extract again with the run's options"
            )
