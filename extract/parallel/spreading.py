"""Parts of a cache, made by many processes: on this machine, or on a cluster."""

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
from affuse.extract.caching.part_claims import MISSING, PARTLY, Plan, state
from affuse.extract.caching.part_filling import is_settled
from affuse.extract.caching.row_reuse import CachedRows
from affuse.extract.encoding.choices import Choice, Machine, choose_device
from affuse.extract.parallel.cluster import Cluster
from affuse.extract.parallel.processes import Processes
from affuse.extract.parallel.shards import Receipt, Shard, bare

SHARD_PARTS = 20  # at most
SHARDS = 4  # for each process, at least: so that all end at about the same time


class Team(Protocol):
    """Processes that are there, ready to make parts."""

    size: int  # processes
    device: str  # as each of them is to choose it
    slots: int  # processes that divide the CUDA devices of this machine
    neighbours: int  # processes that divide the cores of a machine, if they must know
    distant: bool  # on other machines too

    def make(self, shards: list[Shard]) -> Iterator[Receipt]:
        """Receipts as shards are finished, in any order."""


@dataclass(frozen=True)
class Workers:
    """Which processes make the parts."""

    processes: int = 0  # on this machine, if there is no scheduler
    scheduler: str = ""  # address of that of a cluster
    device: str = "auto"
    threads: int | None = None  # of each process; None: its share of the machine's

    def open(self) -> AbstractContextManager[Team]:
        """Start or find the processes.

        Raises:
            AffuseError: if there are none
        """
        if self.scheduler:
            return Cluster(self.scheduler, self.device, divide=self.threads is None)
        return Processes(self.processes, self.device)


def choose(options: Extract) -> Workers | None:
    """The workers that options ask for; None to do it all in this process.

    Where a machine has several CUDA devices, there is a process for each.

    Raises:
        AffuseError: if the options exclude each other, or the device is not here
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
    done: Callable[[float], object],
    workers: Workers,
    choice: Choice,
) -> float:
    """As `affuse.extract.caching.part_filling.fill`, in other processes.

    Args:
        choice: of which each of them loads the encoder of its own
    """
    todo = _missing(folder, plan, build, count)
    done(sum(_size(plan, [number]) for number in plan.keys() - todo.keys()))
    if not todo:
        return 0.0
    folder = folder.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    encoded = 0.0
    with (
        workers.open() as team,
        tempfile.TemporaryDirectory(
            prefix=".workers-", dir=folder if team.distant else None
        ) as mark,
    ):
        whole = Shard(
            folder=folder,
            recipe=build.recipe.text(),
            root=build.root.absolute(),
            choice=portable(choice),
            machine=_machine(build.machine, team, workers),
            parts=count,
            plan=todo,
            mark=Path(mark),
            slots=team.slots,
            neighbours=team.neighbours,
        )
        for receipt in team.make(divide(whole, team.size)):
            encoded += receipt.encoded
            done(_size(plan, receipt.parts))
    return encoded


def divide(whole: Shard, workers: int) -> list[Shard]:
    """Shards of the same number of parts, in their order, the longest first."""
    modality = Recipe.parse(whole.recipe).modality
    numbers = sorted(whole.plan)
    step = max(1, min(SHARD_PARTS, len(numbers) // (SHARDS * workers)))
    return [
        replace(
            whole,
            plan={
                number: tuple(bare(source, modality) for source in whole.plan[number])
                for number in numbers[begin : begin + step]
            },
        )
        for begin in range(0, len(numbers), step)
    ]


def portable(choice: Choice) -> Choice:
    """The same choice, for a process that runs in another folder."""
    folder = Path(choice.checkpoint).expanduser()
    if not choice.checkpoint or not folder.is_dir():
        return choice
    return replace(choice, checkpoint=str(folder.absolute()))


def _machine(machine: Machine, team: Team, workers: Workers) -> Machine:
    threads = workers.threads or machine.threads
    return replace(machine, device=team.device, threads=threads, progress=False)


def _missing(
    folder: Path, plan: Plan, build: Builder, count: int
) -> dict[int, tuple[InputSource, ...]]:
    """Return the parts to which something is to be done; only they are sent."""
    known = CachedRows(folder, build.recipe)

    def one(number: int) -> bool:
        found = state(folder, build.recipe, number, plan[number], count)
        if found != PARTLY:
            return found == MISSING
        path = part_path(folder, number)
        return not is_settled(path, plan[number], build, known)

    jobs = (delayed(one)(number) for number in plan)
    wanted = Parallel(n_jobs=build.machine.threads, prefer="threads")(jobs)
    return {n: tuple(plan[n]) for n, w in zip(plan, wanted, strict=True) if w}


def _size(plan: Plan, numbers: Iterable[int]) -> float:
    return sum(source.size for number in numbers for source in plan[number])
