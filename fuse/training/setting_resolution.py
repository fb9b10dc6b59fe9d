"""Resolution of settings for one design, so that equal models are one run.

``map=auto`` becomes ``affine`` for a baseline that is fitted, and ``none`` for all
other designs. A setting of some designs alone, such as ``late_activation``, is reset to
its default for the others, and `unused` names it.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from affuse.data.errors import OptionError
from affuse.data.options.report_options import Report
from affuse.data.runs.run_information import RunInfo
from affuse.fuse.models.design import Design
from affuse.fuse.models.trainable.baseline_design import AFFINE
from affuse.fuse.models.trainable.design_protocol import OF_SOME_DESIGNS
from affuse.fuse.models.trainable.design_registry import design_names, trainable
from affuse.fuse.settings import Settings

NONE = "none"  # value of the setting `map`


def resolved(settings: Settings, fusion: str | Design) -> Settings:
    """Return the settings that a design is actually trained with.

    Args:
        settings: requested ones
        fusion: name of the design, or the design itself

    Raises:
        OptionError: if an affine map is requested for a design that fits none
    """
    fits_map = trainable(fusion).fits_map
    if settings.map == AFFINE and not fits_map:
        fitting = ", ".join(n for n in design_names() if trainable(n).fits_map)
        raise OptionError(
            f"map='affine' is fitted with the baselines {fitting}, and not "
            f"with {fusion}; leave it at map=auto, and request the mapped row of a "
            f"trained network afterwards: {Report()} --mapped"
        )
    usual = Settings()
    changes = {name: getattr(usual, name) for name in _foreign(fusion)}
    mapped = fits_map and settings.map != NONE
    return replace(settings, **changes, map=AFFINE if mapped else NONE)


def has_map(info: RunInfo) -> bool:
    """Return True if a run is of a baseline whose weights include an affine map.

    Args:
        info: of the run
    """
    return trainable(info.design).fits_map and info.settings.get("map") == AFFINE


def unused(settings: Iterable[Settings], fusions: Sequence[str]) -> Iterator[str]:
    """Yield a sentence on each changed setting that has no effect on some designs.

    Args:
        settings: the requested ones
        fusions: names of the designs to train
    """
    usual, tried = Settings(), list(settings)
    for name in sorted({name for fusion in fusions for name in _foreign(fusion)}):
        values = {getattr(one, name) for one in tried} - {getattr(usual, name)}
        others = [fusion for fusion in fusions if name in _foreign(fusion)]
        if values and others:
            changed = " and ".join(sorted(map(str, values)))
            yield f"{name}={changed} changes nothing in {', '.join(others)}"


def _foreign(fusion: str | Design) -> set[str]:
    """Return the settings of some designs alone that this design does not take."""
    return set(OF_SOME_DESIGNS) - set(trainable(fusion).extra_settings)
