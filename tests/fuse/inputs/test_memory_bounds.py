"""Training on a synthetic cache stays within its memory limit.

Only anonymous memory counts. Pages of a scratch file are in the page cache, which the
system reduces when it needs memory.
"""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from learnable_corpus import recipe
from locations import ROOT

from affuse.data.cache import corpus_table, parts
from affuse.data.cache.parts import Part
from affuse.data.records import Corpus, Utterance

STATUS = Path("/proc/self/status")
ROWS, PART = 80_000, 2_000
SHAPES = {"audio": (1, 1024), "text": (1, 768)}  # 7 kB a row, 573 MB together
BUDGET = 0.1  # GiB
# Beside the budget: a part, pieces and what is made of them, batches, and records of
# 80,000 utterances; for `early` 481 MiB were measured in all
WORKING = 480 << 20
TRAIN = """
import sys, threading, time
from affuse import cli
import affuse.fuse.commands.training_commands, affuse.fuse.models.baselines
import scipy.linalg, sklearn.decomposition

def anonymous():
    with open("/proc/self/status") as file:
        return 1024 * next(int(s.split()[1]) for s in file if s.startswith("RssAnon"))

def watch():
    global most
    while True:
        most = max(most, anonymous())
        time.sleep(0.005)

before = most = anonymous()
threading.Thread(target=watch, daemon=True).start()
try:
    cli.main(sys.argv[1:])
finally:
    print("anonymous", most - before)
"""


def utterances():
    rng = np.random.default_rng(0)
    for row, rated in enumerate(rng.uniform(1, 5, (ROWS, 3)).round(2).tolist()):
        yield Utterance(
            id=f"u{row:06d}",
            ratings=dict(zip(("valence", "arousal", "dominance"), rated, strict=True)),
            speaker=f"s{row % 50}",
            session=str(row % 5 + 1),
            dialogue=f"d{row // 100}",
        )


def made(cache):
    """A corpus of random ratings and embeddings, with nothing to learn."""
    found = tuple(utterances())
    corpus_table.save(
        Corpus("toy", cache, found, (1.0, 5.0), "session5-strict", nature="synthetic"),
        cache,
    )
    rng = np.random.default_rng(1)
    for modality, shape in SHAPES.items():
        of = recipe(modality, layers=tuple(range(shape[0])))
        folder = cache / "toy" / of.folder()
        for number in range(ROWS // PART):
            rows = range(number * PART, (number + 1) * PART)
            part = Part(
                ids=tuple(found[row].id for row in rows),
                contents=tuple(f"{row:032x}" for row in rows),
                vectors=tuple(rng.standard_normal((PART, *shape), np.float32)),
            )
            path = parts.part_path(folder, number)
            parts.write(path, part, recipe=of, parts=ROWS // PART, versions={})


def grown(folder, *words):
    """Most bytes of anonymous memory that training added."""
    where = ("--cache", folder / "cache", "--runs", folder / "runs", "--threads", 1)
    quick = ("--set", "epochs=1", "--set", "hidden=32", "--seeds", 1)
    command = ("train", "--set", "batch=512", *words, *where, *quick)
    run = subprocess.run(
        [sys.executable, "-c", TRAIN, *(str(word) for word in command)],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    return int(run.stdout.rpartition("anonymous ")[2])


@pytest.mark.slow
@pytest.mark.skipif(
    not STATUS.is_file() or "RssAnon" not in STATUS.read_text(),
    reason="the system does not tell anonymous memory",
)
def test_training_stays_within_the_memory_limit(tmp_path, monkeypatch):
    monkeypatch.delenv("TMPDIR", raising=False)
    made(tmp_path / "cache")
    words = ("--fusion", "ridge", "--fusion", "early")
    most = grown(tmp_path, *words, "--memory", BUDGET)
    assert most < BUDGET * 2**30 + WORKING
