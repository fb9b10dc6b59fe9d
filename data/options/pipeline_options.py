"""Record of the command `run`: extraction, training and report of one corpus."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from affuse.data.options.extraction_options import EncodingOptions
from affuse.data.options.option_fields import READ, WRITE, option
from affuse.data.options.shared_options import FinetunedFolder, RunsFolder
from affuse.data.options.source_options import CorpusSource
from affuse.data.options.training_options import FittingOptions, MemoryLimit


@dataclass(frozen=True, kw_only=True)
class RunCommand(
    CorpusSource,
    EncodingOptions,
    FinetunedFolder,
    FittingOptions,
    MemoryLimit,
    RunsFolder,
):
    """Options of `run`: extract, train and report in one command."""

    COMMAND: ClassVar[str] = "run"
    MOVED: ClassVar[Mapping[str, str]] = {"cache": WRITE, "limit": READ}
    finetune: bool = option(
        "--finetune",
        default=False,
        help="Fine-tune the encoders on each fold first, jointly with the first "
        "design and with the default settings of `finetune`.  [default: encoders "
        "are frozen]",
    )
