"""Recipe of the embeddings of several encoders of one modality, joined by id.

Each encoder has a cache of its own. No file holds the joined embeddings: stage two
joins them when it reads them (`affuse.data.cache.embedding_views`).
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from affuse.data.cache.recipe import (
    KIND,
    LayerBlock,
    LayerStructure,
    Recipe,
)
from affuse.data.errors import AffuseError, DamagedFileError
from affuse.data.system.documents import parse_json
from affuse.data.system.schema import ListOf, Record, Whole

ENCODER, SEPARATOR = "joined", " + "
MOST = 20  # encoders of a modality
JOINED = Record(
    {
        "members": ListOf(KIND, most=MOST, least=2),
        "widths": ListOf(Whole(most=10**9), most=MOST, least=2),
    }
)


class AnyRecipe:
    """Schema of a recipe or a joined recipe, see `affuse.data.system.schema.Kind`."""

    def check(self, value: object) -> None:
        """Raise `Mismatch` if a value is neither."""
        is_joined = isinstance(value, dict) and "members" in value
        (JOINED if is_joined else KIND).check(value)


@dataclass(frozen=True)
class JoinedRecipe(Recipe):
    """Recipes of several encoders of one modality, in the order of their columns."""

    members: tuple[Recipe, ...] = ()
    widths: tuple[int, ...] = field(default=())  # features of each member

    @property
    def parts(self) -> tuple[Recipe, ...]:
        """Recipe of each cache."""
        return self.members

    @property
    def layer_structure(self) -> LayerStructure:
        """Number and size of the layers of each encoder."""
        return tuple(
            LayerBlock(len(member.layers), width // len(member.layers))
            for member, width in zip(self.members, self.widths, strict=True)
        )

    def of_corpus(self, corpus: str, content: str = "") -> Recipe:
        """Return the recipe of the same encoders for another corpus and content."""
        members = [member.of_corpus(corpus, content) for member in self.members]
        return joined(members, self.widths)

    def covers(self, other: Recipe) -> bool:
        """Return True if each encoder of `other` can be selected from these."""
        pairs = zip(self.parts, other.parts, strict=False)
        same = len(self.parts) == len(other.parts)
        return same and all(mine.covers(theirs) for mine, theirs in pairs)

    def text(self) -> str:
        """Return the recipes of all members as one line of JSON."""
        members = [json.loads(member.text()) for member in self.members]
        values = {"members": members, "widths": list(self.widths)}
        return json.dumps(values, sort_keys=True)

    def difference(self, other: Recipe) -> str:
        """Return the first difference of the members; ``""`` if there is none."""
        pairs = zip(self.parts, other.parts, strict=False)
        differences = (a.difference(b) for a, b in pairs)
        same_number = len(self.parts) == len(other.parts)
        first = next(filter(None, differences), "") if same_number else ""
        return first or super().difference(other)  # which compares the widths


def joined(members: Sequence[Recipe], widths: Sequence[int]) -> Recipe:
    """Return the recipe of joined embeddings; a single recipe is returned as it is.

    Args:
        members: of one corpus and modality, in the order of their columns
        widths: number of features of each

    Raises:
        AffuseError: if they are of several corpora or modalities
    """
    first, *others = members
    if not others:
        return first
    if len({(m.corpus, m.modality) for m in members}) > 1:
        raise AffuseError("embeddings of several corpora cannot be joined")
    weights = "".join(member.weights for member in members)
    return JoinedRecipe(
        corpus=first.corpus,
        content=first.content,
        modality=first.modality,
        encoder=ENCODER,
        checkpoint=SEPARATOR.join(member.checkpoint for member in members),
        revision="",
        weights=hashlib.sha256(weights.encode()).hexdigest()[:16],
        layers=(0,),
        pooling=SEPARATOR.join(dict.fromkeys(member.pooling for member in members)),
        dtype=SEPARATOR.join(dict.fromkeys(member.dtype for member in members)),
        head=next((member.head for member in members if member.head), ()),
        members=tuple(members),
        widths=tuple(widths),
    )


def parse(text: str) -> Recipe:
    """Return the recipe or the joined recipe in a line of JSON.

    Args:
        text: as `Recipe.text` returned it

    Raises:
        DamagedFileError: if it is neither
    """
    if '"members"' not in text:
        return Recipe.parse(text)
    values: dict[str, Any] = parse_json(text, AnyRecipe())
    if "members" not in values:  # the word is the name of an input, for example
        return Recipe.parse(text)
    members = [Recipe.parse(json.dumps(member)) for member in values["members"]]
    widths = values["widths"]
    if len(widths) != len(members) or any(
        not width or width % len(member.layers)
        for member, width in zip(members, widths, strict=True)
    ):
        raise DamagedFileError(f"not a joined recipe: its widths are {widths}")
    try:
        return joined(members, widths)
    except AffuseError as error:
        raise DamagedFileError(f"not a joined recipe: {error}") from error


def parse_all(values: Mapping[str, Any]) -> dict[str, Recipe]:
    """Return the recipes of a model: {modality: recipe}.

    Args:
        values: {modality: recipe as JSON values}

    Raises:
        DamagedFileError: if a value is no recipe, or one of another modality
    """
    recipes = {modality: parse(json.dumps(value)) for modality, value in values.items()}
    for modality, recipe in recipes.items():
        if recipe.modality != modality:
            raise DamagedFileError(f"its {modality} recipe is one of {recipe.modality}")
    return recipes
