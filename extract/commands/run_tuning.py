"""Fine-tuning within the command ``run``, with the defaults of ``finetune``."""

from collections.abc import Callable
from pathlib import Path

from affuse.data.options.extraction_options import CheckpointChoice
from affuse.data.options.finetuning_options import Finetune
from affuse.data.options.pipeline_options import RunCommand
from affuse.data.options.shared_options import ComputeOptions, FoldOptions
from affuse.data.options.source_options import CorpusSource


def tune(say: Callable[[str], object], options: RunCommand, design: str) -> Path:
    """Train the encoders for every fold, jointly with a fusion design.

    Args:
        say: prints a line
        options: of the command ``run``; those that ``finetune`` has as well are passed
            on to it
        design: that is trained jointly with the encoders

    Returns:
        the folder of all folds
    """
    from affuse.extract.commands.finetune_command import finetune

    shared = (CorpusSource, CheckpointChoice, ComputeOptions, FoldOptions)
    return finetune(
        say,
        Finetune.from_command(
            options,
            *shared,
            fusion=design,
            seed=options.seed,
            experiment=options.experiment or Finetune.experiment,
        ),
    )
