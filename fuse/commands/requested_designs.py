"""The designs that a command line asks for, and the modalities that they take."""

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
from affuse.fuse.models.trainable.design_registry import design_names, trainable

Fitting = TypeVar("Fitting", bound=DesignOptions)


def with_files(options: Fitting) -> Fitting:
    """Run the files of ``--design``, and return options that train their designs too.

    Raises:
        OptionError: if there is nothing to train, or a file cannot be a design's
        AffuseError: if a file raises an error, or defines no design
    """
    wanted = tuple(dict.fromkeys((*options.designs, *use_files(options.design_files))))
    if not wanted:
        raise OptionError(
            "Missing option '--fusion': name a design, e.g. --fusion early, or give a "
            "file that defines one with --design FILE.py"
        )
    return replace(options, designs=wanted)


def designs(wanted: Sequence[str], there: Sequence[str], *, head: bool) -> list[str]:
    """Designs as they were asked for; ``all`` is all that these caches can feed.

    What is named beside ``all`` stays, so that whoever lacks its embeddings is told.
    """
    if "all" not in wanted:
        return list(dict.fromkeys(wanted))
    taken = [
        name
        for name in design_names()
        if name in wanted or _is_fed(name, there, head=head)
    ]
    return sorted(taken, key=lambda name: not trainable(name).is_baseline)


def needs(wanted: Sequence[str]) -> tuple[str, ...]:
    """Modalities that these designs take together.

    They are all modalities for ``all`` and for baselines, which take what there is.
    Designs of one command are compared on the utterances that have all of these.

    Raises:
        AffuseError: if one is not known
    """
    known = design_names()
    if unknown := [name for name in wanted if name not in (*known, "all")]:
        raise OptionError(
            f"no fusion {unknown[0]!r}: choose from {', '.join(known)} or all, or "
            f"{DESIGN_KIND.remedy}{hint(unknown[0], (*known, 'all'))}"
        )
    taken: set[str] = set()
    for name in wanted:
        if name == "all":
            return modality_names()
        taken |= set(trainable(name).modalities(modality_names()))
    return tuple(m for m in modality_names() if m in taken)


def _is_fed(name: str, there: Sequence[str], *, head: bool) -> bool:
    """Return True if there is everything that a design needs.

    One of another package that cannot be used is left out, and a warning says so.
    """
    try:
        return trainable(name).is_fed(there, head=head)
    except PluginError as error:
        plugins.warn(str(error))
        return False
