"""Benchmark of stage two: three training loops for the same models, and their MFU.

The other two loops are in `affuse.fuse.bench.training_loops`.
"""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from torch.utils.flop_counter import FlopCounterMode

from affuse.data.errors import AffuseError
from affuse.data.options.bench_options import BenchTrain
from affuse.data.system.text_columns import align_columns
from affuse.fuse.bench import random_embeddings, table_timing, training_loops
from affuse.fuse.bench.random_embeddings import TARGETS, BenchmarkSize
from affuse.fuse.commands.computing_device import compute
from affuse.fuse.models.system import System
from affuse.fuse.settings import Settings, change
from affuse.fuse.training.fitting import fit_all
from affuse.fuse.training.grouped.model_tasks import ModelTask

EPOCHS = 3  # default number of epochs
HEADER = (
    "training loop",
    "seconds",
    "ms per model and epoch",
    "affuse is",
    "GFLOP/s",
    "MFU",
)
AFFUSE = "affuse"
# measures the GEMM throughput of a device in FLOP/s
MeasureThroughput = Callable[[str, torch.dtype], float]


def bench(
    say: Callable[[str], object], rate: MeasureThroughput, options: BenchTrain
) -> None:
    """Measure the training speed of designs, and print it beside other loops.

    Args:
        say: prints a line
        rate: measures the GEMM throughput of a device
        options: of the command line
    """
    device = compute(options)
    epochs = options.epochs or (None if options.table else EPOCHS)
    fixed = dict.fromkeys(("epochs", "patience", "pretrain_epochs"), epochs)
    settings = {
        "reduce": options.reduce,
        "training": options.training,
        "hidden": options.hidden,
        "latent": options.latent,
        "batch": options.batch,
    }
    size = BenchmarkSize(
        options.rows,
        options.dims,
        options.models,
        options.fusion,
        change(Settings(), {**(fixed if epochs else {}), **settings}),
        options.seed,
    )
    if options.table:
        table_timing.run(say, device, size)
    else:
        run(say, device, size, rounds=options.rounds, rate=rate)


def run(
    say: Callable[[str], object],
    device: str,
    size: BenchmarkSize,
    *,
    rounds: int,
    rate: MeasureThroughput,
) -> None:
    """Measure all training loops and print a table.

    Args:
        say: prints a line
        device: "cpu" or "cuda"
        size: rows, models and settings
        rounds: number of measurements of each loop; the fastest counts
        rate: measures the GEMM throughput of a device
    """
    tasks = random_embeddings.random_tasks(size, device)
    shape = " + ".join(map(str, size.dims))
    settings = size.settings
    say(
        f"{size.models} models of {size.fusion}, {settings.epochs} epochs; {size.rows} "
        f"synthetic utterances of {shape} features, seed {size.seed}; reduce "
        f"{settings.reduce}, {settings.training}, hidden {settings.hidden}, batch "
        f"{settings.batch}; {device}, {torch.get_num_threads()} threads"
    )
    # Warm up: a process initialises its libraries once.
    measure(
        random_embeddings.random_tasks(random_embeddings.warm_up_size(size), device), 1
    )
    limits = [rate(device, torch.float32)]
    times = measure(tasks, rounds)
    limits.append(rate(device, torch.float32))
    needed = count_flops(tasks)
    say(
        f"GEMM throughput: {limits[0] / 1e9:.0f} GFLOP/s before, "
        f"{limits[1] / 1e9:.0f} after; the training needs {needed / 1e9:.0f} GFLOP"
    )
    passes = size.models * settings.epochs
    for line in table_lines(times, passes, needed, max(limits)):
        say(line)


def measure(tasks: list[ModelTask], rounds: int) -> dict[str, float]:
    """Return the seconds of each training loop, the fastest of several rounds.

    Args:
        tasks: tasks to train
        rounds: number of measurements; loops take turns in each
    """
    standard = training_loops.StandardisedModel(tasks[0])
    with TemporaryDirectory() as folder:
        files, tensors = standard.files(Path(folder)), standard.tensors()
        loops: dict[str, Callable[[], object]] = {
            "one HDF5 data set per utterance, DataLoader": lambda: training_loops.train(
                files, standard, tasks
            ),
            "TensorDataset, DataLoader": lambda: training_loops.train(
                tensors, standard, tasks
            ),
            AFFUSE: lambda: train_in_groups(tasks),
        }
        times: dict[str, list[float]] = {name: [] for name in loops}
        for _ in range(rounds):
            for name, loop in loops.items():
                times[name].append(_seconds(loop))
    return {name: min(seconds) for name, seconds in times.items()}


def train_in_groups(tasks: list[ModelTask]) -> None:
    """Train tasks as stage two does.

    Args:
        tasks: tasks to train

    Raises:
        AffuseError: if the training of a model fails
    """
    for _, result in fit_all(tasks):
        if isinstance(result, AffuseError):
            raise result


def _seconds(work: Callable[[], object]) -> float:
    """Return the seconds that a call takes, GPU work included."""
    began = time.perf_counter()
    work()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - began


def count_flops(tasks: list[ModelTask]) -> float:
    """Return the FLOPs of all matrix products that the results need.

    PyTorch counts them; a multiplication and an addition are two. Rows that only pad
    batches do not count.

    Args:
        tasks: tasks of one size
    """
    task, settings = tasks[0], tasks[0].settings
    standard = training_loops.StandardisedModel(task)
    system = System(task.fusion, standard.blank, targets=TARGETS, settings=settings)
    system.to(task.rows.truth.device)
    rows = len(task.train), len(task.validation)
    total = 0.0
    few = {m: x[: settings.batch] for m, x in standard.train.features.items()}
    truth = standard.train.truth[: settings.batch]
    for each in training_loops.objectives(system, settings):
        with FlopCounterMode(display=False) as counter:
            each(few, truth).backward()
        total += counter.get_total_flops() / len(truth) * rows[0]
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            system.fusion(system.eval().encode(few))
        system.train()
        total += counter.get_total_flops() / len(truth) * rows[1]
    return total * settings.epochs * len(tasks)


def table_lines(
    times: Mapping[str, float], passes: int, needed: float, limit: float
) -> list[str]:
    """Return the lines of the table.

    Args:
        times: seconds of each training loop
        passes: number of models times number of epochs
        needed: FLOPs of all passes
        limit: GEMM throughput of the device, in FLOP/s
    """
    rows = [HEADER]
    for name, seconds in times.items():
        rows.append(
            (
                name,
                f"{seconds:.2f}",
                f"{1e3 * seconds / passes:.1f}",
                f"{seconds / times[AFFUSE]:.1f} x as fast",
                f"{needed / seconds / 1e9:.1f}",
                f"{needed / seconds / limit:.0%}",
            )
        )
    return list(align_columns(rows))
