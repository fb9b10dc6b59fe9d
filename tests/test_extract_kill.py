"""Stage one killed at any moment, resumed, and run twice at once.

Processes are forked from a server that has imported everything, so that each starts in
a tenth of a second.
"""

import multiprocessing
import os
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from spoken import corpus, images, rows, run

from data import parts, store
from extract import run as stage

UTTERANCES = 48
PART_ROWS = 3  # so that there are many moments between parts
KILLS = 10
pytestmark = pytest.mark.skipif(os.name == "nt", reason="processes are not forked here")


def work(root, cache, modality):
    """What one process does."""
    torch.set_num_threads(1)
    stage.PART_ROWS = {modality: PART_ROWS}
    outcome = run(corpus(Path(root), count=UTTERANCES), Path(cache), modality)
    (Path(cache) / f"{os.getpid()}.encoded").write_text(str(outcome.encoded))


@pytest.fixture(scope="module")
def start():
    """Start a process that extracts one modality; it is ended with the tests."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["extract.run", "extract.encoders.wav2vec2"])
    begun = []

    def begin(root, cache, modality):
        process = context.Process(target=work, args=(str(root), str(cache), modality))
        process.start()
        begun.append(process)
        return process

    yield begin
    for process in begun:
        process.kill()
        process.join()


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """A corpus, and what one process makes of it when left alone, by modality."""
    root = tmp_path_factory.mktemp("corpus")
    found = corpus(root, count=UTTERANCES)
    torch.set_num_threads(1)  # as in the processes: sums in another order differ
    kept = stage.PART_ROWS
    try:
        stage.PART_ROWS = dict.fromkeys(kept, PART_ROWS)
        whole = {m: run(found, root / "cache", m) for m in ("audio", "text")}
    finally:
        stage.PART_ROWS = kept
    return root, whole


def finish(process):
    process.join(timeout=60)
    assert process.exitcode == 0


def the_folder(cache):
    (folder,) = store.folders(cache)
    return folder


@pytest.mark.parametrize("modality", ["audio", "text"])
def test_killed_at_any_moment_and_resumed(tmp_path, start, undisturbed, modality):
    root, whole = undisturbed
    wanted = images(whole[modality].folder)
    rng = np.random.default_rng(0)
    interrupted, counts = 0, []
    for _ in range(KILLS):
        process = start(root, tmp_path, modality)
        target = sum(counts[-1:]) + int(rng.integers(0, 3))  # parts before it dies
        until = time.monotonic() + 20
        while process.is_alive() and time.monotonic() < until:
            if len(list(tmp_path.glob("*/*/part-*.h5"))) >= target:
                break
            time.sleep(0.001)
        time.sleep(rng.uniform(0, 0.05))
        process.kill()
        process.join()
        interrupted += process.exitcode == -9
        finished = list(tmp_path.glob("*/*/part-*.h5"))
        counts.append(len(finished))
        for path in finished:  # whatever has a name is whole, and as it would have been
            parts.check(path)
            assert images(path.parent)[path.name] == wanted[path.name]
    assert interrupted >= KILLS // 2
    assert counts == sorted(counts)
    finish(start(root, tmp_path, modality))
    assert images(the_folder(tmp_path)) == wanted
    assert list(store.verify(tmp_path)) == []
    found = run_again(root, tmp_path, modality)
    assert found.encoded == 0
    assert rows(found).keys() == {f"u{i:03d}" for i in range(UTTERANCES)}


def run_again(root, cache, modality):
    kept = stage.PART_ROWS
    try:
        stage.PART_ROWS = {modality: PART_ROWS}
        return run(corpus(root, count=UTTERANCES), cache, modality)
    finally:
        stage.PART_ROWS = kept


@pytest.mark.parametrize("modality", ["audio", "text"])
def test_two_processes_share_one_cache(tmp_path, start, undisturbed, modality):
    root, whole = undisturbed
    both = [start(root, tmp_path, modality) for _ in range(2)]
    for process in both:
        finish(process)
    folder = the_folder(tmp_path)
    assert images(folder) == images(whole[modality].folder)
    assert list(store.verify(tmp_path)) == []
    encoded = [float(p.read_text()) for p in tmp_path.glob("*.encoded")]
    assert len(encoded) == 2
    # each part was made by one of them
    assert sum(encoded) == pytest.approx(whole[modality].encoded)
    hidden = [path.name for path in folder.iterdir() if path.name.startswith(".")]
    assert hidden == []  # no locks, nothing half written


def test_the_other_finishes_what_a_killed_process_held(tmp_path, start, undisturbed):
    root, whole = undisturbed
    victim = start(root, tmp_path, "audio")
    while not list(tmp_path.glob("*/*/part-*.h5")):
        time.sleep(0.001)
    other = start(root, tmp_path, "audio")
    victim.kill()
    finish(other)
    assert images(the_folder(tmp_path)) == images(whole["audio"].folder)
