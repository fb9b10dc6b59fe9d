"""Benchmark of reading a corpus: a generated MSP-Podcast release of any size.

Processor time is measured, because it depends less on other programs than time by the
clock. The `csv` module reads the same tables, and so does pandas if it is installed.
"""

import csv
import importlib
import importlib.util
import os
import time
import tracemalloc
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from affuse.data.corpora.msp_podcast.podcast_writer import CONSENSUS
from affuse.data.options.source_options import BenchReading, CorpusSource
from affuse.data.reading import corpus_reading
from affuse.data.system.text_columns import align_columns

PODCAST = 40  # turns of one podcast
RATERS = 5  # of a turn
SPLITS = ("Train", "Train", "Train", "Development", "Test1", "Test2")
WORDS = "so we went to the market and then it rained all day long until the evening"
MEGABYTE = 2**20


def bench(print_line: Callable[[str], object], options: BenchReading) -> None:
    """Generate a release, measure and print the time and memory to read it.

    Args:
        print_line: function that prints one line of the result
        options: number of turns, and of measurements
    """
    lines = [("files: reader", "processor time", "relative to the first of them")]
    with TemporaryDirectory() as folder:
        root = Path(folder)
        source = CorpusSource(corpus="msp_podcast", root=root)

        def read() -> object:
            return corpus_reading.read(source)

        tables = [write_labels(root, options.turns)]
        tasks = {**_table_readers(tables), "msp_podcast": read}
        lines += _measure("labels", tasks, options.rounds)
        write_transcripts(root, options.turns)
        tasks = {
            **_table_readers(tables),
            "open and read each transcript": lambda: _read_transcripts(root),
            "msp_podcast": read,
        }
        lines += _measure("labels, transcripts", tasks, options.rounds)
        tables.append(write_raters(root, options.turns))
        tasks = {**_table_readers(tables), "msp_podcast": read}
        lines += _measure("all, with single ratings", tasks, options.rounds)
        peak = _peak(read) / MEGABYTE
    for line in align_columns(lines):
        print_line(line)
    print_line(f"largest memory of {options.turns} turns: {peak:.1f} MiB")


def _measure(
    files: str, tasks: Mapping[str, Callable[[], object]], rounds: int
) -> Iterator[tuple[str, str, str]]:
    """Yield a line for each way to read some files, relative to the first way."""
    times = {name: _seconds(task, rounds) for name, task in tasks.items()}
    first = max(next(iter(times.values())), 1e-9)
    for name, seconds in times.items():
        yield f"{files}: {name}", f"{seconds:.3f} s", f"{seconds / first:.1f}"


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
            raters = [_ratings(number, rater) for rater in range(RATERS)]
            means = (f"{sum(each) / RATERS:.6f}" for each in zip(*raters, strict=True))
            who = (str(number // 90), "Male", SPLITS[number % len(SPLITS)])
            rows.writerow((name, "N", *means, *who))
            (root / "Audios" / name).touch()
    return table


def write_raters(root: Path, turns: int) -> Path:
    """Write the table of single ratings, whose means are the labels; return it.

    Args:
        root: folder of the release
        turns: number of turns
    """
    table = root / "Labels" / "labels_detailed.csv"
    with table.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(("FileName", "EmoDetail"))
        for number in range(turns):
            for rater in range(RATERS):
                arousal, valence, dominance = _ratings(number, rater)
                rows.writerow(
                    (
                        f"{_stem(number)}.wav",
                        f"WORKER{(number + 11 * rater) % 9973:07d}; Neutral; "
                        f"Neutral,Concerned; A:{arousal:.6f}; V:{valence:.6f}; "
                        f"D:{dominance:.6f};",
                    )
                )
    return table


def _ratings(turn: int, rater: int) -> list[int]:
    """Return arousal, valence and dominance by one rater, from 1 to 7."""
    level = (turn // 7, turn // 49, turn // 343)
    return [1 + (each + (rater * turn) % (3 + k)) % 7 for k, each in enumerate(level)]


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


def _table_readers(tables: Sequence[Path]) -> dict[str, Callable[[], object]]:
    """Return the other ways to read tables, pandas first if it is installed."""
    readers: dict[str, Callable[[], object]] = {}
    if importlib.util.find_spec("pandas"):  # it is no dependency of this project
        pandas = importlib.import_module("pandas")
        readers["pandas"] = lambda: [pandas.read_csv(table) for table in tables]
    readers["csv"] = lambda: [_read_csv(table) for table in tables]
    return readers


def _read_csv(table: Path) -> list[list[str]]:
    with table.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def _read_transcripts(root: Path) -> list[bytes]:
    """Return the content of each transcript, by the fewest calls of the system."""
    contents = []
    for name in os.listdir(root / "Transcripts"):
        handle = os.open(f"{root}/Transcripts/{name}", os.O_RDONLY)
        contents.append(os.read(handle, 2**13))
        os.close(handle)
    return contents


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
