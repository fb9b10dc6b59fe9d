"""Encoders as a trained model recorded them: loaded, and compared with the record."""

from collections.abc import Iterable
from dataclasses import replace

from affuse.data.cache.recipe import Recipe
from affuse.data.errors import AffuseError
from affuse.data.modality import BUILT_IN, modality_named
from affuse.extract.encoding.choices import Choice, Machine
from affuse.extract.encoding.encoder_loading import load, make_recipe
from affuse.extract.encoding.protocol import Encoder
from affuse.extract.inference.encoder_places import EncoderPlaces

CORPUS = "files"  # in place of the corpus in the recipes of loaded encoders


def general_recipe(recipe: Recipe) -> Recipe:
    """Return a recipe without corpus and content, equal for equal encoders.

    Args:
        recipe: of one encoder, or a joined one
    """
    return recipe.of_corpus(CORPUS)


def load_recorded(
    recipes: Iterable[Recipe], places: EncoderPlaces, machine: Machine
) -> dict[str, tuple[Recipe, Encoder]]:
    """Load each encoder of some recipes once.

    Args:
        recipes: that a model recorded; joined ones have several encoders
        places: in which the encoders are looked for
        machine: device of the encoders

    Returns:
        {digest of a general recipe: the recipe and its encoder}

    Raises:
        AffuseError: if an encoder is not found, or differs from the recorded one
        OptionError: if a checkpoint that the user named would be ignored
    """
    recipes = list(recipes)
    places.demand_use(recipes)
    # The places of an encoder depend on the corpus, which a general recipe lacks.
    parts: dict[str, Recipe] = {}
    for recipe in recipes:
        for part in recipe.parts:
            parts.setdefault(general_recipe(part).digest(), part)
    return {
        digest: (general_recipe(part), find_recorded(part, places, machine)[1])
        for digest, part in parts.items()
    }


def find_recorded(
    recipe: Recipe, places: EncoderPlaces, machine: Machine
) -> tuple[str, Encoder]:
    """Return the first place that has the encoder of a recipe, and the encoder.

    Args:
        recipe: of one encoder
        places: in which the encoder is looked for
        machine: device of the encoder

    Returns:
        name on the hub, name of a built-in encoder, or folder; and the encoder

    Raises:
        AffuseError: if it is not found, or differs from the recorded one
    """
    errors = []
    for place in places.of(recipe):
        choice = recorded_choice(recipe, place)
        try:
            encoder = load(choice, machine)
        except AffuseError as error:
            errors.append(f"{place}: {error}")
            continue
        difference = _difference(recipe, choice, encoder)
        if not difference:
            return place, encoder
        errors.append(f"{place} is another encoder: it has {difference}")
    option = (
        f"--{recipe.modality}-checkpoint FOLDER"
        if recipe.modality in BUILT_IN
        else f"--checkpoint {recipe.modality}=FOLDER"
    )
    advice = "" if recipe.is_built_in else f"; name the folder that has it: {option}"
    raise AffuseError(
        f"the model needs the {recipe.modality} encoder {recipe.checkpoint!r} with the "
        f"weights {recipe.weights}, which was not found{advice}",
        *(f"  {error}" for error in errors),
    )


def recorded_choice(recipe: Recipe, place: str) -> Choice:
    """Return the choice that makes the embeddings of a recipe.

    Args:
        recipe: of one encoder
        place: checkpoint that holds it, as `find_recorded` returns it
    """
    is_hub_name = bool(recipe.revision) and place == recipe.checkpoint
    names = modality_named(recipe.modality).options
    return Choice(
        modality=recipe.modality,
        encoder=recipe.encoder,
        checkpoint=place,
        revision=recipe.revision if is_hub_name else "",
        layers=",".join(map(str, recipe.layers)),
        pooling=recipe.pooling,
        dtype=recipe.dtype,
        head=bool(recipe.head),
        options={n: recipe.inputs[n] for n in names if n in recipe.inputs},
    )


def _difference(recipe: Recipe, choice: Choice, encoder: Encoder) -> str:
    """Return the first difference between an encoder and the recorded one; or "".

    Names, revisions and records of training data are not compared, because the digest
    of the weights is.
    """
    made = make_recipe(recipe.corpus, choice, encoder, recipe.content)
    named = replace(
        made,
        checkpoint=recipe.checkpoint,
        revision=recipe.revision,
        training=recipe.training,
        transcripts=recipe.transcripts,
    )
    return named.difference(recipe)
