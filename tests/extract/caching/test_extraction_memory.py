"""Memory of stage one, which grows with a corpus only by its records."""

import csv
import random
import subprocess
import sys
import tracemalloc
from pathlib import Path

import pytest
from click.testing import CliRunner
from locations import ROOT
from part_limits import limit_parts
from spoken_corpus import WORDS

from affuse import cli
from affuse.data.cache import store

STATUS = Path("/proc/self/status")
# A row of the tables here takes about 700 bytes: 400 as an `Utterance` (an object of 15
# fields, its id, its text and its ratings), 200 as a `Source` (with the digest of its
# input), the rest in the plan of the parts. Its embedding would be 4 kB more with the
# large model, and its array alone, without the numbers, 112 bytes.
OBJECTS = 800  # bytes a row that Python and numpy ask for
# The same with what the allocators add; about 880 were measured from 2,000 to 100,000
RESIDENT = 1200  # bytes a row
SLACK = 12 * 2**20  # bytes, of pages that are there or not by chance
EXTRACT = """
import sys
from pathlib import Path
from affuse import cli
try:
    cli.main(sys.argv[1:])
finally:
    print(*(s for s in Path("/proc/self/status").open() if s.startswith("VmHWM:")))
"""


def manifest(folder, count):
    """Write a table of short texts with ratings, by a hundred speakers."""
    rng = random.Random(0)
    folder.mkdir()
    with (folder / "table.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(("id", "text", "speaker", "valence", "arousal", "dominance"))
        for number in range(count):
            words = " ".join(rng.choices(WORDS, k=rng.randint(3, 8)))
            ratings = [rng.randint(10, 50) / 10 for _ in range(3)]
            row = (f"u{number:06d}", words, f"speaker {number % 100}", *ratings)
            table.writerow(row)


def words(folder):
    """Return the command line that encodes the texts of a folder."""
    options = ("--scale", "1", "5", "--text-checkpoint", "tiny", "--threads", "1")
    found = ("extract", "manifest", folder, "--cache", folder / "cache", *options)
    return [str(word) for word in found]


def check(folder, count):
    """Assert that the cache has an embedding of every text."""
    (cache,) = store.find(folder / "cache")
    assert cache.complete
    assert cache.rows == count


def traced_peak(folder, count):
    """Return the peak bytes of Python and numpy objects while texts are encoded."""
    manifest(folder, count)
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        result = CliRunner().invoke(cli.main, words(folder))
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert result.exit_code == 0, result.output
    check(folder, count)
    return most - before


def resident_peak(folder, count):
    """Return the peak resident memory, in bytes, of a process that encodes texts."""
    manifest(folder, count)
    run = subprocess.run(
        [sys.executable, "-c", EXTRACT, *words(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    check(folder, count)
    return 1024 * int(run.stdout.rpartition("VmHWM:")[2].split()[0])


@pytest.mark.slow
def test_python_objects_grow_only_by_the_records(tmp_path, monkeypatch):
    limit_parts(monkeypatch, part_rows=256)
    manifest(tmp_path / "first", 1)
    CliRunner().invoke(cli.main, words(tmp_path / "first"))  # imports, made only once
    few, many = 512, 2_560
    less, more = (traced_peak(tmp_path / str(count), count) for count in (few, many))
    assert more - less < OBJECTS * (many - few)


@pytest.mark.slow
@pytest.mark.skipif(
    not STATUS.is_file() or "VmHWM" not in STATUS.read_text(),
    reason="the system does not say how much memory a process ever had",
)
def test_resident_memory_grows_only_by_the_records(tmp_path):
    # one that ends each time, for what was had once may not be given back
    few, many = 2_000, 100_000
    less, more = (resident_peak(tmp_path / str(count), count) for count in (few, many))
    assert more - less < RESIDENT * (many - few) + SLACK
