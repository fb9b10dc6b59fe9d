"""Too little memory and system errors are not treated as damage.

Errors in the code of this project keep their traceback.
"""

import errno
import os
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
from click.testing import CliRunner
from locations import ROOT
from small_caches import RECIPE, fill, find_damage, flip, part, recipe, write
from spoken_corpus import corpus, images, run

from affuse import cli
from affuse.data.cache import cache_faults, checksums, hdf5_guard, part_header, parts
from affuse.data.cache.parts import part_path
from affuse.data.errors import AffuseError, DamagedFileError, MemoryShortageError
from affuse.extract.caching.part_claims import state
from affuse.extract.caching.row_reuse import CachedRows

SIZE = 24 * 2**20  # bytes of a part, in processes that are allowed little
LIMITED = """
import re, resource, sys
from pathlib import Path
from affuse.data.cache import cache_faults, parts, store
from affuse.data.errors import DamagedFileError, MemoryShortageError
path = Path(sys.argv[1])
parts.read(path, None)  # what is imported when it is needed is there now
status = Path("/proc/self/status")
size = path.stat().st_size
reads = {
    "read": lambda: parts.read(path, None),
    "whole": lambda: parts.check_part(path),
    "header": lambda: parts.header(path),
    "faults": lambda: [fault.kind for fault in cache_faults.find_faults(path.parent)],
}
for share in (0.1, 0.5, 0.9, 1.1, 1.5, 1.9, 2.1, 2.5, 2.9, 3.1, 3.5, 8):
    for name, read in reads.items():
        used = int(re.search(r"VmSize:\\s+(\\d+)", status.read_text())[1]) * 1024
        limit = used + int(share * size)
        resource.setrlimit(resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))
        try:
            found = read()
            said = f"fine {found}" if name == "faults" else "fine"
        except (DamagedFileError, MemoryShortageError, OSError) as error:
            said = f"{type(error).__name__} {error}"
        resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY,) * 2)
        print(share, name, said, flush=True)
"""
SHORT = "memory allocation failed for raw data chunk"  # as HDF5 says it


@pytest.fixture
def path(tmp_path):
    """Part of a cache with two parts."""
    return part_path(fill(tmp_path / "cache"), 0)


def contents(folder):
    return {p: p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def fail_with(error):
    def fail(*_args, **_options):
        raise error

    return fail


def no_memory(monkeypatch, where):
    """Let one step of reading a part fail for lack of memory."""
    if where == "file":
        monkeypatch.setattr(Path, "read_bytes", fail_with(MemoryError()))
    elif where == "room":
        monkeypatch.setattr(checksums, "reserve", fail_with(MemoryError()))
    elif where == "numpy":
        error = MemoryError("Unable to allocate 38.1 MiB for an array")
        monkeypatch.setattr(h5py.Dataset, "__getitem__", fail_with(error))
    elif where == "HDF5":
        error = OSError(f"Can't synchronously read data ({SHORT})")
        monkeypatch.setattr(h5py.Dataset, "__getitem__", fail_with(error))
    else:  # that HDF5 could not copy an image is all that h5py says
        error = ValueError("Not a file id (not a file ID)")
        monkeypatch.setattr(hdf5_guard.h5py, "File", fail_with(error))
        real, called = checksums.reserve, []

        def reserve(room):
            called.append(room)
            if len(called) > 1:
                raise MemoryError
            real(room)

        monkeypatch.setattr(checksums, "reserve", reserve)


PLACES = ("file", "room", "numpy", "HDF5", "image")


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc and RLIMIT_AS")
def test_lack_of_memory_does_not_discredit_a_part(tmp_path):
    of = recipe(layers=(1,))
    made = part("a", of=of)
    rows = np.zeros((1, SIZE // 4), np.float32)
    folder = tmp_path / "toy" / of.folder()
    part_of_size = parts.Part(made.ids, made.contents, (rows,))
    written = write(folder, 0, part_of_size, of=of)
    command = [sys.executable, "-c", LIMITED, str(written)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    lines = [line.split(" ", 2) for line in done.stdout.splitlines()]
    assert len(lines) == 12 * 4
    said = {(name, words.split(" ")[0]) for _, name, words in lines}
    assert said >= {("read", "MemoryShortageError"), ("read", "fine")}
    assert ("faults", "fine") in said
    for _, name, words in lines:
        assert words.startswith(("fine", "MemoryShortageError there is too little"))
        assert "damaged" not in words
        if name == "faults":
            assert words in ("fine []", "fine ['unread']")
    at = {(share, name): words for share, name, words in lines}
    assert "its SHA-256 is right, so the file is intact" in at["0.1", "read"]
    assert at["8", "read"] == "fine"


@pytest.mark.parametrize("where", PLACES)
def test_memory_errors_state_path_size_and_advice(path, monkeypatch, where):
    no_memory(monkeypatch, where)
    with pytest.raises(MemoryShortageError) as refused:
        parts.read(path, RECIPE)
    assert isinstance(refused.value, AffuseError)  # one sentence at the command line
    assert not isinstance(refused.value, DamagedFileError)
    size = path.stat().st_size / 2**20
    for words in (
        f"there is too little memory to read {path} ({size:.1f} MiB)",
        "its SHA-256 is right, so the file is intact",
        "close other programs",
        "--memory",
        "repeat the command",
    ):
        assert words in str(refused.value)
    assert "damaged" not in str(refused.value)


def test_memory_errors_without_a_checksum_file_do_not_mention_it(path, monkeypatch):
    checksums.checksum_path(path).unlink()
    no_memory(monkeypatch, "HDF5")
    with pytest.raises(MemoryShortageError) as refused:
        parts.outline(path, RECIPE)
    assert "too little memory to read" in str(refused.value)
    assert "SHA-256" not in str(refused.value)


def test_damage_that_requests_too_much_memory_is_damage(path, monkeypatch):
    """A damaged size may exceed any memory."""
    flip(path, place=0.9)
    no_memory(monkeypatch, "HDF5")
    with pytest.raises(DamagedFileError, match="is damaged: its SHA-256 is not the on"):
        parts.outline(path, RECIPE)


@pytest.mark.parametrize("read", [parts.header, lambda p: parts.outline(p, RECIPE)])
def test_a_bad_address_is_not_reported_as_lack_of_memory(path, monkeypatch, read):
    error = KeyError("Unable to open object (address of object past end of allocation)")
    monkeypatch.setattr(hdf5_guard.h5py, "File", fail_with(error))
    with pytest.raises(DamagedFileError, match="is damaged or no part of a cache"):
        read(path)


@pytest.mark.parametrize("where", PLACES)
def test_verify_and_repair_keep_a_part_that_was_not_read(
    path, monkeypatch, where, encoded
):
    cache = path.parents[2]
    before = contents(cache)
    with monkeypatch.context() as patch:
        no_memory(patch, where)
        kinds = {fault.kind for fault in cache_faults.find_faults(path.parent)}
        results = {
            name: CliRunner().invoke(cli.main, ["cache", name, "--cache", str(cache)])
            for name in ("verify", "repair")
        }
    assert kinds == {cache_faults.UNREAD}
    for result in results.values():
        assert result.exit_code == 1
        assert isinstance(result.exception, SystemExit)
        assert "too little memory to read" in result.output
        assert "damaged" not in result.output
        assert "removed" not in result.output
    assert (
        f"{path.parent} is left unchanged: part-00000.h5 cannot"
        in results["repair"].output
    )
    assert encoded == []
    assert contents(cache) == before
    assert find_damage(cache) == []


@pytest.mark.parametrize("where", PLACES)
def test_extract_stops_and_encodes_nothing_for_lack_of_memory(
    tmp_path, monkeypatch, where, encoded
):
    found = corpus(tmp_path, count=5)
    outcome = run(found, tmp_path / "cache", "text")
    before, done = images(outcome.folder), len(encoded)
    with monkeypatch.context() as patch:
        no_memory(patch, where)
        with pytest.raises(MemoryShortageError, match="too little memory to read"):
            run(found, tmp_path / "cache", "text")
    assert len(encoded) == done
    assert images(outcome.folder) == before
    assert run(found, tmp_path / "cache", "text").encoded == 0


@pytest.mark.parametrize("where", PLACES)
def test_cached_rows_can_be_read_after_a_memory_error(path, monkeypatch, where):
    wanted = parts.read(path, None)[0]["contents"][0].decode()
    other = recipe(content="another")
    known = CachedRows(path.parents[1] / other.folder(), other)
    with monkeypatch.context() as patch:
        no_memory(patch, where)
        with pytest.raises(MemoryShortageError, match="too little memory to read"):
            known.rows([wanted])
    assert known.rows([wanted]).keys() == {wanted}


def test_a_damaged_part_counts_as_missing_with_a_warning(path, caplog):
    flip(path, place=0.9)
    assert state(path.parent, RECIPE, 0, [], 2) == "missing"
    (record,) = caplog.records
    assert f"{path} is damaged: its SHA-256 is not the one" in record.message


def test_a_part_of_another_recipe_is_not_overwritten(tmp_path):
    other = recipe(layers=(3, 4))
    path = write(tmp_path, 0, part("a", of=other), of=other)
    before = path.read_bytes()
    with pytest.raises(AffuseError, match=r"layers=\[3, 4\], not .*; move it away"):
        state(tmp_path, RECIPE, 0, [], 1)
    assert path.read_bytes() == before


# Errors of the system


@pytest.mark.parametrize(
    "number", [errno.EMFILE, errno.EACCES, errno.EIO, errno.ESTALE]
)
@pytest.mark.parametrize(
    "read",
    [
        parts.header,
        parts.check_part,
        lambda path: parts.read(path, None),
        lambda path: parts.outline(path, RECIPE),
        lambda path: state(path.parent, RECIPE, 0, [], 2),
    ],
)
def test_system_errors_keep_their_type_and_name_the_part(
    path, monkeypatch, number, read
):
    text = f"Unable to synchronously open file (unable to open file: errno = {number})"
    monkeypatch.setattr(hdf5_guard.h5py, "File", fail_with(OSError(number, text)))
    monkeypatch.setattr(Path, "read_bytes", fail_with(OSError(number, "of a read")))
    with pytest.raises(OSError, match=os.strerror(number)) as refused:
        read(path)
    assert not isinstance(refused.value, AffuseError)
    wanted = f"[Errno {number}] {os.strerror(number)}: '{path}'"
    assert (refused.value.errno, str(refused.value)) == (number, wanted)


def test_too_many_open_files_are_not_damage(path):
    resource = pytest.importorskip("resource")
    parts.header(path)
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest = os.dup(0)  # the next one that would be given
    os.close(lowest)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, limits[1]))
    try:
        with pytest.raises(OSError, match=f"Too many open files: '{path}'"):
            parts.header(path)
        with pytest.raises(OSError, match=f"Too many open files: '{path}"):
            parts.read(path, None)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


def test_a_missing_part_is_not_reported_as_damaged(path):
    path.unlink()
    with pytest.raises(FileNotFoundError, match=f"No such file or directory: '{path}'"):
        parts.header(path)


# Faults of our own code


OURS = (
    ArithmeticError, AssertionError, AttributeError, IndexError, KeyError, NameError,
    RuntimeError, TypeError, ValueError,
)  # fmt: skip


@pytest.mark.parametrize("kind", OURS)
@pytest.mark.parametrize(
    ("module", "name"),
    [
        (parts, "check_arrays"),
        (hdf5_guard, "datasets"),
        (part_header.Recipe, "parse"),
        (parts, "Header"),
    ],
)
def test_an_error_in_the_code_is_not_reported_as_damage(
    path, monkeypatch, kind, module, name
):
    if name == "Header":
        module = part_header  # which makes it
    monkeypatch.setattr(module, name, fail_with(kind("of the code")))
    for read in (
        lambda: parts.read(path, None),
        lambda: parts.outline(path, RECIPE),
        lambda: list(cache_faults.find_faults(path.parent)),
        lambda: state(path.parent, RECIPE, 0, [], 2),
    ):
        with pytest.raises(kind, match="of the code") as raised:
            read()
        assert type(raised.value) is kind


# Writing


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("collect", MemoryError("Unable to allocate 38.1 MiB")),
        ("_image", OSError(f"Can't synchronously write data ({SHORT})")),
        ("_parsed", MemoryError()),
    ],
)
def test_a_memory_error_while_writing_publishes_nothing(
    tmp_path, monkeypatch, name, error
):
    monkeypatch.setattr(parts, name, fail_with(error))
    with pytest.raises(
        MemoryShortageError, match="too little memory to write .*h5, of"
    ):
        write(tmp_path, 0, part("a"))
    assert not list(tmp_path.iterdir())


def test_memory_is_reserved_before_hdf5_builds_a_part(tmp_path, monkeypatch):
    asked = []

    def reserve(room):
        asked.append(room)
        raise MemoryError

    monkeypatch.setattr(checksums, "reserve", reserve)
    monkeypatch.setattr(parts, "_image", fail_with(AssertionError()))
    with pytest.raises(MemoryShortageError, match="too little memory to write"):
        write(tmp_path, 0, part("a"))
    assert len(asked) == 1
    assert asked[0] >= 3 * part("a").vectors[0].nbytes
