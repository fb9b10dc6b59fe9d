"""Places in which the encoders of a trained model are looked for."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from affuse.data.cache import provenance, store
from affuse.data.cache.parts import header, part_path
from affuse.data.cache.recipe import Recipe
from affuse.data.errors import AffuseError, OptionError


@dataclass(frozen=True)
class EncoderPlaces:
    """Places of encoders: the user's, those of a bundle, and those of caches."""

    named: Mapping[str, Sequence[str]] = field(default_factory=dict)  # by modality
    bundled: Mapping[str, str] = field(default_factory=dict)  # by digest of weights
    cache: Path | None = None  # folder of all caches, which state their checkpoints

    def demand_use(self, recipes: Iterable[Recipe]) -> None:
        """Raise an error if a checkpoint that the user named would be ignored.

        Args:
            recipes: of all encoders of a model

        Raises:
            OptionError: if the model has no encoder of that modality, or only encoders
                that come with this project and have other names
        """
        recipes = list(recipes)
        for modality, names in self.named.items():
            parts = [p for r in recipes for p in r.parts if p.modality == modality]
            known = [part.checkpoint for part in parts if part.is_built_in]
            if len(known) < len(parts):
                continue
            for name in names:
                if name not in known:
                    why = (
                        f"the {modality} encoders of the model come with affuse "
                        f"({', '.join(dict.fromkeys(known))})"
                        if known
                        else f"the model has no {modality} encoder"
                    )
                    raise OptionError(
                        f"--{modality}-checkpoint {name} has no effect: {why}; leave "
                        f"it out"
                    )

    def of(self, recipe: Recipe) -> Iterator[str]:
        """Yield the checkpoints that may hold an encoder, the most likely first.

        A checkpoint that the user named replaces all others, except for encoders that
        need no file.

        Args:
            recipe: of one encoder
        """
        if named := () if recipe.is_built_in else self.named.get(recipe.modality, ()):
            yield from named
            return
        if recipe.weights in self.bundled:
            yield self.bundled[recipe.weights]
            return
        yield from dict.fromkeys((*self._recorded(recipe), recipe.checkpoint))

    def _recorded(self, recipe: Recipe) -> Iterator[str]:
        """Yield the checkpoints that were typed for caches of any corpus."""
        if self.cache is None or recipe.is_built_in:
            return
        for folder, cached in readable_recipes(self.cache):
            if cached.weights == recipe.weights:
                place = provenance.checkpoint(folder, recipe.modality)
                yield from filter(None, [place])


def readable_recipes(cache: Path) -> Iterator[tuple[Path, Recipe]]:
    """Yield the folder and the recipe of each cache that can be read.

    Args:
        cache: folder of all caches
    """
    for folder in store.folders(cache):
        with suppress(OSError, AffuseError):  # a command that uses it reports damage
            first = part_path(folder, store.part_numbers(folder)[0])
            yield folder, header(first).recipe
