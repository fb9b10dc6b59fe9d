"""Designs that a command line requests, and the modalities that they need."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

from affuse.data import plugins
from affuse.data.errors import OptionError
from affuse.data.installed_plugins import PluginError
from affuse.data.modality import modality_names
from affuse.data.options.training_options import DesignOptions
from affuse.data.plugin_kinds import DESIGN_KIND
from affuse.data.suggestions import hint
from affuse.fuse.models.design_files import use_files
from affuse.fuse.models.trainable.design_registry import design_names, find_trainable

Fitting = TypeVar("Fitting", bound=DesignOptions)


def with_files(options: Fitting) -> Fitting:
    """Execute the files of ``--design``, and return options with their designs added.

    Args:
        options: of the command line

    Raises:
        OptionError: if there is nothing to train, or a file cannot be a design's
        AffuseError: if a file raises an error, or defines no design
    """
    names = tuple(dict.fromkeys((*options.designs, *use_files(options.design_files))))
    if not names:
        raise OptionError(
            "Missing option '--fusion': name a design, e.g. --fusion early, or give a "
            "file that defines one with --design FILE.py"
        )
    return replace(options, designs=names)


def expand_designs(
    requested: Sequence[str], cached: Sequence[str], *, head: bool
) -> list[str]:
    """Return the names of the requested designs, where ``all`` is expanded.

    ``all`` stands for the designs whose inputs are cached. Designs that are named
    beside ``all`` are kept, so that an error names their missing inputs.

    Args:
        requested: names of designs, or ``all``
        cached: modalities with embeddings
        head: True if predictions of a checkpoint's head are cached
    """
    if "all" not in requested:
        return list(dict.fromkeys(requested))
    taken = [
        name
        for name in design_names()
        if name in requested or _is_fed(name, cached, head=head)
    ]
    return sorted(taken, key=lambda name: not find_trainable(name).is_baseline)


def needed_modalities(requested: Sequence[str]) -> tuple[str, ...]:
    """Return the modalities that the requested designs need together.

    These are all modalities for ``all`` and for baselines, which use all embeddings.
    Designs of one command are compared on the utterances that have all of them.

    Args:
        requested: names of designs, or ``all``

    Raises:
        OptionError: if a name is unknown
    """
    available = design_names()
    if unknown := [name for name in requested if name not in (*available, "all")]:
        raise OptionError(
            f"no fusion {unknown[0]!r}: choose from {', '.join(available)} or all, or "
            f"{DESIGN_KIND.remedy}{hint(unknown[0], (*available, 'all'))}"
        )
    taken: set[str] = set()
    for name in requested:
        if name == "all":
            return modality_names()
        taken |= set(find_trainable(name).modalities(modality_names()))
    return tuple(m for m in modality_names() if m in taken)


def _is_fed(name: str, cached: Sequence[str], *, head: bool) -> bool:
    """Return True if all inputs of a design are cached.

    A plug-in design that cannot be used is left out with a warning.
    """
    try:
        return find_trainable(name).has_inputs(cached, head=head)
    except PluginError as error:
        plugins.warn(str(error))
        return False
