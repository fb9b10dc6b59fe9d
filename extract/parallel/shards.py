"""Shards: parts of a cache that another process makes.

If a process dies, its shard is sent to another one. That process skips the parts that
exist. If two processes make the same part, they write the same bytes.

joblib and dask send shards as pickles. Whoever can connect to such a process can run
code in it, so use trusted networks only, and TLS on shared ones.
"""

import errno
import json
import logging
import os
import random
import socket
import threading
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import joblib
import torch

from affuse.data import plugin_failures
from affuse.data.cache.recipe import Recipe
from affuse.data.errors import AffuseError
from affuse.data.modality import modality_named
from affuse.data.system.atomic_files import claim
from affuse.data.terminal import protect_log
from affuse.extract.caching.encoder_inputs import InputSource
from affuse.extract.caching.part_building import Builder
from affuse.extract.caching.part_filling import fill
from affuse.extract.caching.row_reuse import CachedRows
from affuse.extract.encoding.choices import Choice, Machine, choose_device
from affuse.extract.encoding.encoder_loading import load, make_recipe
from affuse.extract.encoding.protocol import Encoder

PAUSES = (1.0, 5.0, 20.0)  # approximate seconds before each further attempt
# Errors that last: a full or read-only disk, or one without permission to write.
LASTING_ERRORS = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM}

log = logging.getLogger(__name__)


# Slots prevent weak references. joblib would copy an object that allows them to a
# worker beforehand, where it would be lost with that worker.
@dataclass(frozen=True, slots=True)
class Shard:
    """Instructions for a process to make some parts of a cache."""

    folder: Path  # of the cache
    recipe: str
    root: Path  # of the corpus
    choice: Choice
    machine: Machine  # with the requested device, which the process resolves
    parts: int  # number of parts of the whole cache
    plan: Mapping[int, tuple[InputSource, ...]]  # inputs by number of the part
    mark: Path  # folder of the sender, to verify that the process sees the same disk
    slots: int = 0  # processes that share the CUDA devices of one machine
    # number of processes that share the cores of their machine; 0 to use
    # `machine.threads`
    neighbours: int = 0


@dataclass(frozen=True)
class Receipt:
    """Result of a shard."""

    parts: tuple[int, ...]
    encoded: float  # size of the encoded inputs, in the unit of the modality
    host: str
    process: int


def reduce_source(source: InputSource, modality: str) -> InputSource:
    """Return an input without ratings and other modalities, which encoding ignores.

    Args:
        source: of the input
        modality: that is encoded
    """
    kind = modality_named(modality)
    return replace(source, utterance=kind.reduced(source.utterance))


def encode(shard: Shard) -> Receipt:
    """Make the missing parts of a shard.

    After a temporary error of a file system or a device, it tries again.

    Args:
        shard: to make

    Raises:
        AffuseError: if all attempts fail, if this machine lacks the corpus, the cache
            or the checkpoint, or if a plug-in raises an unexpected error
        OSError: if the disk is full, or must not be written to
    """
    pauses = iter(PAUSES)
    protect_log()  # the command line has not configured this process's log
    # Here, because the process that receives an error does not receive its frames.
    with _one_at_a_time, plugin_failures.told():
        while True:
            try:
                return _encode(shard)
            except (OSError, RuntimeError) as error:
                pause = next(pauses, None)
                if not _is_temporary(error):
                    raise
                if pause is None:
                    raise AffuseError(
                        f"{_description(shard)} could not be made in {len(PAUSES) + 1} "
                        f"attempts: {error}; repeat the command to continue"
                    ) from error
                log.warning("%s: %s; trying again", _description(shard), error)
            _encoders.clear()  # the device may have lost its memory
            time.sleep(pause * random.uniform(0.5, 1.5))


_one_at_a_time = threading.Lock()  # a worker of dask may have several threads
# State of this process between shards; each has at most one entry.
_encoders: dict[str, Encoder] = {}  # by choice and device
_rows: dict[tuple[Path, Path], CachedRows] = {}  # by cache folder and run
_slots: dict[Path, tuple[int, ExitStack]] = {}  # by run


def _encode(shard: Shard) -> Receipt:
    _check_folders(shard)
    recipe = Recipe.parse(shard.recipe)
    machine = replace(shard.machine, device=_device(shard))
    if shard.neighbours:
        cores = joblib.cpu_count() // shard.neighbours
        machine = replace(machine, threads=max(1, cores))
    torch.set_num_threads(machine.threads)
    encoder = _encoder(shard.choice, machine, recipe)
    run = (shard.folder, shard.mark)
    if run not in _rows:
        _rows.clear()
        _rows[run] = CachedRows(shard.folder, recipe)
    encoded = fill(
        shard.folder,
        shard.plan,
        Builder(shard.root, machine, encoder, recipe),
        count=shard.parts,
        report_size=lambda size: None,
        cached_rows=_rows[run],
    )
    return Receipt(tuple(shard.plan), encoded, socket.gethostname(), os.getpid())


def _check_folders(shard: Shard) -> None:
    """Raise an error if this machine does not see the sender's cache and corpus."""
    if not shard.mark.is_dir():
        raise AffuseError(
            f"{socket.gethostname()} does not see {shard.folder} as it was made; the "
            f"cache must lie where all workers find it under the same path"
        )
    modality = modality_named(Recipe.parse(shard.recipe).modality)
    if not (modality.in_memory or shard.root.exists()):
        raise AffuseError(
            f"{socket.gethostname()} does not see the corpus in {shard.root}; it must "
            f"lie where all workers find it under the same path"
        )


def _encoder(choice: Choice, machine: Machine, recipe: Recipe) -> Encoder:
    """Return the encoder of this process, after comparing it with the recipe."""
    key = f"{json.dumps(asdict(choice), sort_keys=True)} on {machine.device}"
    cached = _encoders.get(key)
    if cached is not None and not _difference(choice, cached, recipe):
        return cached
    _encoders.clear()  # first, because the device may have memory for only one
    encoder = load(choice, machine)
    if differs := _difference(choice, encoder, recipe):
        raise AffuseError(
            f"{socket.gethostname()} has another checkpoint under the name "
            f"{recipe.checkpoint!r} ({differs}); copy the same one there, or pin it "
            f"with --revision"
        )
    _encoders[key] = encoder
    return encoder


def _difference(choice: Choice, encoder: Encoder, recipe: Recipe) -> str:
    present = make_recipe(recipe.corpus, choice, encoder, recipe.content)
    return present.difference(recipe)


def _device(shard: Shard) -> str:
    """Return the device of this process; its slot selects one of several GPUs."""
    device = choose_device(shard.machine.device)
    if device != "cuda" or not shard.slots:
        return device
    return f"cuda:{_slot(shard.mark, shard.slots) % torch.cuda.device_count()}"


def _slot(run: Path, count: int) -> int:
    """Return a number below `count` that no other process of a run has.

    A file lock reserves the number until this process ends. If it is killed, the
    process that replaces it gets the same number.
    """
    while run not in _slots:
        for _, lock in _slots.values():
            lock.close()
        _slots.clear()
        for number in range(count):
            held = ExitStack()
            if held.enter_context(claim(run / f"{number}.lock", wait=False)):
                _slots[run] = number, held
                break
            held.close()
        else:
            time.sleep(0.1)  # the process that this one replaces is still ending
    return _slots[run][0]


def _is_temporary(error: OSError | RuntimeError) -> bool:
    """Return True if another attempt may succeed."""
    if isinstance(error, OSError):
        return error.errno not in LASTING_ERRORS
    return isinstance(error, torch.OutOfMemoryError) or "CUDA" in str(error)


def _description(shard: Shard) -> str:
    numbers = sorted(shard.plan)
    parts = f"part {numbers[0]}" if len(numbers) == 1 else f"parts {numbers}"
    return f"{parts} of {shard.folder.name} on {socket.gethostname()}"
