"""Examination of a checkpoint's folder before transformers reads it.

Each file must be regular, of a limited size, and as a manifest lists it if there is
one. JSON files must match `affuse.extract.checkpoints.configuration_schemas`. The size
of the model is limited by `affuse.extract.checkpoints.construction_bounds`.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from affuse.data.cache import verification
from affuse.data.errors import AffuseError, DamagedFileError
from affuse.data.runs.checkpoint_folder import CheckpointFolder
from affuse.data.system import digests
from affuse.data.system.documents import DIGITS, parse_json
from affuse.data.system.regular_files import SMALL, WEIGHTS, check_regular
from affuse.extract.checkpoints import configuration_schemas

CONFIG = "config.json"
NAMED = (".json", ".txt", ".model", ".safetensors", ".bin")  # suffixes of read files
TEXTS = ("vocab.txt", "merges.txt")
DESCRIPTION = 2**24  # bytes of a configuration
LONG = {"tokenizer_config.json": 400}  # digits; transformers writes 1e30 in full
VALUES = 6_000_000  # of a JSON file; the largest vocabularies need a third of it
FOREIGN = {  # files of other kinds of checkpoints, which transformers would prefer
    "adapter_config.json": "it holds adapters; merge them into the weights first "
    "(peft: merge_and_unload), and save the model without them",
}
SHARD = "shard-"  # beginning of file names in a distributed checkpoint
WAYS = (  # file of the weights or its index, in the order of transformers
    (CheckpointFolder.weights, CheckpointFolder.index),
    ("pytorch_model.bin", "pytorch_model.bin.index.json"),
)


def examine(folder: Path) -> int:
    """Raise an error if transformers must not read from a folder.

    Args:
        folder: of the checkpoint

    Returns:
        bytes of the files of its weights

    Raises:
        AffuseError: if a file is not allowed; names the file and the reason
    """
    for path in _entries(folder):
        small = path.name in TEXTS or path.suffix == ".model"
        check_regular(path, limit=SMALL if small else WEIGHTS)
    for fault in verification.faults(folder):
        raise AffuseError(f"{fault}; copy or make the checkpoint again")
    for name, why in FOREIGN.items():
        if (folder / name).exists():
            raise AffuseError(f"{name} is in its folder: {why}")
    if not (folder / CONFIG).exists():
        raise AffuseError(f"there is no {CONFIG} in it")
    for path in _entries(folder):
        if path.suffix == ".json":
            _read(path)
    return sum(path.stat().st_size for path in weights(folder))


def _entries(folder: Path) -> Iterator[Path]:
    """Yield the paths that a library may open, which excludes folders and hidden files.

    A path with a suffix in `NAMED` is always included.
    """
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        path = folder / entry.name
        is_read = path.suffix in NAMED
        if is_read or not entry.name.startswith(".") and not entry.is_dir():
            yield path


def config(folder: Path) -> dict[str, Any]:
    """Return the configuration of a checkpoint.

    Args:
        folder: of the checkpoint

    Raises:
        OSError: if there is no configuration
        AffuseError: if it does not match its schema
    """
    return dict(_read(folder / CONFIG))


def _read(path: Path) -> Any:
    """Return the content of a JSON file, or None if the file is never read."""
    kind = configuration_schemas.kind(path.name)
    if kind is None:
        return None
    is_description = path.name.endswith("config.json")
    content = digests.content(path, limit=DESCRIPTION if is_description else SMALL)
    if sum(map(content.count, b"[{,")) > VALUES:
        raise AffuseError(f"{path.name} holds more than {VALUES:,} values")
    try:
        return parse_json(content, kind, digits=LONG.get(path.name, DIGITS))
    except DamagedFileError as error:
        raise AffuseError(
            f"{path.name}: {error}; correct it, or take another checkpoint"
        ) from error


def weights(folder: Path) -> tuple[Path, ...]:
    """Return the files of the weights that transformers would choose.

    Args:
        folder: of the checkpoint

    Raises:
        AffuseError: if there are no weights, or an index names a missing file
    """
    if any(path.name.startswith(SHARD) for path in folder.glob("*.safetensors")):
        raise AffuseError(
            f"it is a distributed checkpoint ({SHARD}*.safetensors); save it as one"
        )
    for single, index in WAYS:
        if (folder / single).exists():
            return (folder / single,)
        if (folder / index).exists():
            return tuple(folder / name for name in _shards(folder, index))
    raise AffuseError(f"there is no {' or '.join(single for single, _ in WAYS)} in it")


def _shards(folder: Path, index: str) -> list[str]:
    names = sorted(set(_read(folder / index)["weight_map"].values()))
    if not names:
        raise AffuseError(f"{index} names no file")
    if absent := [name for name in names if not (folder / name).exists()]:
        raise AffuseError(f"{index} names {absent[0]!r}, which is not in the folder")
    return names
