"""Benchmark of digests: time to read the files of a run with and without them."""

import shutil
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from safetensors.numpy import load

from affuse.data.runs.run_folder import ModelFolder, RunFolder
from affuse.data.runs.run_predictions import read_run
from affuse.data.system import digests
from affuse.data.system.regular_files import WEIGHTS
from affuse.data.system.text_columns import align_columns


def bench(print_line: Callable[[str], object], run: Path, *, rounds: int) -> None:
    """Measure and print the time to read a run with digests and without.

    Args:
        print_line: function that prints one line of the result
        run: a finished run folder
        rounds: number of measurements with and without; the fastest ones count

    Raises:
        AffuseError, FileNotFoundError: as in `read_run`
    """
    with TemporaryDirectory() as folder:
        bare = Path(folder) / run.name
        shutil.copytree(run, bare, ignore=shutil.ignore_patterns(digests.MANIFEST))
        lines = [("reading", "with digests", "without", "ratio")]
        for name, task in (("tables", _tables), ("weights", _weights)):
            both = [(_seconds(task, run), _seconds(task, bare)) for _ in range(rounds)]
            checked, plain = (min(times) for times in zip(*both, strict=True))
            cells = (f"{1e3 * checked:.1f} ms", f"{1e3 * plain:.1f} ms")
            lines.append((name, *cells, f"{checked / plain:.3f}"))
    for line in align_columns(lines):
        print_line(line)


def _tables(run: Path) -> None:
    read_run(run)


def _weights(run: Path) -> None:
    for model in RunFolder(run).models(file=ModelFolder.weights):
        load(digests.content(model.weights, limit=WEIGHTS))


def _seconds(task: Callable[[Path], None], run: Path) -> float:
    began = time.perf_counter()
    task(run)
    return time.perf_counter() - began
