"""Record of the command that does all steps from a corpus to its table."""

from dataclasses import dataclass
from typing import ClassVar

from affuse.data.options.command_record import Command
from affuse.data.options.extraction_options import EncodingOptions
from affuse.data.options.option_fields import option
from affuse.data.options.shared_options import FinetunedFolder, RunsFolder
from affuse.data.options.source_options import CorpusSource
from affuse.data.options.training_options import FittingOptions, MemoryLimit


@dataclass(frozen=True, kw_only=True)
class TuningStep(Command):
    """Whether encoders are fine-tuned first."""

    finetune: bool = option(
        "--finetune",
        default=False,
        help="Fine-tune encoders for each fold before, with the first design and "
        "finetune's own settings.",
    )


@dataclass(frozen=True, kw_only=True)
class RunCommand(
    CorpusSource,
    EncodingOptions,
    TuningStep,
    FinetunedFolder,
    FittingOptions,
    MemoryLimit,
    RunsFolder,
):
    """Extract, train and report in one command."""

    COMMAND: ClassVar[str] = "run"
