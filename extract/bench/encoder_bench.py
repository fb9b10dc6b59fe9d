"""Benchmark command of stage one: implementations side by side, and GEMM throughput."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch

from affuse.data.errors import AffuseError
from affuse.data.options.bench_options import BenchExtract
from affuse.data.records import Corpus, Utterance
from affuse.data.system.text_columns import align_columns
from affuse.extract.audio.decoding import SAMPLE_RATE
from affuse.extract.bench.encoding_ways import EncodingTask, Way, ways
from affuse.extract.bench.random_models import MAKERS, SIZES, text_of
from affuse.extract.caching.extraction import extract
from affuse.extract.encoding.choices import Choice, Machine
from affuse.extract.encoding.gemm_throughput import (
    choose_dtype,
    measure_seconds,
    measure_throughput,
)

COUNT = {
    ("audio", "cpu"): 32,
    ("audio", "cuda"): 2_000,
    ("text", "cpu"): 512,
    ("text", "cuda"): 20_000,
}
FROM_FILES = "affuse, from files into the cache"
HEADER = (
    "way",
    "seconds",
    "{unit}/s",
    "affuse is",
    "useful",
    "MFU",
    "differs",
)


@dataclass(frozen=True)
class EncodingSpeed:
    """Measured speed of one implementation."""

    seconds: float
    useful: float | None  # share of the input that was no padding
    # largest difference from the embeddings of "one by one", relative to their largest
    # absolute value
    differs: float | None


def bench(say: Callable[[str], object], options: BenchExtract) -> None:
    """Measure and print with the options of the command line.

    Args:
        say: called with each line
        options: encoder, inputs, rounds, dtype, and the device with its threads
    """
    run(say, Machine.of(options, progress=False), options)


def run(say: Callable[[str], object], machine: Machine, options: BenchExtract) -> None:
    """Measure and print a table of implementations.

    Args:
        say: called with each line
        machine: device and resources
        options: encoder, inputs, rounds and dtype; its device and threads are ignored

    Raises:
        AffuseError: if the modality has no encoder of the size
    """
    modality, seed = options.modality, options.seed
    dtype = choose_dtype(options.dtype, machine.device)
    size = options.size or SIZES[modality][0]
    if size not in SIZES[modality]:
        raise AffuseError(f"--size {size}: {modality} has {', '.join(SIZES[modality])}")
    torch.set_num_threads(machine.threads)
    kind = "cuda" if machine.device.startswith("cuda") else "cpu"
    count = options.count or COUNT[modality, kind]
    task = MAKERS[modality](size, count, machine, dtype, seed)
    amount, unit = _amount(task)
    say(
        f"{modality} encoder {size}, random weights, {dtype}; {count} generated inputs "
        f"of {amount:.0f} {unit} in all, seed {seed}; {machine.device_name}"
    )
    limits = [measure_throughput(machine.device, getattr(torch, dtype))]
    measured = _measure(task, machine, options.rounds, modality, dtype)
    limits.append(measure_throughput(machine.device, getattr(torch, dtype)))
    say(
        f"matrix products: {limits[0] / 1e9:.0f} GFLOP/s before, "
        f"{limits[1] / 1e9:.0f} after; the encoder needs {task.flops / 1e9:.0f} GFLOP"
    )
    for line in table(measured, amount, unit, task.flops / max(limits)):
        say(line)


def _amount(task: EncodingTask) -> tuple[float, str]:
    """Return the amount of input and its unit: seconds of audio, or tokens."""
    total = float(sum(len(x) for x in task.inputs))
    return (total / SAMPLE_RATE, "audio-s") if task.speech else (total, "tokens")


def _measure(
    task: EncodingTask, machine: Machine, rounds: int, modality: str, dtype: str
) -> dict[str, EncodingSpeed]:
    """Measure each implementation in turn, `rounds` times; the fastest counts."""
    implementations = ways(task)
    times: dict[str, list[float]] = {}
    embeddings: dict[str, np.ndarray] = {}
    for _ in range(rounds):
        for name, way in implementations.items():

            def keep(name: str = name, way: Way = way) -> None:
                embeddings[name] = way.run()

            times.setdefault(name, []).append(measure_seconds(keep, machine.device))
        from_files = _from_files(task, machine, modality, dtype)
        times.setdefault(FROM_FILES, []).append(from_files)
    reference = embeddings["one by one"]
    measured = {}
    for name, way in implementations.items():
        differs = float(
            np.abs(embeddings[name] - reference).max() / np.abs(reference).max()
        )
        measured[name] = EncodingSpeed(min(times[name]), way.useful, differs)
    return measured | {FROM_FILES: EncodingSpeed(min(times[FROM_FILES]), None, None)}


def _from_files(
    task: EncodingTask, machine: Machine, modality: str, dtype: str
) -> float:
    """Return the seconds of stage one: reading, decoding, encoding, writing parts."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        utterances = tuple(_utterances(task, folder))
        corpus = Corpus("bench", folder, utterances, scale=None, protocol="")
        choice = Choice(modality, checkpoint="random", dtype=dtype)
        cache = folder / "cache"
        return measure_seconds(
            lambda: extract(corpus, choice, machine, cache, encoder=task.build.encoder),
            machine.device,
        )


def _utterances(task: EncodingTask, folder: Path) -> Iterator[Utterance]:
    """Yield the inputs as utterances; recordings are written as 16-bit WAV files."""
    if not task.speech:
        for i, tokens in enumerate(task.inputs):
            yield Utterance(f"u{i}", text=text_of(tokens))
        return
    import soundfile

    for i, wave in enumerate(task.inputs):
        path = folder / f"{i}.wav"
        soundfile.write(path, 0.1 * wave, SAMPLE_RATE)
        yield Utterance(f"u{i}", audio=path)


def table(
    measured: Mapping[str, EncodingSpeed], amount: float, unit: str, shortest: float
) -> list[str]:
    """Return the lines of the table.

    Args:
        measured: speed by name of the implementation
        amount: of input
        unit: of the amount
        shortest: seconds that the needed arithmetic takes at the GEMM throughput
    """
    affuse_seconds = measured["affuse"].seconds
    rows = [tuple(title.format(unit=unit) for title in HEADER)]
    for name, m in measured.items():
        rows.append(
            (
                name,
                f"{m.seconds:.2f}",
                f"{amount / m.seconds:.1f}",
                f"{m.seconds / affuse_seconds:.2f} x as fast",
                "" if m.useful is None else f"{m.useful:.0%}",
                f"{shortest / m.seconds:.0%}",
                "" if m.differs is None else f"{m.differs:.0e}",
            )
        )
    return list(align_columns(rows))
