"""Distribution of a cache's parts to several processes, here or on a cluster."""

import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import joblib
import torch
from joblib import Parallel, delayed

from affuse.data.cache.parts import part_path
from affuse.data.cache.recipe import Recipe
from affuse.data.errors import OptionError
from affuse.data.options.extraction_options import Extract
from affuse.extract.caching.encoder_inputs import InputSource
from affuse.extract.caching.part_building import Builder
from affuse.extract.caching.part_claims import INCOMPLETE, MISSING, Plan, state
from affuse.extract.caching.part_filling import is_settled
from affuse.extract.caching.row_reuse import CachedRows
from affuse.extract.encoding.choices import Choice, Machine, choose_device
from affuse.extract.parallel.cluster import Cluster
from affuse.extract.parallel.processes import Processes
from affuse.extract.parallel.shards import Receipt, Shard, reduce_source

SHARD_PARTS = 20  # largest number of parts in a shard
SHARDS = 4  # fewest shards for each process, so that all end at about the same time


class WorkerGroup(Protocol):
    """Processes that are ready to make parts."""

    size: int  # number of processes
    device: str  # that each of them should use
    slots: int  # processes that share the CUDA devices of this machine
    neighbours: int  # processes that share a machine's cores; 0: do not divide them
    distant: bool  # True if some are on other machines

    def make(self, shards: list[Shard]) -> Iterator[Receipt]:
        """Send shards to the processes, and yield receipts as they finish."""


@dataclass(frozen=True)
class Workers:
    """Options on the processes that make the parts."""

    processes: int = 0  # on this machine, if there is no scheduler
    scheduler: str = ""  # address of a cluster's scheduler
    device: str = "auto"
    threads: int | None = None  # of each process; None: an equal share of the cores

    def open(self) -> AbstractContextManager[WorkerGroup]:
        """Start the processes, or connect to a cluster.

        Raises:
            AffuseError: if the cluster has no workers, or cannot be reached
        """
        if self.scheduler:
            return Cluster(self.scheduler, self.device, divide=self.threads is None)
        return Processes(self.processes, self.device)


def choose(options: Extract) -> Workers | None:
    """Return the workers for the options, or None to make all parts in this process.

    By default, there is a process for each CUDA device.

    Args:
        options: device, and one of two: a number of processes on this machine, which
            divide ``--threads`` among them, or the address of a cluster's scheduler,
            whose workers take ``--threads`` each

    Raises:
        AffuseError: if the options exclude each other, or the device does not exist
    """
    processes, scheduler = options.processes, options.scheduler
    if scheduler and processes:
        raise OptionError(
            "--processes is for one machine, --scheduler for a cluster; give only one"
        )
    if scheduler:
        return Workers(0, scheduler, options.device, options.threads)
    device = choose_device(options.device)
    if processes is None:
        processes = torch.cuda.device_count() if device == "cuda" else 1
    if processes == 1:
        return None
    cores = options.threads or joblib.cpu_count()
    return Workers(processes, device=device, threads=max(1, cores // processes))


def fill(
    folder: Path,
    plan: Plan,
    build: Builder,
    *,
    count: int,
    report_size: Callable[[float], object],
    workers: Workers,
    choice: Choice,
    say: Callable[[str], object],
) -> float:
    """Make the missing parts of a cache in other processes.

    `affuse.extract.caching.part_filling.fill` does the same in this process.

    Args:
        folder: of the cache
        plan: inputs by number of the part
        build: builder with the recipe, the corpus and the machine
        count: number of parts of the cache
        report_size: called with the size of the parts that are complete
        workers: options on the processes
        choice: of the encoder that each process loads
        say: called with a sentence if local processes start, because that takes time

    Returns:
        size of the encoded inputs, in the unit of the modality
    """
    todo = _missing(folder, plan, build, count)
    report_size(sum(_size(plan, [number]) for number in plan.keys() - todo.keys()))
    if not todo:
        return 0.0
    folder = folder.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    encoded = 0.0
    if workers.processes:
        say(
            f"{choice.modality}: {workers.processes} processes start; each loads its "
            f"libraries and the encoder first, which takes 10 s or more, so a small "
            f"corpus is finished sooner without --processes"
        )
    with (
        workers.open() as team,
        tempfile.TemporaryDirectory(
            prefix=".workers-", dir=folder if team.distant else None
        ) as mark,
    ):
        all_parts = Shard(
            folder=folder,
            recipe=build.recipe.text(),
            root=build.root.absolute(),
            choice=with_absolute_path(choice),
            machine=_machine(build.machine, team, workers),
            parts=count,
            plan=todo,
            mark=Path(mark),
            slots=team.slots,
            neighbours=team.neighbours,
        )
        for receipt in team.make(divide(all_parts, team.size)):
            encoded += receipt.encoded
            report_size(_size(plan, receipt.parts))
    return encoded


def divide(shard: Shard, workers: int) -> list[Shard]:
    """Divide a shard into shards of a few consecutive parts, in the parts' order.

    Args:
        shard: with all parts, of which the first have the longest inputs
        workers: number of processes
    """
    modality = Recipe.parse(shard.recipe).modality
    numbers = sorted(shard.plan)
    step = max(1, min(SHARD_PARTS, len(numbers) // (SHARDS * workers)))
    return [
        replace(
            shard,
            plan={
                number: tuple(
                    reduce_source(source, modality) for source in shard.plan[number]
                )
                for number in numbers[begin : begin + step]
            },
        )
        for begin in range(0, len(numbers), step)
    ]


def with_absolute_path(choice: Choice) -> Choice:
    """Return a choice whose checkpoint has an absolute path, if it is a folder."""
    folder = Path(choice.checkpoint).expanduser()
    if not choice.checkpoint or not folder.is_dir():
        return choice
    return replace(choice, checkpoint=str(folder.absolute()))


def _machine(machine: Machine, team: WorkerGroup, workers: Workers) -> Machine:
    threads = workers.threads or machine.threads
    return replace(machine, device=team.device, threads=threads, progress=False)


def _missing(
    folder: Path, plan: Plan, build: Builder, count: int
) -> dict[int, tuple[InputSource, ...]]:
    """Return the inputs of the incomplete parts, which are the ones to send."""
    cached = CachedRows(folder, build.recipe)

    def is_incomplete(number: int) -> bool:
        part_state = state(folder, build.recipe, number, plan[number], count)
        if part_state != INCOMPLETE:
            return part_state == MISSING
        path = part_path(folder, number)
        return not is_settled(path, plan[number], build, cached)

    tasks = (delayed(is_incomplete)(number) for number in plan)
    flags = Parallel(n_jobs=build.machine.threads, prefer="threads")(tasks)
    return {n: tuple(plan[n]) for n, w in zip(plan, flags, strict=True) if w}


def _size(plan: Plan, numbers: Iterable[int]) -> float:
    return sum(source.size for number in numbers for source in plan[number])
