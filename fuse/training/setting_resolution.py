"""Resolution of settings for one design, so that equal models are one run.

``map=auto`` becomes ``affine`` for a baseline that is fitted, and ``none`` for all
other designs. A design-specific setting, such as ``late_activation``, is reset to its
default for all other designs, and `unused_setting_notes` names it.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from affuse.data.errors import OptionError
from affuse.data.options.report_options import Report
from affuse.data.runs.run_information import RunInfo
from affuse.fuse.models.design import Design
from affuse.fuse.models.trainable.baseline_design import AFFINE
from affuse.fuse.models.trainable.design_protocol import DESIGN_SPECIFIC_SETTINGS
from affuse.fuse.models.trainable.design_registry import design_names, find_trainable
from affuse.fuse.settings import Settings

NONE = "none"  # value of the setting `map`


def resolve_settings(settings: Settings, fusion: str | Design) -> Settings:
    """Return the settings that a design is actually trained with.

    Args:
        settings: requested ones
        fusion: name of the design, or the design itself

    Raises:
        OptionError: if an affine map is requested for a design that fits none
    """
    fits_map = find_trainable(fusion).fits_map
    if settings.map == AFFINE and not fits_map:
        fitting = ", ".join(n for n in design_names() if find_trainable(n).fits_map)
        raise OptionError(
            f"map='affine' is fitted with the baselines {fitting}, and not "
            f"with {fusion}; leave it at map=auto, and request the mapped row of a "
            f"trained network afterwards: {Report()} --mapped"
        )
    usual = Settings()
    changes = {name: getattr(usual, name) for name in _settings_without_effect(fusion)}
    mapped = fits_map and settings.map != NONE
    return replace(settings, **changes, map=AFFINE if mapped else NONE)


def has_map(info: RunInfo) -> bool:
    """Return True if a run is of a baseline whose weights include an affine map.

    Args:
        info: of the run
    """
    return find_trainable(info.design).fits_map and info.settings.get("map") == AFFINE


def unused_setting_notes(
    settings: Iterable[Settings], fusions: Sequence[str]
) -> Iterator[str]:
    """Yield a sentence on each changed setting that has no effect on some designs.

    Args:
        settings: the requested ones
        fusions: names of the designs to train
    """
    usual, tried = Settings(), list(settings)
    for name in sorted(
        {name for fusion in fusions for name in _settings_without_effect(fusion)}
    ):
        values = {getattr(one, name) for one in tried} - {getattr(usual, name)}
        others = [
            fusion for fusion in fusions if name in _settings_without_effect(fusion)
        ]
        if values and others:
            changed = " and ".join(sorted(map(str, values)))
            yield f"{name}={changed} changes nothing in {', '.join(others)}"


def _settings_without_effect(fusion: str | Design) -> set[str]:
    """Return the design-specific settings that this design does not take."""
    return set(DESIGN_SPECIFIC_SETTINGS) - set(find_trainable(fusion).extra_settings)
