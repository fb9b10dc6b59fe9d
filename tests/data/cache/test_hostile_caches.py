"""Forged caches with correct checksums are refused."""

import ctypes
import hashlib
import os
import shutil
import struct
import subprocess
import sys

import h5py
import numpy as np
import pytest
from click.testing import CliRunner
from forged_parts import EDITS, FOREIGN, ROWS, SECRET, secrets
from locations import ROOT
from small_caches import DIM, FRAMES, RECIPE, fill, find_damage, part, write

from affuse import cli
from affuse.data.cache import corpus_table, current_content, hdf5_guard, parts, store
from affuse.data.records import Corpus, Utterance

OPENED = 0x20 | 0x1  # IN_OPEN, IN_ACCESS
NAME = "part-00000.h5"


class Watch:
    """Watch of a folder, by which the kernel reports every file that is opened."""

    def __init__(self, folder):
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._handle = self._libc.inotify_init1(os.O_NONBLOCK)
        self._libc.inotify_add_watch(self._handle, os.fsencode(folder), OPENED)

    def seen(self):
        try:
            return bool(os.read(self._handle, 65536))
        except BlockingIOError:
            return False

    def close(self):
        os.close(self._handle)


@pytest.fixture
def elsewhere(tmp_path):
    return secrets(tmp_path / "elsewhere")


@pytest.fixture
def watch(elsewhere):
    if not sys.platform.startswith("linux"):
        pytest.skip("needs inotify")
    watching = Watch(elsewhere)
    yield watching
    watching.close()


def sign(path):
    """Write the checksum of a forged file, as an attacker would."""
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    path.with_name(f"{path.name}.sha256").write_text(f"{digest}  {path.name}\n")
    return path


def forge(cache, elsewhere, edit):
    """Make a cache of one part, edit the part, and return its path."""
    folder = cache / RECIPE.corpus / RECIPE.folder()
    path = write(folder, 0, part("a", "b"))
    with h5py.File(path, "r+") as file:
        edit(file, elsewhere)
    known = (Utterance("a", ratings={"valence": 1.0}), Utterance("b"))
    corpus_table.save(Corpus("toy", cache, known, (1.0, 5.0), "speakers"), cache)
    return sign(path)


def sentences(cache, path, *, header=True):
    """Return the errors of all functions that open a cache; each must refuse it."""
    for read in (parts.header,) * header + (lambda p: parts.read(p, None),):
        with pytest.raises(ValueError, match=NAME) as refused:
            read(path)
        yield str(refused.value)
    found = find_damage(cache)
    assert len(found) == 1
    yield from found
    for words in (["cache", "verify"], ["train", "--fusion", "text", "--runs", "none"]):
        result = CliRunner().invoke(cli.main, [*words, "--cache", str(cache)])
        assert result.exit_code == 1
        assert isinstance(result.exception, SystemExit)
        lines = result.output.splitlines()  # also which cache is used, and how many
        assert all(line.isprintable() for line in lines)
        yield from [line for line in lines if NAME in line]


@pytest.mark.parametrize("name", EDITS)
def test_forged_files_are_refused_with_the_part_name(tmp_path, elsewhere, watch, name):
    path = forge(tmp_path / "cache", elsewhere, EDITS[name])
    for sentence in sentences(tmp_path / "cache", path):
        assert NAME in sentence
        assert "is damaged or no part of a cache" in sentence
        assert SECRET.decode() not in sentence
        assert sentence.isprintable()
        assert len(sentence) < 1000
    assert not watch.seen()


@pytest.mark.parametrize("name", ROWS)
def test_forged_rows_are_refused_with_the_part_name(tmp_path, elsewhere, name):
    path = forge(tmp_path / "cache", elsewhere, ROWS[name])
    for sentence in sentences(tmp_path / "cache", path, header=False):
        assert NAME in sentence
        assert sentence.isprintable()


@pytest.mark.parametrize("offsets", [(1, 2, 4), (0, 5, 4), (0, -1, 4), (0, 4, 9)])
def test_offsets_that_do_not_start_at_zero_and_rise_are_refused(tmp_path, offsets):
    path = write(tmp_path, 0, part("a", "b", of=FRAMES, steps=(2, 2)), of=FRAMES)
    with h5py.File(path, "r+") as file:
        del file["offsets"]
        file["offsets"] = np.array(offsets)
    with pytest.raises(ValueError, match=f"{NAME} is damaged or no part"):
        parts.read(sign(path), None)


@pytest.mark.parametrize("name", ["link outside", "external storage", "virtual"])
def test_without_the_guard_h5py_opens_the_other_file(tmp_path, elsewhere, watch, name):
    path = forge(tmp_path / "cache", elsewhere, EDITS[name])
    with h5py.File(path, "r") as file:
        assert file["contents"][0] == SECRET
    assert watch.seen()


def test_hdf5_does_not_search_for_filter_plug_ins(tmp_path, elsewhere, watch):
    path = forge(tmp_path / "cache", elsewhere, EDITS["a foreign filter"])
    h5py.h5pl.insert(os.fsencode(elsewhere), 0)
    try:
        for sentence in sentences(tmp_path / "cache", path):
            assert str(FOREIGN) in sentence
        assert not watch.seen()
        with h5py.File(path, "r") as file, pytest.raises(OSError, match="read data"):
            file["contents"][:]
        assert watch.seen()  # as whoever reads it without looking first
    finally:
        h5py.h5pl.remove(0)


@pytest.mark.parametrize("form", ["<Q", "<I"])
def test_an_attribute_larger_than_the_file_is_refused(tmp_path, form):
    """The old file format is used, because it has no checksums of metadata."""
    unique, path = 54_321, tmp_path / NAME
    with h5py.File(path, "w", libver=("earliest", "v108")) as file:
        with h5py.File(write(tmp_path / "model", 0, part("a", "b"))) as model:
            for name, value in model.attrs.items():
                file.attrs[name] = value
            for name in model:
                file[name] = model[name][:]
        text = b"{}" + b" " * (unique - 2)
        value = np.bytes_(text) if form == "<I" else np.frombuffer(text, "S1")
        del file.attrs["versions"]
        file.attrs["versions"] = value
    content = path.read_bytes()
    old = struct.pack(form, unique)
    assert content.count(old) >= 1
    path.write_bytes(content.replace(old, struct.pack(form, 2**31 - 1)))
    sign(path)
    for read in (parts.header, lambda p: parts.read(p, None)):
        with pytest.raises(ValueError, match=f"{NAME} is damaged or no part"):
            read(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
@pytest.mark.parametrize("suffix", ["", ".sha256"])
def test_a_pipe_in_place_of_a_part_is_refused(tmp_path, suffix):
    path = parts.part_path(fill(tmp_path, rows=(2,)), 0)
    piped = path.with_name(f"{NAME}{suffix}")
    piped.unlink()
    os.mkfifo(piped)
    with pytest.raises(ValueError, match=NAME):
        parts.read(path, None)
    assert len(find_damage(tmp_path)) == 1
    if not suffix:
        with pytest.raises(ValueError, match="it is no file"):
            parts.header(path)


@pytest.mark.parametrize("name", ["current.json", "corpus.json"])
def test_deeply_nested_json_beside_a_cache_is_no_crash(tmp_path, name):
    folder = fill(tmp_path)
    (folder.parent / name).write_text("[" * 100_000)
    assert current_content.find_superseded([*store.find(tmp_path)] * 2) == set()
    if name == "corpus.json":
        with pytest.raises(ValueError, match=r"corpus\.json is damaged"):
            corpus_table.load(tmp_path, "toy")


def test_control_characters_of_a_checkpoint_name_are_escaped(tmp_path):
    from small_caches import recipe

    fill(tmp_path, of=recipe(checkpoint="\x1b[2Jtiny"))
    result = CliRunner().invoke(cli.main, ["cache", "list", "--cache", str(tmp_path)])
    assert r"\x1b[2Jtiny" in result.output
    assert "\x1b" not in result.output


def test_cache_verify_refuses_a_link_to_another_file(tmp_path, elsewhere, watch):
    forge(tmp_path / "cache", elsewhere, EDITS["link outside"])
    command = [sys.executable, "cli.py", "cache", "verify", "--cache"]
    run = subprocess.run(
        [*command, tmp_path / "cache"], cwd=ROOT, capture_output=True, text=True
    )
    assert (run.returncode, run.stderr) == (1, "")
    assert NAME in run.stdout
    assert "'contents' is missing, or a link" in run.stdout
    assert not watch.seen()


def test_valid_parts_pass_the_guard(tmp_path, monkeypatch):
    """The number and size of chunks do not matter, nor does an empty part."""
    monkeypatch.setattr(parts, "CHUNK", 100)
    for of in (RECIPE, FRAMES):
        for rows in ((), ("a",), tuple("abcdefg")):
            path = write(tmp_path / "x", 0, part(*rows, of=of), of=of)
            assert parts.header(path).rows == len(rows)
            arrays, _ = parts.read(path, of)
            assert len(arrays["ids"]) == len(rows)
    empty = part("a", of=FRAMES, steps=[0])
    path = write(tmp_path / "y", 0, empty, of=FRAMES)
    assert parts.read(path, FRAMES)[0]["values"].shape == (0, 2, DIM)
    shutil.rmtree(tmp_path / "x")


def test_an_attribute_too_long_to_be_read_is_not_written(tmp_path, monkeypatch):
    monkeypatch.setattr(hdf5_guard, "TEXT", 10)
    with pytest.raises(ValueError, match="recipe of part-00000.h5 exceed 10 bytes"):
        write(tmp_path, 0, part("a"))
    assert not list(tmp_path.iterdir())
