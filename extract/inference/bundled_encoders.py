"""Encoders of a run for a bundle: found, verified, and with their licences."""

from collections.abc import Sequence
from pathlib import Path

from affuse.data.cache import fold_encoders
from affuse.data.cache.recipe import Recipe
from affuse.data.errors import AffuseError
from affuse.data.options.bundle_options import INCLUDE, REFERENCE, MakeBundle
from affuse.extract.checkpoints import checkpoint_files
from affuse.extract.checkpoints.encoder_files import complete_files
from affuse.extract.checkpoints.licences import find_licence, permits_redistribution
from affuse.extract.encoding.choices import Machine, per_modality
from affuse.extract.inference.encoder_places import EncoderPlaces
from affuse.extract.inference.recorded_encoders import find_recorded
from affuse.fuse.bundles.bundle_writing import EncoderFiles


def bundled_encoders(
    recipes: Sequence[Recipe], options: MakeBundle
) -> tuple[EncoderFiles, ...]:
    """Return each encoder with its licence, and the files to copy into the bundle.

    An encoder is loaded, so that the digest of its weights is compared.

    Args:
        recipes: of single encoders
        options: of the command line

    Raises:
        AffuseError: if an encoder is not found or differs, if it must not be included,
            or if a licence is given for a modality without an encoder
    """
    modalities = list(dict.fromkeys(recipe.modality for recipe in recipes))
    typed = per_modality(options.licence, modalities, "licence")
    places = EncoderPlaces(named=options.named_checkpoints, cache=options.cache)
    places.demand_use(recipes)
    return tuple(
        _encoder(recipe, options.weights, typed.get(recipe.modality, ""), places)
        for recipe in recipes
    )


def _encoder(
    recipe: Recipe, weights: str, typed: str, places: EncoderPlaces
) -> EncoderFiles:
    """Return one encoder with its licence, and the files to copy.

    A built-in encoder is referenced, and has the licence of this project's files.
    """
    place, _ = find_recorded(recipe, places, Machine(progress=False))
    if recipe.is_built_in:
        return EncoderFiles(recipe, find_licence(recipe, None))
    folder = _folder(recipe, place)
    licence = typed or find_licence(recipe, folder)
    if weights == REFERENCE:
        return EncoderFiles(recipe, licence)
    _demand_permission(recipe, licence)
    return EncoderFiles(recipe, licence, complete_files(folder))


def _folder(recipe: Recipe, place: str) -> Path:
    """Return the folder with the files of an encoder that was found at a place."""
    is_hub_name = not Path(place).expanduser().is_dir()
    revision = recipe.revision if is_hub_name else ""
    return checkpoint_files.find(place, revision, recipe.modality).folder


def _demand_permission(recipe: Recipe, licence: str) -> None:
    """Raise an error if a licence is not known to permit redistribution."""
    is_changed = bool(fold_encoders.origin(recipe))
    if permits_redistribution(licence, changed=is_changed):
        return
    name = f"the {recipe.modality} encoder {recipe.checkpoint!r}"
    what = (
        f"the licence {licence!r} of {name} is not known to permit redistribution"
        if licence
        else f"the licence of {name} is not known"
    )
    raise AffuseError(
        f"--weights {INCLUDE}: {what}; reference it with --weights {REFERENCE}, or, if "
        f"you may share it, state its licence: --licence {recipe.modality}=NAME"
    )
