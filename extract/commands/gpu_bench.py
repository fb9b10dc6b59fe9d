"""Benchmarks of a GPU in one go: one JSON file, and the tables of each benchmark.

Each benchmark runs in a process of its own, so that a failure or a lack of memory costs
only that one, and the memory of the device is free again.
"""

import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path

import torch

import affuse
from affuse.data.options.feed_bench_options import BenchGpu
from affuse.data.system.atomic_files import publish
from affuse.extract.bench import encoder_bench, encoding_ways

CELL = re.compile(r"\S+(?: \S+)*")  # cell of a table; two spaces divide cells
START = "from affuse import cli; cli.main()"  # as an installed program starts
FAILED = "failed"
OPEN = "open"  # state of a goal that was not measured on a GPU

# Arguments of each benchmark: on a GPU, and in the tiny mode for tests.
COMMANDS: Mapping[str, tuple[str, str]] = {
    "speech": (
        "bench extract --dtype bfloat16 --size large12",
        "bench extract --size tiny --count 3 --rounds 1",
    ),
    "text": (
        "bench extract --modality text --dtype bfloat16",
        "bench extract --modality text --size tiny --count 8 --rounds 1",
    ),
    "feed": (
        "bench feed",
        "bench feed --count 3 --long 0 --texts 20 --format wav --rounds 1 --threads 1",
    ),
    "finetune": (
        "bench finetune --model large12 --batch 8 --dtype bfloat16",
        "bench finetune --model tiny --batch 4 --loss-batch 8 --steps 1",
    ),
    "table, pretrained autoencoders": (
        "bench train --table --training pretrain",
        "bench train --rows 300 --dims 8 8 --models 1 --epochs 1 --training pretrain",
    ),
    "table, joint training": (
        "bench train --table --training joint",
        "bench train --rows 300 --dims 8 8 --models 1 --epochs 1 --training joint",
    ),
}
TESTS = "tests marked gpu"


@dataclass(frozen=True)
class BenchmarkResult:
    """Output of one benchmark."""

    name: str
    command: str
    seconds: float  # wall time of the process
    status: int  # exit status
    lines: tuple[str, ...]  # that it printed

    def cell(self, row: str, column: str) -> str:
        """Return a cell of the printed table; "" if there is none.

        Args:
            row: first cell of its row
            column: its title
        """
        end = -1  # of the column, whose cells are aligned to the right
        for line in self.lines:
            cells = {cell.end(): cell[0] for cell in CELL.finditer(line)}
            ends = {title: place for place, title in cells.items()}
            if column in ends:
                end = ends[column]
            elif end in cells and line.startswith(f"{row}  "):
                return cells[end]
        return ""


@dataclass(frozen=True)
class Goal:
    """Goal on a GPU, and the measured value."""

    text: str
    measured: str  # OPEN without a GPU, FAILED if the table lacks the value


def bench(say: Callable[[str], object], options: BenchGpu) -> bool:
    """Run all benchmarks, print their tables, and write one JSON file.

    Args:
        say: called with each line
        options: file to write, and whether to run the tiny mode

    Returns:
        True if every benchmark succeeded
    """
    has_gpu = torch.cuda.is_available() and not options.tiny
    device = torch.cuda.get_device_name() if has_gpu else "no CUDA device"
    say(f"{device}, torch {torch.__version__}")
    if not has_gpu and not options.tiny:
        say("there is no CUDA device, so nothing is measured, and all goals are open")
    results = []
    for result in _results(options.tiny) if has_gpu or options.tiny else ():
        results.append(result)
        say(f"{result.name}: {result.command} ({result.seconds:.0f} s)")
        for line in result.lines:
            say(f"  {line}")
    goals = measured_goals(results if has_gpu else ())
    for goal in goals:
        say(f"goal: {goal.text}; measured: {goal.measured}")
    content = {
        "device": device,
        "torch": torch.__version__,
        "tiny": options.tiny,
        "benchmarks": [asdict(result) for result in results],
        "goals": [asdict(goal) for goal in goals],
    }
    publish(options.output, f"{json.dumps(content, indent=1)}\n".encode())
    say(f"all figures are in {options.output}")
    return all(result.status == 0 for result in results)


def _results(tiny: bool) -> Iterator[BenchmarkResult]:
    """Run each benchmark, and yield its result."""
    for name, commands in COMMANDS.items():
        words = commands[tiny].split()
        yield _run(name, [sys.executable, "-c", START, *words], " ".join(words))
    tests = Path(affuse.__file__).with_name("tests")
    if not tiny and tests.is_dir() and find_spec("pytest"):
        words = ["-m", "pytest", "-q", "-m", "gpu", str(tests)]
        yield _run(TESTS, [sys.executable, *words], "pytest -q -m gpu")


def _run(name: str, words: Sequence[str], command: str) -> BenchmarkResult:
    began = time.monotonic()
    done = subprocess.run(
        words, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
    )
    seconds = time.monotonic() - began
    lines = tuple(line for line in done.stdout.splitlines() if "\r" not in line)
    return BenchmarkResult(name, command, seconds, done.returncode, lines)


def measured_goals(results: Sequence[BenchmarkResult]) -> list[Goal]:
    """Return the goals with the values that the benchmarks measured.

    Args:
        results: of a GPU; none if there is no GPU
    """
    by_name = {result.name: result for result in results}
    speech, text = by_name.get("speech"), by_name.get("text")
    joint = by_name.get("table, joint training")
    return [
        Goal("speech from files at least 0.8 of the encoder alone", _share(speech)),
        Goal("50 % MFU, speech, compiled", _mfu(speech, encoding_ways.COMPILED)),
        Goal("25 % MFU, text", _mfu(text, "affuse")),
        Goal("the joint table in under 20 s", _table_seconds(joint)),
    ]


def _share(result: BenchmarkResult | None) -> str:
    """Return the speed from files relative to that of the encoder alone."""
    if result is None:
        return OPEN
    rows = ("affuse", encoder_bench.FROM_FILES)
    alone, files = (result.cell(row, "seconds") for row in rows)
    return f"{float(alone) / float(files):.2f}" if alone and files else FAILED


def _mfu(result: BenchmarkResult | None, row: str) -> str:
    return OPEN if result is None else result.cell(row, "MFU") or FAILED


def _table_seconds(result: BenchmarkResult | None) -> str:
    """Return the seconds of the training of a table, from the line that states them."""
    if result is None:
        return OPEN
    stated = re.search(r" in ([\d.]+) s: ", "\n".join(result.lines))
    return f"{stated[1]} s" if stated else FAILED
