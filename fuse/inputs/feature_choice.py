"""Choice of layers and pooling statistics that stage two takes of a cache.

The settings ``layers`` and ``pooling`` decide it. A cache may hold more than a run
takes, so one extraction serves all choices.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Self

from affuse.data.cache import cache_names
from affuse.data.cache.recipe import LAYERS, WITH_DEVIATION, Recipe
from affuse.data.errors import OptionError, as_option_errors
from affuse.data.suggestions import hint
from affuse.fuse.feature_texts import (
    EVERY_LAYER,
    MARK,
    encoder_names,
    layer_choice,
    pooling_choice,
)
from affuse.fuse.setting_ranges import END_TO_END
from affuse.fuse.settings import Settings


@dataclass(frozen=True)
class FeatureChoice:
    """Layers and statistics to take of each cache.

    Attributes:
        layers: "all", "last", or numbers such as "0,6,12"; choices of single
            modalities or encoders as in "audio=0,6,text=last" and "audio:mini=last".
            "concat" and "weighted" mean "all"
        pooling: "mean+std", or "mean"; choices of single modalities or encoders as in
            "text=mean", where others have "mean+std"
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

    def narrowed_each(self, recipes: Sequence[Recipe]) -> list[Recipe]:
        """Return the recipes of what is taken of the caches of one modality.

        Args:
            recipes: of all caches of the modality that are joined

        Raises:
            OptionError: if a name in the choice is that of no encoder among these, or a
                cache lacks a layer
        """
        if len(recipes) > 1:
            return [self.narrowed(r, one_of_several=True) for r in self._named(recipes)]
        return [self.narrowed(r) for r in self._named(recipes)]

    def narrowed(self, recipe: Recipe, *, one_of_several: bool = False) -> Recipe:
        """Return the recipe of the embeddings that are taken of a cache.

        An encoder without layers gives its only vector, whatever is chosen for the
        modality. Deviations are left out of a cache that has them; a cache without them
        gives means.

        Args:
            recipe: of the cache
            one_of_several: True if the embeddings of other encoders will be joined

        Raises:
            OptionError: if the cache lacks a layer, or a choice that names its encoder
                asks for what an encoder without layers does not have
        """
        layers = self._layers(recipe, one_of_several)
        drops = self._pooling(recipe) == "mean" and recipe.pooling == WITH_DEVIATION
        return recipe.selected(layers, "mean" if drops else recipe.pooling)

    def _named(self, recipes: Sequence[Recipe]) -> Sequence[Recipe]:
        """Return the recipes, if the choices name no other encoders of the modality."""
        modality = recipes[0].modality
        for setting in ("layers", "pooling"):
            value = getattr(self, setting)
            for name in encoder_names(value, modality):
                if any(cache_names.is_encoder_name(r, name) for r in recipes):
                    continue
                names = list(dict.fromkeys(r.checkpoint for r in recipes))
                raise OptionError(
                    f"{setting}={value}: no {modality} encoder of this command is "
                    f"called {name!r}; choose from {', '.join(names)}"
                    f"{hint(name, names)}"
                )
        return recipes

    def _layers(self, recipe: Recipe, one_of_several: bool) -> tuple[int, ...]:
        """Return the numbers of the layers that are taken of a cache."""
        is_named = partial(cache_names.is_encoder_name, recipe)
        with as_option_errors():
            chosen = layer_choice(self.layers, recipe.modality, is_named)
        if chosen in EVERY_LAYER:
            return recipe.layers
        if chosen == "last":
            return recipe.layers[-1:]
        numbers = tuple(sorted({int(number) for number in chosen.split(",")}))
        if recipe.layer_meaning != LAYERS and len(recipe.layers) == 1:
            self._demand_vector("layers", recipe, numbers == recipe.layers)
            return recipe.layers
        if missing := sorted(set(numbers) - set(recipe.layers)):
            name = f"{recipe.modality}{MARK}{recipe.checkpoint}"
            alone = f" for this encoder alone, as in {name}={recipe.layers[-1]}"
            raise OptionError(
                f"layers={self.layers}: the {recipe.modality} cache of "
                f"{recipe.checkpoint} has no layer {missing[0]}, only "
                f"{', '.join(map(str, recipe.layers))}; choose from these"
                f"{alone if one_of_several else ''}, or extract again with --layers all"
            )
        return numbers

    def _pooling(self, recipe: Recipe) -> str:
        """Return the statistics that are chosen for a cache."""
        is_named = partial(cache_names.is_encoder_name, recipe)
        with as_option_errors():
            chosen = pooling_choice(self.pooling, recipe.modality, is_named)
        if recipe.is_descriptive:
            self._demand_vector("pooling", recipe, chosen == recipe.pooling)
        return chosen

    def _demand_vector(self, setting: str, recipe: Recipe, is_vector: bool) -> None:
        """Raise an error if a choice names an encoder for what it does not have.

        A choice for the modality of an encoder without layers is meant for others.
        """
        value = getattr(self, setting)
        names = encoder_names(value, recipe.modality)
        named = [n for n in names if cache_names.is_encoder_name(recipe, n)]
        if named and not is_vector:
            raise OptionError(
                f"{setting}={value}: {named[0]} gives one vector for an utterance, so "
                f"there are no layers or statistics to choose; leave "
                f"{recipe.modality}{MARK}{named[0]} out of {setting}"
            )

    def remarks(self, recipes: Iterable[Recipe]) -> Iterator[str]:
        """Yield a sentence for each modality that has no deviations to take.

        Args:
            recipes: of the caches
        """
        for recipe in recipes:
            lacks = recipe.pooling == "mean" and not recipe.is_descriptive
            if lacks and self._pooling(recipe) == WITH_DEVIATION:
                yield (
                    f"{recipe.modality}: the cache of {recipe.checkpoint} holds means "
                    f"over time alone; extract again with --pooling mean+std to add "
                    f"standard deviations"
                )
