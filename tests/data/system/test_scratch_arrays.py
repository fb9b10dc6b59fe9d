import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from locations import ROOT

from affuse.data.system import scratch_arrays

WAIT = """
import sys
from pathlib import Path
from affuse.data.system import scratch_arrays as scratch
made = scratch.map_zeros((1000, 100), Path(sys.argv[1]))
made[:] = 1
print("made", flush=True)
sys.stdin.read()
"""


def test_a_scratch_array_has_zeros_and_no_visible_file(tmp_path):
    made = scratch_arrays.map_zeros((30, 7), tmp_path)
    assert (made.shape, made.dtype, made.any()) == ((30, 7), np.float32, False)
    made[3] = 2
    assert made.sum() == 14
    assert list(tmp_path.iterdir()) == []
    assert scratch_arrays.is_mapped(made)
    assert scratch_arrays.is_mapped(made[3:5].reshape(-1))
    assert not scratch_arrays.is_mapped(made[[3, 4]])
    assert scratch_arrays.map_zeros((0, 7), tmp_path).shape == (0, 7)


def test_a_killed_process_leaves_no_scratch_file(tmp_path):
    free = os.statvfs(tmp_path).f_bsize  # one is enough to see that the disk answers
    assert free
    command = [sys.executable, "-c", WAIT, str(tmp_path)]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout.readline() == b"made\n"
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_an_error_with_advice(tmp_path):
    with pytest.raises(
        OSError, match=r"GiB of scratch space are needed in .*not enough space"
    ):
        scratch_arrays.map_zeros((2**40, 2**10), tmp_path)


@pytest.mark.parametrize("reserves", [True, False])
def test_a_disk_that_fills_during_the_reservation_is_an_error(
    tmp_path, monkeypatch, reserves
):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    if reserves:
        monkeypatch.setattr(os, "posix_fallocate", full)
    else:
        monkeypatch.delattr(os, "posix_fallocate")
        monkeypatch.setattr(scratch_arrays, "BLOCK", 64)
        assert not scratch_arrays.map_zeros((30, 7), tmp_path).any()
        monkeypatch.setattr(scratch_arrays, "_reserve", full)
    with pytest.raises(
        OSError, match="there is not enough space; free some, set TMPDIR"
    ):
        scratch_arrays.map_zeros((30, 7), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    with pytest.raises(OSError, match=r"needed in .*nowhere, but No such file"):
        scratch_arrays.map_zeros((3, 7), tmp_path / "nowhere")


def test_tmpdir_selects_the_scratch_folder(tmp_path, monkeypatch):
    monkeypatch.delenv("TMPDIR", raising=False)
    assert scratch_arrays.choose_folder(tmp_path) == tmp_path
    monkeypatch.setenv("TMPDIR", "/somewhere")
    assert scratch_arrays.choose_folder(tmp_path) == Path("/somewhere")


def test_a_read_only_cache_holds_no_scratch_files(tmp_path, monkeypatch):
    monkeypatch.delenv("TMPDIR", raising=False)
    monkeypatch.setattr(scratch_arrays.os, "access", lambda path, mode: mode != os.W_OK)
    monkeypatch.setattr(scratch_arrays.tempfile, "gettempdir", lambda: "/elsewhere")
    assert scratch_arrays.choose_folder(tmp_path) == Path("/elsewhere")


def test_the_limit_of_a_control_group_limits_the_memory(tmp_path, monkeypatch):
    groups, limits = tmp_path / "cgroup", tmp_path / "limits"
    inner = limits / "job" / "step"
    inner.mkdir(parents=True)
    groups.write_text("0::/job/step\n")
    (inner / "memory.max").write_text("max\n")
    (limits / "job" / "memory.max").write_text(f"{2**20}\n")
    monkeypatch.setattr(scratch_arrays, "GROUPS", groups)
    monkeypatch.setattr(scratch_arrays, "LIMITS", limits)
    assert scratch_arrays.budget() == 2**19
    monkeypatch.setattr(scratch_arrays, "GROUPS", tmp_path / "none")
    assert scratch_arrays.budget() > 2**20
