"""Files of a checkpoint that an encoder needs, for copies of the checkpoint."""

from collections.abc import Iterator
from pathlib import Path

from affuse.data.cache import training_data
from affuse.data.errors import AffuseError
from affuse.data.runs.checkpoint_folder import CheckpointFolder
from affuse.extract.checkpoints import folder_examination

PREPARATION = (  # patterns of files that an encoder needs beside its weights
    "preprocessor_config.json", "processor_config.json", "tokenizer*", "vocab*",
    "merges.txt", "special_tokens_map.json", "added_tokens.json", "*.model", "LICENSE*",
)  # fmt: skip


def preparation_files(folder: Path) -> Iterator[Path]:
    """Yield the files that prepare inputs, and the licence.

    Args:
        folder: of the checkpoint
    """
    for pattern in PREPARATION:
        yield from (path for path in sorted(folder.glob(pattern)) if path.is_file())


def complete_files(folder: Path) -> tuple[Path, ...]:
    """Return the files of a complete copy: settings, weights, card and licence.

    Args:
        folder: of the checkpoint

    Raises:
        AffuseError: if its weights are a pickle, or there are none
    """
    place = CheckpointFolder(folder)
    weights = folder_examination.weights(folder)
    if pickles := [path for path in weights if path.suffix != place.weights.suffix]:
        raise AffuseError(
            f"the weights {pickles[0]} are a pickle, which may hold code; save the "
            f"checkpoint again with save_pretrained, which writes {place.weights.name}"
        )
    texts = (place.configuration, place.card, folder / training_data.FILE)
    index = () if len(weights) == 1 else (place.index,)
    found = (*weights, *index, *texts, *preparation_files(folder))
    return tuple(dict.fromkeys(path for path in found if path.is_file()))
