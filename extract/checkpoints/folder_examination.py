"""Examination of a checkpoint's folder before transformers reads anything of it.

Every file is regular and of a sensible size, its manifest holds where there is one, and
JSON files are as `affuse.extract.checkpoints.configuration_schemas` says. What they ask
for together is bounded by `affuse.extract.checkpoints.construction_bounds`.
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
NAMED = (".json", ".txt", ".model", ".safetensors", ".bin")  # of files that are read
TEXTS = ("vocab.txt", "merges.txt")
DESCRIPTION = 2**24  # bytes of a configuration
LONG = {"tokenizer_config.json": 400}  # digits; transformers writes 1e30 as a whole
VALUES = 6_000_000  # of a JSON file; the largest vocabularies take a third of it
FOREIGN = {  # files of other kinds of checkpoints, which transformers would take first
    "adapter_config.json": "it holds adapters; merge them into the weights first "
    "(peft: merge_and_unload), and save the model without them",
}
SHARD = "shard-"  # how files of a distributed checkpoint begin
WAYS = (  # of storing weights, in the order of transformers
    (CheckpointFolder.weights, CheckpointFolder.index),
    ("pytorch_model.bin", "pytorch_model.bin.index.json"),
)


def examine(folder: Path) -> int:
    """Refuse a folder of which transformers must not read anything.

    Returns:
        the bytes of the files of its weights

    Raises:
        AffuseError: naming the file, and what is wrong with it
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
    """Yield what a library may open: all but folders, and what is hidden."""
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        path = folder / entry.name
        named = path.suffix in NAMED
        if named or not entry.name.startswith(".") and not entry.is_dir():
            yield path


def config(folder: Path) -> dict[str, Any]:
    """Read the configuration of a checkpoint.

    Raises:
        OSError: if there is none
        AffuseError: if it is not as a configuration should be
    """
    return dict(_read(folder / CONFIG))


def _read(path: Path) -> Any:
    """Read a JSON file of a known name; None for one that nobody reads."""
    kind = configuration_schemas.kind(path.name)
    if kind is None:
        return None
    described = path.name.endswith("config.json")
    found = digests.content(path, limit=DESCRIPTION if described else SMALL)
    if sum(map(found.count, b"[{,")) > VALUES:
        raise AffuseError(f"{path.name} holds more than {VALUES:,} values")
    try:
        return parse_json(found, kind, digits=LONG.get(path.name, DIGITS))
    except DamagedFileError as error:
        raise AffuseError(
            f"{path.name}: {error}; correct it, or take another checkpoint"
        ) from error


def weights(folder: Path) -> tuple[Path, ...]:
    """Return the files of the weights, as transformers would choose them.

    Raises:
        AffuseError: if there are none, or an index names one that is not there
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
