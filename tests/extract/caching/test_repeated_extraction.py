"""Repeated commands on a complete cache, which write nothing there.

The cache may be read-only: as root, who may write everywhere, that is a mount where the
kernel allows one, and calls of Python that refuse to write everywhere else.
"""

import os
import shutil
import sys
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from extraction_calls import run_extract
from failing_disk import read_only, snapshot
from part_limits import limit_parts
from process_starts import python
from spoken_corpus import corpus, images, noise, record, rows, run

from affuse import cli
from affuse.data.cache import current_content
from affuse.data.cache.cache_folder import CorpusFolder
from affuse.data.records import Problem, Utterance
from affuse.data.system import atomic_files
from affuse.data.system.atomic_files import claim
from affuse.extract.caching import extraction as stage
from affuse.extract.caching import part_claims
from affuse.extract.encoders import wav2vec2

TINY = ("--audio-checkpoint", "tiny", "--text-checkpoint", "tiny", "--threads", "1")
DEMO = ("extract", "demo", *TINY, "--limit", "24")


def call(*words):
    return CliRunner().invoke(cli.main, [str(word) for word in words])


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    """Complete cache of a part of the demo corpus, which no test may change."""
    cache = tmp_path_factory.mktemp("original") / "cache"
    result = call(*DEMO, "--cache", cache)
    assert result.exit_code == 0, result.output
    return cache


@pytest.fixture
def cache(tmp_path, original):
    return shutil.copytree(original, tmp_path / "cache")


def test_the_read_only_stand_in_refuses_to_write(tmp_path, monkeypatch):
    path = tmp_path / "a"
    path.write_bytes(b"")
    with read_only(monkeypatch, tmp_path):
        for write in (
            lambda: path.write_bytes(b"x"),
            lambda: atomic_files.publish(path, b"x"),
            lambda: path.unlink(),
            lambda: (tmp_path / "b").mkdir(),
            lambda: os.open(path, os.O_RDWR),
        ):
            with pytest.raises(OSError, match="Read-only file system"):
                write()
        with (
            pytest.raises(OSError, match="Read-only file system"),
            claim(tmp_path / ".lock", wait=False),
        ):
            raise AssertionError
        assert path.read_bytes() == b""


@pytest.mark.parametrize("words", [(), ("--processes", "2")])
def test_a_repeated_extract_writes_nothing(cache, monkeypatch, encoded, words):
    before = snapshot(cache)
    result = call(*DEMO, "--cache", cache, *words)
    assert result.exit_code == 0, result.output
    assert result.output.count("nothing was left to encode") == 2
    assert snapshot(cache) == before
    with read_only(monkeypatch, cache):
        again = call(*DEMO, "--cache", cache, *words)
    assert (again.exit_code, encoded) == (0, []), again.output
    assert again.stdout == result.stdout
    assert snapshot(cache) == before


def test_a_repeated_extract_takes_no_lock(cache, monkeypatch):
    def refuse(path, *, wait):
        raise AssertionError(path)

    for module in (atomic_files, current_content, part_claims):
        monkeypatch.setattr(module, "claim", refuse)
    monkeypatch.setattr("affuse.extract.commands.extract_command.claim", refuse)
    assert call(*DEMO, "--cache", cache).exit_code == 0


def test_a_repeated_train_writes_nothing_into_the_cache(cache, tmp_path, monkeypatch):
    monkeypatch.delenv("TMPDIR", raising=False)
    words = ["train", "--cache", cache, "--fusion", "early", "--seeds", 1]
    words += ["--set", "epochs=1", "--threads", 1]
    before = snapshot(cache)
    with read_only(monkeypatch, cache):
        results = [call(*words, "--runs", tmp_path / "runs") for _ in range(2)]
        scratch = call(*words, "--runs", tmp_path / "other", "--memory", 0)
    for result in (*results, scratch):
        assert result.exit_code == 0, result.output
    assert snapshot(cache) == before


@pytest.mark.parametrize("command", ["verify", "repair", "list"])
def test_verify_repair_and_list_write_nothing_to_an_undamaged_cache(
    cache, monkeypatch, command
):
    before = snapshot(cache)
    with read_only(monkeypatch, cache):
        result = call("cache", command, "--cache", cache)
    assert result.exit_code == 0, result.output
    assert snapshot(cache) == before


NO_MOUNTS = 77
MOUNTED = """
import ctypes, subprocess, sys
folder, where, *words = sys.argv[1:]
MOUNTS_OF_ITS_OWN = 0x20000  # CLONE_NEWNS
if ctypes.CDLL(None).unshare(MOUNTS_OF_ITS_OWN):
    sys.exit(77)
read_only = ["-o", "remount,ro,bind", where]
for options in (["--make-rprivate", "/"], ["--bind", folder, where], read_only):
    if subprocess.run(["mount", *options], capture_output=True).returncode:
        sys.exit(77)
from affuse import cli
cli.main([*words, "--cache", where])
"""


@pytest.mark.skipif(sys.platform != "linux", reason="needs mounts of its own")
def test_extract_works_on_a_read_only_file_system(cache, tmp_path):
    where = tmp_path / "mounted"
    where.mkdir()
    before = snapshot(cache)
    done = python(MOUNTED, cache, where, *DEMO)
    if done.returncode == NO_MOUNTS:
        pytest.skip("no mounts here")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("nothing was left to encode") == 2
    assert snapshot(cache) == before


def test_only_changed_files_are_written(cache):
    before = snapshot(cache)
    result = call(*DEMO[:-1], "20", "--cache", cache)
    assert result.exit_code == 0, result.output
    after = snapshot(cache)
    changed = {name for name in after if after[name] != before.get(name)}
    assert str(cache / "demo" / CorpusFolder.current) in changed
    assert str(cache / "demo" / "corpus.json") not in changed
    assert not [name for name in after if ".lock" in name or ".partial" in name]


def test_files_of_killed_processes_are_removed_unless_the_folder_is_read_only(
    cache, monkeypatch
):
    folder = next(cache.glob("demo/audio-*/"))
    left = [folder / ".part-00000.lock", folder / ".part-00000.h5.0123456789ab.partial"]
    for path in left:
        path.touch()
        os.utime(path, (1000, 1000))
    held = folder / ".part-00007.lock"
    before = snapshot(cache)
    with read_only(monkeypatch, cache):
        assert call(*DEMO, "--cache", cache).exit_code == 0
    assert snapshot(cache) == before
    with claim(held, wait=False):
        assert call(*DEMO, "--cache", cache).exit_code == 0
        assert [path.name for path in folder.glob(".*")] == [held.name]


# Parts in which some inputs fail each time


@pytest.fixture
def small_parts(monkeypatch):
    limit_parts(monkeypatch, part_rows=4)


def corpus_with_failures(root, *, count=6):
    """Return a corpus in which two recordings cannot be decoded."""
    cut = record(root / "wav" / "cut.flac", noise(8000))
    cut.write_bytes(cut.read_bytes()[: cut.stat().st_size // 2])
    short = record(root / "wav" / "short.wav", noise(399))
    made = [Utterance("cut", audio=cut), Utterance("short", audio=short)]
    return corpus(root, *made, count=count)


def test_parts_that_cannot_be_completed_are_not_written_again(
    tmp_path, monkeypatch, small_parts, encoded
):
    found, cache = corpus_with_failures(tmp_path), tmp_path / "cache"
    first = run_extract(found, cache, modalities=("audio",))
    assert first[0] == 2
    before, done = snapshot(cache), len(encoded)
    with read_only(monkeypatch, cache):
        left_out, lines = run_extract(found, cache, modalities=("audio",))
    assert (left_out, len(encoded)) == (2, done)
    assert lines[0].endswith("nothing was left to encode")
    assert lines[1:] == first[1][1:]
    assert snapshot(cache) == before


def test_an_input_that_becomes_readable_is_added(tmp_path, small_parts, encoded):
    long = Utterance("long", audio=record(tmp_path / "wav" / "l.wav", noise(32_000)))
    found = corpus(tmp_path, long, count=6)
    short = stage.Machine(threads=1, progress=False, longest=1.0)
    before = run(found, tmp_path / "cache", machine=short)
    assert [p.id for p in before.problems] == ["long"]
    encoded.clear()
    after = run(found, tmp_path / "cache")
    assert (sum(encoded), after.problems) == (1, ())
    assert len(rows(after)) == 7


def test_a_changed_reason_of_failure_is_stored(tmp_path, small_parts, monkeypatch):
    long = Utterance("long", audio=record(tmp_path / "wav" / "l.wav", noise(32_000)))
    found = corpus(tmp_path, long, count=6)
    reasons = []
    for longest in (1.0, 1.5):
        machine = stage.Machine(threads=1, progress=False, longest=longest)
        made = run(found, tmp_path / "cache", machine=machine)
        reasons += [problem.reason for problem in made.problems]
    assert len(set(reasons)) == 2


def test_parts_with_embeddings_that_are_not_finite_are_not_rewritten(
    tmp_path, small_parts, monkeypatch
):
    original = wav2vec2.Encoder.__call__

    def spoil(self, batch, each):
        def spoiled(layer):
            layer = layer.clone()
            layer[batch[:, 0] == batch[:, 1]] = torch.nan
            return each(layer)

        return original(self, batch, spoiled)

    monkeypatch.setattr(wav2vec2.Encoder, "__call__", spoil)
    flat = Utterance("flat", audio=record(tmp_path / "wav" / "f.wav", np.zeros(8000)))
    found, cache = corpus(tmp_path, flat, count=6), tmp_path / "cache"
    first = run(found, cache)
    before, wanted = snapshot(cache), images(first.folder)
    with read_only(monkeypatch, cache):  # it is tried again, without a lock
        second = run(found, cache)
    assert snapshot(cache) == before
    assert second.encoded == pytest.approx(0.5)
    assert first.problems == second.problems
    third = run(found, cache)
    assert images(third.folder) == wanted
    parts = {name for name in before if ".h5" in name}
    after = snapshot(cache)
    assert {name: after[name] for name in parts} == {n: before[n] for n in parts}


def test_a_part_that_another_process_publishes_meanwhile_is_not_rebuilt(
    tmp_path, small_parts, monkeypatch
):
    """The part was missing when this process first examined it."""
    found = corpus(tmp_path, count=6)
    whole = run(found, tmp_path / "whole")
    folder = tmp_path / "cache" / "toy" / whole.folder.name
    real, taken = part_claims.claim, []

    @contextmanager
    def slow(path, *, wait):
        if not taken:  # between the first look and the lock, another makes it all
            taken.append(path)
            shutil.copytree(whole.folder, folder, dirs_exist_ok=True)
        with real(path, wait=wait) as mine:
            yield mine

    monkeypatch.setattr(part_claims, "claim", slow)
    made = run(found, tmp_path / "cache")
    assert (made.encoded, made.utterances, len(taken)) == (0, 6, 1)


def test_notes_of_the_reader_change_only_the_report(tmp_path):
    found = corpus(tmp_path, count=4)
    for utterance in found.utterances:  # else they would be listed a second time
        os.utime(utterance.audio, (1e9, 1e9))
    run_extract(found, tmp_path / "own")
    before = snapshot(tmp_path / "own")
    noted = Problem("Session1", "a transcript is missing", line=3)
    more = replace(found, problems=(noted,))
    run_extract(more, tmp_path / "own")
    after = snapshot(tmp_path / "own")
    changed = {name for name in after if after[name] != before.get(name)}
    folder = tmp_path / "own" / "toy"
    names = ("problems.csv", "SHA256SUMS")
    assert changed == {str(folder), *(str(folder / name) for name in names)}
