"""Fine-tuning as the run command asks for it: with the settings of finetune itself."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from affuse.data.shared_options import READ, defaults
from affuse.extract.extraction_options import FINETUNE

SHARED = (  # options that say the same of both commands
    *("corpus", "root", "name", "nature", "columns", "scale", "table", "dominance"),
    *("audio_checkpoint", "text_checkpoint", "revision", "device", "threads"),
    *("fusion", "protocol", "folds", "fold", "seed"),
)


def tune(say: Callable[[str], object], **found: Any) -> Path:
    """Fine-tune encoders for every fold.

    Args:
        say: told each line
        found: options of the run command, by name; of them those that both commands
            share are meant, and an experiment if there is one

    Returns:
        the folder of all folds
    """
    from affuse.extract.commands.finetune_command import finetune

    given = {name: found[name] for name in SHARED}
    if found["experiment"]:
        given["experiment"] = found["experiment"]
    return finetune(say, **defaults((*READ, *FINETUNE), **given))
