"""The bench command of fine-tuning: our steps, an ordinary loop's, and the limit."""

from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from affuse.data.errors import AffuseError
from affuse.data.options.bench_options import BenchFinetune
from affuse.data.system.text_columns import columns
from affuse.extract.audio.decoding import SAMPLE_RATE
from affuse.extract.bench.encoder_bench import device_name
from affuse.extract.encoding.choices import Machine
from affuse.extract.encoding.gemm_throughput import choose_dtype, products
from affuse.extract.finetune.adapters import demand_accelerate
from affuse.extract.finetune.bench import peak_memory, random_task
from affuse.extract.finetune.bench.random_task import TaskSize
from affuse.extract.finetune.bench.training_ways import TrainingSpeed, ordinary, ours
from affuse.extract.finetune.fold_inputs import FoldPart

LOSS_BATCH = {"cpu": 16, "cuda": 128}
OURS = "affuse"
WAYS = {OURS: ours, "ordinary loop, padded batches": ordinary}
HEADER = (
    "way",
    "utterances a step",
    "s a step",
    "utterances/s",
    "{unit}/s",
    "affuse is",
    "useful",
    "of the limit",
    "peak GiB",
)


def bench(say: Callable[[str], object], options: BenchFinetune) -> None:
    """Measure as the options of the command line say; see `run`."""
    demand_accelerate()
    machine = Machine.of(options, progress=False)
    kind = "cuda" if machine.device.startswith("cuda") else "cpu"
    dtype, layers = options.dtype, options.layers_trained
    if (dtype, kind) == ("auto", "cpu"):  # as `finetune` has it
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
    """Measure and print.

    Raises:
        AffuseError: if memory runs out, or more blocks are to be trained than there are
    """
    torch.set_num_threads(machine.threads)
    device, dtype = machine.device, getattr(torch, size.dtype)
    part = random_task.utterances(size)
    amount, unit = _amount(part)
    say(
        f"fine-tuning {size.fusion} with encoders {size.model}, random weights, "
        f"{size.dtype}; {len(part)} made-up utterances of {amount:.0f} {unit} in all, "
        f"{size.batch} at once, seed {size.seed}; {device_name(machine)}"
    )
    limits = [products(device, dtype)]
    measured = measure(size, device)
    limits.append(products(device, dtype))
    needed = random_task.operations(size, part)
    say(
        f"matrix products: {limits[0] / 1e9:.0f} GFLOP/s before, "
        f"{limits[1] / 1e9:.0f} after; the encoders need {needed / 1e9:.0f} GFLOP, "
        f"once forward and once back"
    )
    say(f"peak: {peak_memory.what(device)}")
    for line in table(measured, len(part), amount, unit, needed / max(limits)):
        say(line)


def _amount(part: FoldPart) -> tuple[float, str]:
    """How much there is to encode: seconds of audio, or tokens."""
    speech = "audio" in part.inputs
    total = float(sum(map(len, part.inputs["audio" if speech else "text"])))
    return (total / SAMPLE_RATE, "audio-s") if speech else (total, "tokens")


def measure(size: TaskSize, device: str) -> dict[str, TrainingSpeed]:
    """Each way, by name; what one held is given back before the next begins."""
    found = {}
    for name, way in WAYS.items():
        try:
            with TemporaryDirectory() as folder:
                found[name] = way(size, device, Path(folder))
        except torch.OutOfMemoryError as error:
            raise AffuseError(
                f"memory ran out in '{name}' with {size.batch} utterances at once; "
                f"take a smaller --batch or --model, --checkpointing, or "
                f"--layers-trained"
            ) from error
    return found


def table(
    measured: Mapping[str, TrainingSpeed],
    count: int,
    amount: float,
    unit: str,
    shortest: float,
) -> list[str]:
    """Lines of columns.

    Args:
        count: utterances of a pass
        amount: seconds of audio, or tokens, of a pass
        shortest: seconds that the needed arithmetic would take at the limit
    """
    best = measured[OURS].seconds
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
    return list(columns(rows))
