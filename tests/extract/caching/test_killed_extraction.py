"""Stage one: killed at any moment, resumed, and run by two processes at once.

Processes are forked from a server that has imported everything, so that each starts in
a tenth of a second. ``make crashtest`` kills more of them, and logs each step.
"""

import logging
import multiprocessing
import os
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from part_limits import limit_parts
from small_caches import find_damage
from spoken_corpus import corpus, images, rows, run

from affuse.data.cache import checksums, store
from affuse.data.system.atomic_files import claim

UTTERANCES = 48
PART_ROWS = 3  # so that there are many moments between parts
KILLS = int(os.environ.get("AFFUSE_KILLS", "8"))  # of all tests of single processes
log = logging.getLogger("crashtest")
pytestmark = pytest.mark.skipif(os.name == "nt", reason="processes are not forked here")


def extract_in_process(root, cache, modality):
    """Extract one modality in this process."""
    torch.set_num_threads(1)
    limit_parts(pytest.MonkeyPatch(), part_rows=PART_ROWS)  # of this process alone
    outcome = run(corpus(Path(root), count=UTTERANCES), Path(cache), modality)
    Path(cache, f"{os.getpid()}.made").write_text(
        f"{outcome.encoded} {outcome.utterances}"
    )


@pytest.fixture(scope="module")
def start():
    """Start a process that extracts one modality; it is ended with the tests."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(
        ["affuse.extract.caching.extraction", "affuse.extract.encoders.wav2vec2"]
    )
    begun = []

    def begin(root, cache, modality):
        process = context.Process(
            target=extract_in_process, args=(str(root), str(cache), modality)
        )
        process.start()
        begun.append(process)
        return process

    yield begin
    for process in begun:
        process.kill()
        process.join()


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    """Return a corpus, and the parts that an undisturbed process makes, by modality."""
    root = tmp_path_factory.mktemp("corpus")
    found = corpus(root, count=UTTERANCES)
    torch.set_num_threads(1)  # as in the processes: sums in another order differ
    with pytest.MonkeyPatch.context() as patch:
        limit_parts(patch, part_rows=PART_ROWS)
        whole = {m: run(found, root / "cache", m) for m in ("audio", "text")}
    return root, whole


def finish(process):
    process.join(timeout=60)
    assert process.exitcode == 0


def cache_folder(cache):
    (folder,) = store.folders(cache)
    return folder


def published_files(cache):
    return sorted(cache.glob("*/*/part-*.h5"))


def kill_at_random(cache, processes, rng):
    """Kill processes one after the other, at random moments.

    Returns:
        how many were killed before they had finished
    """
    target = len(published_files(cache)) + int(rng.integers(0, 3))
    until = time.monotonic() + 20
    while any(p.is_alive() for p in processes) and time.monotonic() < until:
        if len(published_files(cache)) >= target:
            break
        time.sleep(0.001)
    for process in processes:
        time.sleep(rng.uniform(0, 0.05))
        process.kill()
        process.join()
    return sum(process.exitcode == -9 for process in processes)


def check_published_files(cache, wanted):
    """Assert that published files equal the reference; return how many there are."""
    finished = published_files(cache)
    for path in finished:
        checksums.check(path)
    for folder in {path.parent for path in finished}:
        found = images(folder)
        whole = [n for n in found if not n.endswith(".sha256")]
        assert {n: found[n] for n in whole} == {n: wanted[n] for n in whole}
    return len(finished)


def kill_and_resume(tmp_path, begin, wanted, kills, rng, check):
    """Kill and resume extractions until `kills` processes were killed.

    Args:
        begin: starts the processes that share a cache
        check: looks at a cache that is whole
    """
    interrupted = caches = 0
    while interrupted < kills:
        cache, counts = tmp_path / str(caches), []
        while interrupted < kills and (not counts or counts[-1] < len(wanted) // 2):
            killed = kill_at_random(cache, begin(cache), rng)
            if not killed:  # they had nothing left to do
                break
            interrupted += killed
            counts.append(check_published_files(cache, wanted))
            assert counts == sorted(counts)  # what was published stays
        for process in begin(cache):
            finish(process)
        assert images(cache_folder(cache)) == wanted
        assert find_damage(cache) == []
        check(cache)
        caches += 1
        log.info(
            "cache %d: parts after each kill %s, then resumed: %d, bytes equal",
            caches,
            counts,
            len(wanted) // 2,
        )
    log.info("%d kills, %d caches resumed, all as if undisturbed", interrupted, caches)


@pytest.mark.parametrize(
    ("modality", "kills"), [("audio", -(-KILLS // 2)), ("text", KILLS // 2)]
)
def test_killed_at_any_moment_and_resumed(tmp_path, start, reference, modality, kills):
    root, whole = reference
    wanted = images(whole[modality].folder)

    def check(cache):
        found = run_again(root, cache, modality)
        assert found.encoded == 0
        assert rows(found).keys() == {f"u{i:03d}" for i in range(UTTERANCES)}

    def begin(cache):
        return [start(root, cache, modality)]

    log.info("%s: one process", modality)
    kill_and_resume(tmp_path, begin, wanted, kills, np.random.default_rng(0), check)


def test_two_processes_that_share_one_cache_are_killed_and_resumed(
    tmp_path, start, reference
):
    root, whole = reference
    wanted = images(whole["text"].folder)

    def begin(cache):
        return [start(root, cache, "text") for _ in range(2)]

    def check(cache):
        assert list(cache.glob("*/*/.*.lock")) == []

    log.info("text: two processes")
    rng = np.random.default_rng(1)
    kill_and_resume(tmp_path, begin, wanted, -(-KILLS // 5), rng, check)


def run_again(root, cache, modality):
    with pytest.MonkeyPatch.context() as patch:
        limit_parts(patch, part_rows=PART_ROWS)
        return run(corpus(root, count=UTTERANCES), cache, modality)


@pytest.mark.parametrize("modality", ["audio", "text"])
def test_two_processes_share_one_cache(tmp_path, start, reference, modality):
    root, whole = reference
    both = [start(root, tmp_path, modality) for _ in range(2)]
    for process in both:
        finish(process)
    folder = cache_folder(tmp_path)
    assert images(folder) == images(whole[modality].folder)
    assert find_damage(tmp_path) == []
    made = [p.read_text().split() for p in tmp_path.glob("*.made")]
    # none returns before all is there, and each part was made by one of them
    assert [int(utterances) for _, utterances in made] == [UTTERANCES] * 2
    encoded = sum(float(size) for size, _ in made)
    assert encoded == pytest.approx(whole[modality].encoded)
    hidden = [path.name for path in folder.iterdir() if path.name.startswith(".")]
    assert hidden == []  # no locks, nothing half written


def test_extraction_waits_for_a_part_of_another_process(tmp_path, start, reference):
    root, whole = reference
    wanted = images(whole["audio"].folder)
    folder = tmp_path / "toy" / whole["audio"].folder.name
    held = folder / ".part-00002.lock"
    with claim(held, wait=False) as mine:
        assert mine
        process = start(root, tmp_path, "audio")
        until = time.monotonic() + 30
        while len(images(folder)) < len(wanted) - 2 and time.monotonic() < until:
            time.sleep(0.01)
        time.sleep(0.2)
        assert process.is_alive()
        assert wanted.keys() - images(folder).keys() == {
            "part-00002.h5",
            "part-00002.h5.sha256",
        }
    # the lock goes without the part, as when its holder is killed
    finish(process)
    assert images(folder) == wanted
