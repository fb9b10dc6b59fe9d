"""Benchmark of reading a corpus: a generated MSP-Podcast release of any size.

Processor time is measured, because it depends less on other programs than time by the
clock. The `csv` module reads the same table, and so does pandas if it is installed.
"""

import csv
import importlib
import importlib.util
import time
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from affuse.data.corpora.msp_podcast.podcast_writer import CONSENSUS
from affuse.data.options.source_options import BenchReading, CorpusSource
from affuse.data.reading import corpus_reading
from affuse.data.system.text_columns import align_columns

PODCAST = 40  # turns of one podcast
SPLITS = ("Train", "Train", "Train", "Development", "Test1", "Test2")
WORDS = "so we went to the market and then it rained all day long until the evening"
MEGABYTE = 2**20


def bench(print_line: Callable[[str], object], options: BenchReading) -> None:
    """Generate a release, measure and print the time and memory to read it.

    Args:
        print_line: function that prints one line of the result
        options: number of turns, and of measurements
    """
    with TemporaryDirectory() as folder:
        root = Path(folder)
        table = write_labels(root, options.turns)
        tasks = dict(_tables(table))
        times = {name: _seconds(task, options.rounds) for name, task in tasks.items()}
        source = CorpusSource(corpus="msp_podcast", root=root)
        name = "msp_podcast without transcripts"
        times[name] = _seconds(lambda: corpus_reading.read(source), options.rounds)
        write_transcripts(root, options.turns)
        name = "msp_podcast with transcripts"
        times[name] = _seconds(lambda: corpus_reading.read(source), options.rounds)
        peak = _peak(lambda: corpus_reading.read(source)) / MEGABYTE
    reference = next(iter(times))
    lines = [("reading", "processor time", f"relative to {reference}")]
    for name, seconds in times.items():
        ratio = seconds / max(times[reference], 1e-9)
        lines.append((name, f"{seconds:.3f} s", f"{ratio:.1f}"))
    for line in align_columns(lines):
        print_line(line)
    print_line(f"largest memory of {options.turns} turns: {peak:.1f} MiB")


def write_labels(root: Path, turns: int) -> Path:
    """Write the labels of a release and its empty recordings; return the table.

    Args:
        root: empty folder
        turns: number of turns
    """
    for name in ("Labels", "Audios"):
        (root / name).mkdir()
    table = root / "Labels" / "labels_consensus.csv"
    with table.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(CONSENSUS)
        for number in range(turns):
            name = f"{_stem(number)}.wav"
            means = (f"{1 + 6 * (number * k % 61) / 60:.6f}" for k in (7, 11, 17))
            who = (str(number // 90), "Male", SPLITS[number % len(SPLITS)])
            rows.writerow((name, "N", *means, *who))
            (root / "Audios" / name).touch()
    return table


def write_transcripts(root: Path, turns: int) -> None:
    """Write a transcript of each turn.

    Args:
        root: folder of the release
        turns: number of turns
    """
    (root / "Transcripts").mkdir()
    for number in range(turns):
        path = root / "Transcripts" / f"{_stem(number)}.txt"
        path.write_text(f"{number} {WORDS}", encoding="utf-8")


def _stem(number: int) -> str:
    return f"MSP-PODCAST_{number // PODCAST:04d}_{number % PODCAST:04d}"


def _tables(table: Path) -> Iterator[tuple[str, Callable[[], object]]]:
    """Yield the other ways to read the table, pandas first if it is installed."""
    if importlib.util.find_spec("pandas"):  # it is no dependency of this project
        pandas = importlib.import_module("pandas")
        yield "pandas", lambda: pandas.read_csv(table)
    yield "csv", lambda: _read_csv(table)


def _read_csv(table: Path) -> list[list[str]]:
    with table.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def _seconds(task: Callable[[], object], rounds: int) -> float:
    """Return the smallest processor time of a task, in seconds."""
    times = []
    for _ in range(rounds):
        began = time.process_time()
        result = task()
        times.append(time.process_time() - began)
        del result  # releasing it is not measured
    return min(times)


def _peak(task: Callable[[], object]) -> int:
    """Return the largest memory that a task allocates, in bytes."""
    tracemalloc.start()
    try:
        task()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
