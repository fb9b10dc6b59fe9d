"""Loading of librosa: several processes at once, and without a folder for caches."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from locations import ROOT

from affuse.extract.audio import librosa_loading

FILES = {"folder/a.nbi": b"index", "folder/a.1.nbc": bytes(2000), "b.1.nbc": b""}
PROGRAM = """
import sys, time
from pathlib import Path
import numpy as np
from affuse.extract.acoustics.acoustic_functionals import functionals
from affuse.extract.audio.librosa_loading import load_librosa

def no_home():
    raise RuntimeError

def modules():
    return {name for name in sys.modules if name.partition(".")[0] == "librosa"}

if sys.argv[2:] == ["homeless"]:
    Path.home = no_home
time.sleep(float(sys.argv[1]))
load_librosa()
imported = modules()
clicks = np.zeros(16_000, np.float32)
clicks[::4_000] = 1  # onsets, which silence would not have
print(functionals(clicks).tobytes().hex())
assert modules() == imported, modules() - imported
"""


def start(seconds, *words, **environment):
    """Start a process that computes features after some seconds."""
    command = [sys.executable, "-c", PROGRAM, str(seconds), *words]
    usual = {n: v for n, v in os.environ.items() if n != "XDG_CACHE_HOME"}
    return subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**usual, **{name: str(value) for name, value in environment.items()}},
    )


def features(process):
    """Return what a process printed, after it ended without an error."""
    printed, errors = process.communicate()
    assert process.returncode == 0, errors
    return printed


@pytest.mark.slow
def test_processes_that_compile_at_the_same_time_do_not_crash(tmp_path):
    folders = {"NUMBA_CACHE_DIR": tmp_path / "cache", "TMPDIR": tmp_path / "temporary"}
    folders["TMPDIR"].mkdir()
    # With the files of numba, two of three such processes crashed, and any later one.
    processes = [start(seconds, **folders) for seconds in (0, 1.5, 3)]
    first, *others = [features(process) for process in processes]
    assert others == [first, first]
    (archive,) = [p for p in folders["NUMBA_CACHE_DIR"].rglob("*") if p.is_file()]
    content = archive.read_bytes()
    assert features(start(0, **folders)) == first
    assert archive.read_bytes() == content
    assert list(folders["TMPDIR"].iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize("words", [(), ("homeless",)])
def test_no_folder_for_caches_is_needed(tmp_path, words):
    place = tmp_path / "file"
    place.touch()  # nobody can write below a file, not even root
    assert features(start(0, *words, HOME=place, NUMBA_CACHE_DIR=""))
    assert place.read_bytes() == b""


def test_an_archive_has_the_files_that_were_packed(tmp_path):
    path = tmp_path / "a.archive"
    path.write_bytes(librosa_loading.pack(FILES))
    assert librosa_loading.unpack(path) == FILES
    backwards = dict(reversed(FILES.items()))
    assert librosa_loading.pack(backwards) == path.read_bytes()


def test_nothing_of_a_damaged_archive_is_used(tmp_path):
    content, path = librosa_loading.pack(FILES), tmp_path / "a.archive"
    for place in range(0, len(content), 7):
        changed = bytearray(content)
        changed[place] ^= 1
        for damaged in (changed, content[:place]):
            path.write_bytes(damaged)
            assert librosa_loading.unpack(path) == {}


def test_a_missing_archive_is_empty(tmp_path):
    assert librosa_loading.unpack(tmp_path / "a.archive") == {}


def test_the_archive_is_in_a_folder_for_caches(tmp_path, monkeypatch):
    def archive(shared="", version="1"):
        return librosa_loading.archive_path(str(shared), version)

    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", lambda: tmp_path / "home")
    assert archive().parent == tmp_path / "home" / ".cache" / "affuse"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "user"))
    assert archive().parent == tmp_path / "user" / "affuse"
    assert archive(tmp_path).parent == tmp_path / "affuse"
    assert archive().name != archive(version="2").name


def test_no_other_file_imports_librosa():
    found = {
        path.relative_to(ROOT).as_posix()
        for name in ("data", "extract", "fuse", "tests")
        for path in (ROOT / name).rglob("*.py")
        if re.search(r"^\s*(import|from) librosa\b", path.read_text("utf-8"), re.M)
    }
    assert found == {"extract/audio/librosa_loading.py"}
