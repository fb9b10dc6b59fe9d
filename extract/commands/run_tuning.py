"""Fine-tuning as the run command asks for it: with the settings of finetune itself."""

from collections.abc import Callable
from pathlib import Path

from affuse.data.options.extraction_options import CheckpointChoice
from affuse.data.options.finetuning_options import Finetune
from affuse.data.options.pipeline_options import RunCommand
from affuse.data.options.shared_options import ComputeOptions
from affuse.data.options.source_options import CorpusSource


def tune(say: Callable[[str], object], options: RunCommand, design: str) -> Path:
    """Fine-tune encoders for every fold.

    Args:
        say: told each line
        options: of the run command; of them those that both commands share are meant,
            and an experiment if there is one
        design: that is trained together with the encoders

    Returns:
        the folder of all folds
    """
    from affuse.extract.commands.finetune_command import finetune

    shared = (CorpusSource, CheckpointChoice, ComputeOptions)
    return finetune(
        say,
        Finetune.like(
            options,
            *shared,
            fusion=design,
            protocol=options.protocol,
            folds=options.folds,
            seed=options.seed,
            experiment=options.experiment or Finetune.experiment,
        ),
    )
