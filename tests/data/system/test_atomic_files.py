import errno
import os
import subprocess
import sys
import threading
import time

import pytest
from failing_disk import Disk, snapshot
from locations import ROOT

from affuse.data.system import atomic_files
from affuse.data.system.atomic_files import claim, has_content, publish, refresh

HOLD = """
import sys, time
from pathlib import Path
from affuse.data.system.atomic_files import claim
with claim(Path(sys.argv[1]), wait=False) as mine:
    print(mine, flush=True)
    time.sleep(60)
"""


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def fail_at(monkeypatch, name, call):
    """Let the n-th call of a function of `os` fail as on a full disk."""
    real, calls = getattr(os, name), []

    def failing(*args, **kwargs):
        calls.append(args)
        if len(calls) == call:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(*args, **kwargs)

    monkeypatch.setattr(os, name, failing)


def test_a_published_file_leaves_no_partial_file(tmp_path):
    publish(tmp_path / "new" / "a.bin", b"one")
    publish(tmp_path / "new" / "a.bin", b"two")
    assert (tmp_path / "new" / "a.bin").read_bytes() == b"two"
    assert names(tmp_path / "new") == ["a.bin"]


def test_content_may_be_an_iterator_of_pieces(tmp_path):
    publish(tmp_path / "a.bin", (piece for piece in (b"one", b"", b"two")))
    assert (tmp_path / "a.bin").read_bytes() == b"onetwo"


def test_content_that_ends_in_an_error_is_not_published(tmp_path):
    publish(tmp_path / "a.bin", b"old")
    with pytest.raises(UnicodeEncodeError):
        publish(tmp_path / "a.bin", (text.encode() for text in ("new", "\udcff")))
    assert (tmp_path / "a.bin").read_bytes() == b"old"
    assert names(tmp_path) == ["a.bin"]


@pytest.mark.parametrize("name", ["fsync", "replace"])
@pytest.mark.parametrize("before", [None, b"old"])
def test_a_failed_write_publishes_nothing(tmp_path, monkeypatch, name, before):
    path = tmp_path / "a.bin"
    if before is not None:
        path.write_bytes(before)
    fail_at(monkeypatch, name, 1)
    with pytest.raises(OSError, match="No space left"):
        publish(path, b"new")
    assert names(tmp_path) == ([] if before is None else ["a.bin"])
    assert before is None or path.read_bytes() == before


def test_a_write_that_stops_halfway_is_not_published(tmp_path):
    resource = pytest.importorskip("resource")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            publish(tmp_path / "a.bin", b"x" * 300_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert names(tmp_path) == []


def test_a_folder_that_cannot_be_synced_does_not_undo_the_file(tmp_path, monkeypatch):
    fail_at(monkeypatch, "fsync", 2)  # the first is of the file
    publish(tmp_path / "a.bin", b"whole")
    assert (tmp_path / "a.bin").read_bytes() == b"whole"


def test_a_lock_is_exclusive_and_removed_afterwards(tmp_path):
    lock = tmp_path / "new" / ".lock"
    with claim(lock, wait=False) as first, claim(lock, wait=False) as second:
        assert (first, second) == (True, False)
    assert names(lock.parent) == []
    with claim(lock, wait=False) as again:
        assert again


def test_an_error_releases_the_lock(tmp_path):
    lock = tmp_path / ".lock"
    with pytest.raises(KeyError), claim(lock, wait=False):
        raise KeyError
    with claim(lock, wait=False) as again:
        assert again


def test_a_stale_lock_file_is_not_a_lock(tmp_path):
    (tmp_path / ".lock").write_text("stale")
    with claim(tmp_path / ".lock", wait=False) as mine:
        assert mine


def test_a_killed_process_releases_its_lock(tmp_path):
    lock = tmp_path / ".lock"
    command = [sys.executable, "-c", HOLD, str(lock)]
    holder = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    with holder:
        assert holder.stdout.readline() == "True\n"
        with claim(lock, wait=False) as mine:
            assert not mine
        killer = threading.Timer(0.1, holder.kill)
        killer.start()
        with claim(lock, wait=True) as mine:
            assert mine
        killer.join()


def test_a_process_that_waited_holds_the_lock(tmp_path):
    lock, got, leave = tmp_path / ".lock", threading.Event(), threading.Event()

    def wait():
        with claim(lock, wait=True):
            got.set()
            leave.wait(10)

    waiting = threading.Thread(target=wait)
    with claim(lock, wait=False):
        waiting.start()
        time.sleep(0.1)  # it waits for the file that is about to be removed
    assert got.wait(10)
    with claim(lock, wait=False) as third:
        assert not third
    leave.set()
    waiting.join()


def test_without_file_locks_every_claim_succeeds(tmp_path, monkeypatch):
    def refuse(file, operation):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(atomic_files.fcntl, "flock", refuse)
    with claim(tmp_path / ".lock", wait=True) as mine:
        assert mine
    monkeypatch.setattr(atomic_files, "fcntl", None)
    with claim(tmp_path / ".lock", wait=True) as mine:
        assert mine


@pytest.mark.parametrize("name", ["fsync", "replace"])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EROFS, errno.EACCES])
def test_errors_name_the_published_file_only(tmp_path, monkeypatch, name, number):
    def fail(*paths):
        raise OSError(number, os.strerror(number), *paths[:1], None, *paths[1:])

    monkeypatch.setattr(os, name, fail)
    path = tmp_path / "report.csv"
    with pytest.raises(OSError, match=os.strerror(number)) as refused:
        publish(path, b"rows")
    assert str(refused.value) == f"[Errno {number}] {os.strerror(number)}: '{path}'"
    assert (refused.value.filename, refused.value.filename2) == (str(path), None)
    assert isinstance(refused.value, PermissionError) == (number == errno.EACCES)
    assert list(tmp_path.iterdir()) == []


def test_an_error_about_another_file_keeps_its_name(tmp_path):
    def pieces():
        yield (tmp_path / "source.bin").read_bytes()

    with pytest.raises(FileNotFoundError, match=r"source\.bin'$"):
        publish(tmp_path / "report.csv", pieces())
    assert list(tmp_path.iterdir()) == []


# Files that may be there already


CONTENTS = [
    b"",
    b"one two",
    b"one twO",
    b"One two",
    b"one two three",
    b"one",
    b"other",
]


def split_content(content, sizes):
    """Yield content in pieces of these sizes, and then the rest."""
    for size in sizes:
        yield content[:size]
        content = content[size:]
    yield content


@pytest.mark.parametrize("sizes", [None, (), (1,), (0, 3, 0), (3, 1, 2), (7, 7)])
@pytest.mark.parametrize("new", CONTENTS)
def test_refresh_writes_only_changed_content(tmp_path, new, sizes):
    path = tmp_path / "a.txt"
    path.write_bytes(b"one two")
    before = snapshot(tmp_path)
    make = (lambda: new) if sizes is None else (lambda: split_content(new, sizes))
    assert has_content(path, make()) == (new == b"one two")
    assert snapshot(tmp_path) == before
    assert refresh(path, make()) == (new != b"one two")
    assert path.read_bytes() == new
    assert names(tmp_path) == ["a.txt"]
    assert (snapshot(tmp_path) == before) == (new == b"one two")
    assert has_content(path, make())


def test_refresh_writes_a_missing_file(tmp_path):
    path = tmp_path / "new" / "a.txt"
    assert not has_content(path, b"")
    assert refresh(path, b"") is True
    assert (path.read_bytes(), refresh(path, b"")) == (b"", False)


def test_a_refresh_holds_one_piece_at_a_time(tmp_path, monkeypatch):
    """This includes the existing file, whose beginning is copied."""
    monkeypatch.setattr(atomic_files, "PIECE", 1000)
    path = tmp_path / "a.bin"
    piece, count = b"x" * 1000, 20
    publish(path, (piece for _ in range(count)))
    read, live = [], []

    def pieces():
        for number in range(count):
            live.append(number)
            yield piece if number < count - 1 else b"y" * 1000

    real = atomic_files._copied

    def copied(file, size):
        for found in real(file, size):
            read.append(len(found))
            yield found

    monkeypatch.setattr(atomic_files, "_copied", copied)
    assert refresh(path, pieces())
    assert live == list(range(count))  # each made once
    assert read == [1000] * (count - 1)
    assert path.read_bytes() == piece * (count - 1) + b"y" * 1000


def test_refresh_copies_from_the_file_that_it_compared(tmp_path):
    """Another process may replace the file meanwhile."""
    path = tmp_path / "a.txt"
    path.write_bytes(b"one two")

    def pieces():
        yield b"one "
        publish(path, b"another")
        yield b"three"

    assert refresh(path, pieces())
    assert path.read_bytes() == b"one three"


def test_a_refresh_that_fails_leaves_the_file(tmp_path, monkeypatch):
    path = tmp_path / "a.txt"
    path.write_bytes(b"one two")
    fail_at(monkeypatch, "replace", 1)
    with pytest.raises(OSError, match=f"No space left on device: '{path}'$"):
        refresh(path, b"one three")
    assert (path.read_bytes(), names(tmp_path)) == (b"one two", ["a.txt"])


def test_refresh_does_not_replace_an_unreadable_file(tmp_path, monkeypatch):
    path = tmp_path / "a.txt"
    path.write_bytes(b"one two")
    disk = Disk(tmp_path, fail=1, error=errno.EIO)
    with disk.inserted(monkeypatch), pytest.raises(OSError, match=f"error: '{path}'$"):
        refresh(path, b"one two")
    assert disk.failed == "open rb"
    assert path.read_bytes() == b"one two"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_refresh_replaces_a_pipe_without_opening_it(tmp_path):
    os.mkfifo(tmp_path / "a.txt")
    assert not has_content(tmp_path / "a.txt", b"one")
    assert refresh(tmp_path / "a.txt", b"one")
    assert (tmp_path / "a.txt").read_bytes() == b"one"


@pytest.mark.parametrize("kind", ["pipe", "link"])
def test_a_lock_that_is_a_link_or_pipe_is_refused(tmp_path, kind):
    lock, elsewhere = tmp_path / ".lock", tmp_path / "elsewhere"
    elsewhere.write_text("precious")
    os.mkfifo(lock) if kind == "pipe" else lock.symlink_to(elsewhere)
    with pytest.raises(OSError, match="lock"), atomic_files.claim(lock, wait=True):
        pass
    assert elsewhere.read_text() == "precious"
