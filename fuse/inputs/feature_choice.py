"""Choice of layers and pooling statistics that stage two takes of a cache.

The settings ``layers`` and ``pooling`` decide it. A cache may hold more than a run
takes, so one extraction serves all choices.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Self

from affuse.data.cache.recipe import LAYERS, WITH_DEVIATION, Recipe
from affuse.data.errors import OptionError
from affuse.fuse.feature_texts import EVERY_LAYER, layer_choice, pooling_choice
from affuse.fuse.setting_ranges import END_TO_END
from affuse.fuse.settings import Settings


@dataclass(frozen=True)
class FeatureChoice:
    """Layers and statistics to take of each cache.

    Attributes:
        layers: "all", "last", or numbers such as "0,6,12"; choices of single
            modalities as in "audio=0,6,text=last". "concat" and "weighted" mean "all"
        pooling: "mean+std", or "mean"; choices of single modalities as in "text=mean",
            where others have "mean+std"
    """

    layers: str = Settings.layers
    pooling: str = Settings.pooling

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Return the choice of a run's settings.

        A head that was jointly trained with its encoders takes what they gave it: means
        of the last layer.
        """
        if settings.training == END_TO_END:
            return cls("last", "mean")
        return cls(settings.layers, settings.pooling)

    def narrowed(self, recipe: Recipe) -> Recipe:
        """Return the recipe of the embeddings that are taken of a cache.

        An encoder without layers gives its only vector, whatever is chosen. Deviations
        are left out of a cache that has them; a cache without them gives means.

        Args:
            recipe: of the cache

        Raises:
            OptionError: if the cache lacks a layer
        """
        layers = self._layers(recipe)
        wants_mean = pooling_choice(self.pooling, recipe.modality) == "mean"
        drops = wants_mean and recipe.pooling == WITH_DEVIATION
        return recipe.selected(layers, "mean" if drops else recipe.pooling)

    def _layers(self, recipe: Recipe) -> tuple[int, ...]:
        """Return the numbers of the layers that are taken of a cache."""
        chosen = layer_choice(self.layers, recipe.modality)
        has_layers = recipe.layer_meaning == LAYERS
        if chosen in EVERY_LAYER or not (has_layers or len(recipe.layers) > 1):
            return recipe.layers
        if chosen == "last":
            return recipe.layers[-1:]
        numbers = tuple(sorted({int(number) for number in chosen.split(",")}))
        if missing := sorted(set(numbers) - set(recipe.layers)):
            raise OptionError(
                f"layers={self.layers}: the {recipe.modality} cache of "
                f"{recipe.checkpoint} has no layer {missing[0]}, only "
                f"{', '.join(map(str, recipe.layers))}; choose from these, or extract "
                f"again with --layers all"
            )
        return numbers

    def remarks(self, recipes: Iterable[Recipe]) -> Iterator[str]:
        """Yield a sentence for each modality that has no deviations to take.

        Args:
            recipes: of the caches
        """
        for recipe in recipes:
            wants = pooling_choice(self.pooling, recipe.modality) == WITH_DEVIATION
            if wants and recipe.pooling == "mean" and not recipe.is_descriptive:
                yield (
                    f"{recipe.modality}: the cache of {recipe.checkpoint} holds means "
                    f"over time alone; extract again with --pooling mean+std to add "
                    f"standard deviations"
                )
