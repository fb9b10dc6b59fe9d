"""Benchmark command of fine-tuning: two training loops, and GEMM throughput."""

from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from affuse.data.errors import AffuseError
from affuse.data.options.bench_options import BenchFinetune
from affuse.data.system.text_columns import align_columns
from affuse.extract.audio.decoding import SAMPLE_RATE
from affuse.extract.encoding.choices import Machine
from affuse.extract.encoding.gemm_throughput import choose_dtype, measure_throughput
from affuse.extract.finetune.adapters import demand_accelerate
from affuse.extract.finetune.bench import peak_memory, random_task
from affuse.extract.finetune.bench.random_task import TaskSize
from affuse.extract.finetune.bench.training_ways import (
    TrainingSpeed,
    measure_finetune,
    measure_ordinary_loop,
)
from affuse.extract.finetune.fold_inputs import FoldPart

LOSS_BATCH = {"cpu": 16, "cuda": 128}
AFFUSE = "affuse"
WAYS = {
    AFFUSE: measure_finetune,
    "ordinary loop, padded batches": measure_ordinary_loop,
}
HEADER = (
    "way",
    "utterances a step",
    "s a step",
    "utterances/s",
    "{unit}/s",
    "affuse is",
    "useful",
    "MFU",
    "peak GiB",
)


def bench(say: Callable[[str], object], options: BenchFinetune) -> None:
    """Measure and print with the options of the command line; see `run`.

    Args:
        say: prints a line
        options: of the command line
    """
    demand_accelerate()
    machine = Machine.of(options, progress=False)
    kind = "cuda" if machine.device.startswith("cuda") else "cpu"
    dtype, layers = options.dtype, options.layers_trained
    if (dtype, kind) == ("auto", "cpu"):  # the default of `finetune` on a CPU
        dtype = "float32"
    size = TaskSize(
        model=options.model,
        fusion=options.fusion,
        batch=options.batch,
        loss_batch=options.loss_batch or LOSS_BATCH[kind],
        steps=options.steps,
        dtype=choose_dtype(dtype, machine.device),
        hold=options.hold,
        checkpointing=options.checkpointing,
        layers_trained=-1 if layers is None else layers,
        seed=options.seed,
    )
    run(say, machine, size)


def run(say: Callable[[str], object], machine: Machine, size: TaskSize) -> None:
    """Measure all training loops, and print a table.

    Args:
        say: prints a line
        machine: device and threads
        size: model, data and training

    Raises:
        AffuseError: if memory runs out, or the model has fewer blocks than are to be
            trained
    """
    torch.set_num_threads(machine.threads)
    device, dtype = machine.device, getattr(torch, size.dtype)
    part = random_task.utterances(size)
    amount, unit = _amount(part)
    say(
        f"fine-tuning {size.fusion} with encoders {size.model}, random weights, "
        f"{size.dtype}; {len(part)} generated utterances of {amount:.0f} {unit} in "
        f"all, {size.batch} at once, seed {size.seed}; {machine.device_name}"
    )
    limits = [measure_throughput(device, dtype)]
    measured = measure(size, device)
    limits.append(measure_throughput(device, dtype))
    needed = random_task.operations(size, part)
    say(
        f"matrix products: {limits[0] / 1e9:.0f} GFLOP/s before, "
        f"{limits[1] / 1e9:.0f} after; the encoders need {needed / 1e9:.0f} GFLOP for "
        f"one forward and one backward pass"
    )
    say(f"peak: {peak_memory.description(device)}")
    for line in table(measured, len(part), amount, unit, needed / max(limits)):
        say(line)


def _amount(part: FoldPart) -> tuple[float, str]:
    """Return the amount of input and its unit: seconds of audio, or tokens."""
    speech = "audio" in part.inputs
    total = float(sum(map(len, part.inputs["audio" if speech else "text"])))
    return (total / SAMPLE_RATE, "audio-s") if speech else (total, "tokens")


def measure(size: TaskSize, device: str) -> dict[str, TrainingSpeed]:
    """Measure each training loop, by name; each frees its memory before the next.

    Args:
        size: model, data and training
        device: torch device

    Raises:
        AffuseError: if memory runs out
    """
    speeds = {}
    for name, way in WAYS.items():
        try:
            with TemporaryDirectory() as folder:
                speeds[name] = way(size, device, Path(folder))
        except torch.OutOfMemoryError as error:
            raise AffuseError(
                f"memory ran out in '{name}' with {size.batch} utterances at once; "
                f"take a smaller --batch or --model, --checkpointing, or "
                f"--layers-trained"
            ) from error
    return speeds


def table(
    measured: Mapping[str, TrainingSpeed],
    count: int,
    amount: float,
    unit: str,
    shortest: float,
) -> list[str]:
    """Return the lines of the table.

    Args:
        measured: speed of each training loop, by name
        count: number of utterances in a pass over the data
        amount: seconds of audio, or tokens, in a pass over the data
        unit: of the amount
        shortest: seconds that the operations take at the measured GEMM throughput
    """
    best = measured[AFFUSE].seconds
    rows = [tuple(title.format(unit=unit) for title in HEADER)]
    for name, m in measured.items():
        rows.append(
            (
                name,
                f"{count / m.steps:.0f}",
                f"{m.seconds / m.steps:.3f}",
                f"{count / m.seconds:.1f}",
                f"{amount / m.seconds:.1f}",
                f"{m.seconds / best:.2f} x as fast",
                f"{m.useful:.0%}",
                f"{shortest / m.seconds:.0%}",
                "" if m.peak is None else f"{m.peak / 2**30:.2f}",
            )
        )
    return list(align_columns(rows))
