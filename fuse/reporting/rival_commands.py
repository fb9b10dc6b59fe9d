"""Commands that train the single modalities which a table lacks for a comparison."""

from collections.abc import Sequence

from affuse.data import plugins
from affuse.data.cache import run_recipes
from affuse.data.cache.recipe import WITH_DEVIATION
from affuse.data.options.shared_options import named_caches
from affuse.data.options.training_options import Train
from affuse.data.plugin_kinds import DESIGN_KIND
from affuse.data.runs.run_information import RunInfo
from affuse.fuse.feature_texts import EVERY_LAYER, STATISTICS, choices
from affuse.fuse.reporting.contrasts import ComparedRun
from affuse.fuse.settings import Settings

BY_FOLD = "(fine-tuned for each fold)"  # end of a fold-specific checkpoint's name


def trainable_alone(side: ComparedRun) -> list[str]:
    """Return the modalities of a run for which there is a design of that name.

    Args:
        side: properties of the run
    """
    return [m for m in sorted(side.info.encoders) if m in plugins.names(DESIGN_KIND)]


def training_command(modalities: Sequence[str], side: ComparedRun) -> Train:
    """Return the command that trains single modalities on the caches of a run.

    Args:
        modalities: names of the designs, which are those of the modalities
        side: properties of the run
    """
    return Train(
        **named_caches({m: _cache_names(m, side) for m in modalities}),
        designs=tuple(modalities),
        protocol=side.info.protocol,
        corpus=side.info.corpus,
        runs=side.path.parent,
    )


def _cache_names(modality: str, side: ComparedRun) -> tuple[str, ...]:
    """Return names of the caches of one modality that a run was trained on.

    They are digests, because a checkpoint may have several caches. If a digest is
    unknown, or that of a part of a cache, they are checkpoints, unless encoders are
    fold-specific.
    """
    record = side.info.encoders[modality]
    members = record.get("encoders", [record])
    checkpoints = [str(each.get("checkpoint", "")) for each in members]
    takes_all = _takes_all(side.info, modality)
    names = run_recipes.caches(side.path, modality) if takes_all else ()
    if not names and not any(name.endswith(BY_FOLD) for name in checkpoints):
        names = tuple(checkpoints)
    return names


def _takes_all(info: RunInfo, modality: str) -> bool:
    """Return True if a run takes all that its caches of a modality hold."""
    layers = str(info.settings.get("layers", Settings.layers))
    pooling = str(info.settings.get("pooling", Settings.pooling))
    statistics = choices(pooling, modality) or STATISTICS[-1:]
    takes_layers = {*choices(layers, modality)} <= {*EVERY_LAYER}
    return {*statistics} == {WITH_DEVIATION} and takes_layers
