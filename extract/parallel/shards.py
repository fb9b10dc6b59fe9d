"""A few parts of a cache, sent to another process and made there.

Making them twice does no harm: what is there is not made again, and what two processes
make at once is the same. So a shard whose process died is simply sent to another.

Shards travel as pickles, by joblib and by dask: whoever can reach the port of such a
process can run code in it. Use trusted networks only, and TLS on shared ones.
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

PAUSES = (1.0, 5.0, 20.0)  # seconds before another attempt, about
# What no further attempt mends: a full or read-only disk, or one that is not ours.
LASTING = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM}

log = logging.getLogger(__name__)


# Slots allow no weak references, and only what allows them is taken by joblib for data
# to be copied to a worker beforehand, where it would be lost with that worker.
@dataclass(frozen=True, slots=True)
class Shard:
    """All that a process needs to make some parts, small enough to be sent."""

    folder: Path  # of the cache
    recipe: str
    root: Path  # of the corpus
    choice: Choice
    machine: Machine  # its device as wanted, which the process chooses
    parts: int  # of the whole cache
    plan: Mapping[int, tuple[InputSource, ...]]  # by number of the part
    mark: Path  # a folder of the sender; where it is not seen, neither is the cache
    slots: int = 0  # processes that divide the CUDA devices of one machine
    neighbours: int = 0  # processes that divide its cores; 0: `machine` says how many


@dataclass(frozen=True)
class Receipt:
    """What became of a shard."""

    parts: tuple[int, ...]
    encoded: float  # seconds of audio or characters that this process encoded
    host: str
    process: int


def bare(source: InputSource, modality: str) -> InputSource:
    """What is needed to encode it; ratings stay at home, as do other modalities."""
    kind = modality_named(modality)
    return replace(source, utterance=kind.reduced(source.utterance))


def encode(shard: Shard) -> Receipt:
    """Make those parts of a shard that are not there.

    Errors that pass, of file systems and devices, are met with another attempt.

    Raises:
        AffuseError: if they do not pass, or this machine lacks what is needed
        OSError: if the disk is full, or must not be written to
    """
    pauses = iter(PAUSES)
    protect_log()  # that of a process of its own is not the command line's
    with _one_at_a_time:
        while True:
            try:
                return _encode(shard)
            except (OSError, RuntimeError) as error:
                pause = next(pauses, None)
                if not _passing(error):
                    raise
                if pause is None:
                    raise AffuseError(
                        f"{_named(shard)} could not be made in {len(PAUSES) + 1} "
                        f"attempts: {error}; repeat the command to go on"
                    ) from error
                log.warning("%s: %s; trying again", _named(shard), error)
            _encoders.clear()  # the device may have lost it
            time.sleep(pause * random.uniform(0.5, 1.5))


_one_at_a_time = threading.Lock()  # a worker of dask may have several threads
# Of this process, from one shard to the next; one entry each.
_encoders: dict[str, Encoder] = {}  # by choice and device
_known: dict[tuple[Path, Path], CachedRows] = {}  # by cache folder and run
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
    if run not in _known:
        _known.clear()
        _known[run] = CachedRows(shard.folder, recipe)
    encoded = fill(
        shard.folder,
        shard.plan,
        Builder(shard.root, machine, encoder, recipe),
        count=shard.parts,
        done=lambda size: None,
        known=_known[run],
    )
    return Receipt(tuple(shard.plan), encoded, socket.gethostname(), os.getpid())


def _check_folders(shard: Shard) -> None:
    """Refuse to fill a folder that only this machine sees, or from one it lacks."""
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
    """The encoder of this process, if it is what the recipe says."""
    key = f"{json.dumps(asdict(choice), sort_keys=True)} on {machine.device}"
    kept = _encoders.get(key)
    if kept is not None and not _difference(choice, kept, recipe):
        return kept
    _encoders.clear()  # before the next is loaded: a device may hold only one
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
    made = make_recipe(recipe.corpus, choice, encoder, recipe.content)
    return made.difference(recipe)


def _device(shard: Shard) -> str:
    """The device of this process: of several CUDA devices, that of its slot."""
    device = choose_device(shard.machine.device)
    if device != "cuda" or not shard.slots:
        return device
    return f"cuda:{_slot(shard.mark, shard.slots) % torch.cuda.device_count()}"


def _slot(run: Path, count: int) -> int:
    """A number below `count` that no other process of a run has.

    It is held by a lock until this process ends, however it ends; a process that takes
    the place of a killed one gets the number that became free.
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
            time.sleep(0.1)  # the one that is replaced is still ending
    return _slots[run][0]


def _passing(error: OSError | RuntimeError) -> bool:
    """Whether another attempt may succeed."""
    if isinstance(error, OSError):
        return error.errno not in LASTING
    return isinstance(error, torch.OutOfMemoryError) or "CUDA" in str(error)


def _named(shard: Shard) -> str:
    numbers = sorted(shard.plan)
    parts = f"part {numbers[0]}" if len(numbers) == 1 else f"parts {numbers}"
    return f"{parts} of {shard.folder.name} on {socket.gethostname()}"
