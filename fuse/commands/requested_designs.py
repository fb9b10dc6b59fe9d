"""The designs that a command line asks for, and the modalities that they take."""

from collections.abc import Sequence

from affuse.data.cache.recipe import MODALITIES
from affuse.data.errors import OptionError
from affuse.data.suggestions import hint
from affuse.fuse.models.trainable.design_registry import design_names, trainable


def designs(wanted: Sequence[str], there: Sequence[str], *, head: bool) -> list[str]:
    """Designs as they were asked for; ``all`` is all that these caches can feed.

    What is named beside ``all`` stays, so that whoever lacks its embeddings is told.
    """
    if "all" not in wanted:
        return list(dict.fromkeys(wanted))
    taken = [
        name
        for name in design_names()
        if name in wanted or trainable(name).is_fed(there, head=head)
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
            f"no fusion {unknown[0]!r}: choose from {', '.join(known)} or all, or add "
            f"fuse/models/designs/{unknown[0]}.py{hint(unknown[0], (*known, 'all'))}"
        )
    taken: set[str] = set()
    for name in wanted:
        if name == "all":
            return MODALITIES
        taken |= set(trainable(name).modalities(MODALITIES))
    return tuple(m for m in MODALITIES if m in taken)
