"""Failing system calls and damaged bytes never lead to wrong data.

SQLite is tested in the same way: the first call fails, then the second, and so on,
until no call of a run fails. After each failure, published files are intact, and files
whose writing was acknowledged exist. A repeated run completes the cache with the bytes
of an undisturbed run.
"""

import concurrent.futures
import contextlib
import itertools
import os
import shutil
import sys
import time

import h5py
import numpy as np
import pytest
from failing_disk import ERRORS, Disk
from part_limits import limit_parts
from small_caches import RECIPE, fill, find_damage, part, recipe, write
from spoken_corpus import CHOICES, MACHINE, corpus, images

from affuse.data.cache import current_content, part_removal, parts, store
from affuse.data.cache.cache_faults import find_faults
from affuse.data.cache.checksums import checksum_path
from affuse.data.cache.parts import part_path
from affuse.data.system import atomic_files
from affuse.data.system.atomic_files import publish
from affuse.extract.caching.extraction import extract
from affuse.extract.encoding.encoder_loading import load

COUNT, ROWS = 7, 3  # utterances, and those of a part
PAGE = 4096  # bytes
BLOCKS = (b"OHDR", b"FAHD", b"FADB", b"FRHP", b"FHDB", b"BTHD", b"BTLF")  # of HDF5
linux = pytest.mark.skipif(sys.platform != "linux", reason="needs /proc/self/fd")


@pytest.fixture(scope="module")
def setup(tmp_path_factory):
    """Corpus, encoder of each modality, and the result of an undisturbed run."""
    root = tmp_path_factory.mktemp("faults")
    found = corpus(root, count=COUNT)
    encoders = {m: load(choice, MACHINE) for m, choice in CHOICES.items()}
    with pytest.MonkeyPatch.context() as patch:
        limit_parts(patch, part_rows=ROWS)
        whole = {m: run(found, encoders, m, root / "cache") for m in CHOICES}
    return found, encoders, whole


@pytest.fixture(autouse=True)
def small_parts(monkeypatch):
    limit_parts(monkeypatch, part_rows=ROWS)
    monkeypatch.setattr(os, "fsync", lambda handle: None)  # no power is cut here


@pytest.fixture
def acknowledged_paths(monkeypatch):
    """Paths of all files for which `publish` has returned."""
    done, real = [], atomic_files.publish

    def noting(path, content):
        real(path, content)
        done.append(path)

    monkeypatch.setattr(parts, "publish", noting)
    return done


def run(found, encoders, modality, cache):
    choice = CHOICES[modality]
    return extract(found, choice, MACHINE, cache, encoder=encoders[modality])


def make_damaged_cache(cache, folder):
    """Make a cache with missing, damaged and surplus parts and unfinished files."""
    made = shutil.copytree(folder, cache / folder.parent.name / folder.name)
    for path in (part_path(made, 0), checksum_path(part_path(made, 0))):
        shutil.copy(path, path.with_name(path.name.replace("00000", "00009")))
    part_path(made, 1).unlink()
    part_path(made, 2).write_bytes(b"torn")
    stale = made / ".part-00001.h5.0123456789ab.partial"
    stale.write_bytes(b"half")
    os.utime(stale, (1000, 1000))
    (made / ".part-00001.lock").touch()


def check_files(folder, wanted, acknowledged_paths):
    """Check that published files are correct or reported, and none is missing."""
    present = images(folder)
    said = "\n".join(f.reason for f in find_faults(folder))
    for name in wanted.keys() & present.keys():
        owner = name.removesuffix(".sha256")
        assert present[name] == wanted[name] or owner not in present or owner in said
    assert {path.name for path in acknowledged_paths} <= present.keys()
    for path in acknowledged_paths:
        assert present[path.name] == wanted[path.name]


def run_twice(setup, modality, cache, disk, monkeypatch, acknowledged_paths):
    """Run once on a failing disk, and once more on a working disk."""
    found, encoders, whole = setup
    folder = cache / "toy" / whole[modality].folder.name
    wanted = images(whole[modality].folder)
    try:
        with disk.inserted(monkeypatch):
            run(found, encoders, modality, cache)
    except (OSError, ValueError) as error:
        assert str(error)  # noqa: PT017 - whether it fails depends on the call
    check_files(folder, wanted, acknowledged_paths)
    again = run(found, encoders, modality, cache)
    assert again.utterances == COUNT
    assert images(folder) == wanted
    assert find_damage(cache) == []
    leftovers = [p.name for p in folder.iterdir() if p.name.startswith(".")]
    assert leftovers == []
    acknowledged_paths.clear()


def fail_each_call(
    tmp_path, setup, monkeypatch, acknowledged_paths, modality, start, errors
):
    """Let each call fail in turn, and return the names of the calls that failed."""
    seen = set()
    for number in itertools.count(1):
        cache = tmp_path / str(number)
        if start == "worn":
            make_damaged_cache(cache, setup[2][modality].folder)
        disk = Disk(cache, fail=number, error=errors[number % len(errors)])
        run_twice(setup, modality, cache, disk, monkeypatch, acknowledged_paths)
        if not disk.failed:
            return seen
        seen.add(disk.failed)
        shutil.rmtree(cache)


CALLS = {"open", "open wb", "write", "fsync", "replace", "unlink", "flock"}


@linux
@pytest.mark.slow
def test_one_failing_call_to_the_disk_damages_nothing(
    tmp_path, setup, monkeypatch, acknowledged_paths
):
    args = (tmp_path, setup, monkeypatch, acknowledged_paths)
    assert fail_each_call(*args, "text", "worn", ERRORS) >= {*CALLS, "mkdir", "open rb"}


@linux
@pytest.mark.slow
@pytest.mark.parametrize("error", ERRORS)
@pytest.mark.parametrize("start", ["empty", "worn"])
@pytest.mark.parametrize("modality", CHOICES)
def test_a_failing_call_with_any_error_damages_nothing(
    tmp_path, setup, monkeypatch, acknowledged_paths, modality, start, error
):
    args = (tmp_path, setup, monkeypatch, acknowledged_paths)
    assert fail_each_call(*args, modality, start, [error]) >= CALLS


@linux
@pytest.mark.parametrize("short", [1, 1000])
def test_short_writes_are_completed(
    tmp_path, setup, monkeypatch, acknowledged_paths, short
):
    disk = Disk(tmp_path / "cache", short=short)
    with disk.inserted(monkeypatch):
        publish(tmp_path / "cache" / "a.bin", bytes(range(256)) * 20)
    assert (tmp_path / "cache" / "a.bin").read_bytes() == bytes(range(256)) * 20
    assert disk.calls.count("write") >= 5120 // short
    (tmp_path / "cache" / "a.bin").unlink()
    if short > 1:
        run_twice(
            setup, "text", tmp_path / "cache", disk, monkeypatch, acknowledged_paths
        )


@linux
@pytest.mark.parametrize("error", ERRORS)
def test_errors_name_the_published_file_not_the_partial_one(
    tmp_path, monkeypatch, error
):
    for number in itertools.count(1):
        path = tmp_path / str(number) / "a.bin"
        disk = Disk(path.parent, fail=number, error=error)
        try:
            with disk.inserted(monkeypatch):
                publish(path, b"whole")
        except OSError as failure:
            assert str(path.parent) in str(failure)  # noqa: PT017
            assert ".partial" not in str(failure)  # noqa: PT017
        else:
            assert path.read_bytes() == b"whole"
        if not disk.failed:
            break
    assert number > 6


@linux
def test_a_failing_disk_does_not_remove_other_current_caches(tmp_path, monkeypatch):
    one, two = recipe(), recipe(layers=(3,))
    folders = [fill(tmp_path, of=one), fill(tmp_path, of=two)]
    current_content.mark_current(folders[0], one)
    for number in itertools.count(1):
        disk = Disk(tmp_path, fail=number, error=5)
        with disk.inserted(monkeypatch), contextlib.suppress(OSError):
            current_content.mark_current(folders[1], two)
        assert (
            current_content.read_current_folders(tmp_path / "toy")[one.kind()]
            == folders[0].name
        )
        if not disk.failed:
            break
    assert (
        current_content.read_current_folders(tmp_path / "toy")[two.kind()]
        == folders[1].name
    )


def test_concurrent_marks_of_current_caches_are_all_kept(tmp_path, monkeypatch):
    """Each process adds its entry; no entry of another process is lost."""
    made = [recipe(layers=(n,)) for n in range(8)]
    folders = [fill(tmp_path, of=of, rows=(1,)) for of in made]
    real = current_content.write_and_list
    monkeypatch.setattr(
        current_content, "write_and_list", lambda *a: (time.sleep(0.01), real(*a))
    )
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(current_content.mark_current, folders, made))
    noted = current_content.read_current_folders(tmp_path / "toy")
    assert noted == {r.kind(): f.name for r, f in zip(made, folders, strict=True)}


def test_a_file_in_place_of_a_folder_is_an_error(tmp_path, setup):
    """It stands for a folder that cannot be written, which root always can."""
    found, encoders, whole = setup
    for taken in ("cache", "cache/toy", f"cache/toy/{whole['text'].folder.name}"):
        path = tmp_path / str(len(taken)) / taken
        publish(path, b"a file")
        with pytest.raises(OSError, match="Not a directory|File exists"):
            run(found, encoders, "text", tmp_path / str(len(taken)) / "cache")
        assert path.read_bytes() == b"a file"


# Clocks


def test_a_clock_that_runs_backwards_does_no_harm(tmp_path, setup, monkeypatch):
    found, encoders, whole = setup
    hours = itertools.count()
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now - 3600 * next(hours))
    make_damaged_cache(tmp_path, whole["text"].folder)
    made = run(found, encoders, "text", tmp_path)
    assert images(made.folder) == images(whole["text"].folder)
    later = made.folder / ".part-00000.h5.0123456789ab.partial"
    later.touch()  # an hour after the present
    assert list(part_removal.abandoned_files(made.folder)) == [later]


def test_the_last_extraction_is_current_despite_the_clock(tmp_path, setup):
    found, encoders, _ = setup
    for count in (3, COUNT, 5):
        some = corpus(found.root, count=count)
        made = run(some, encoders, "text", tmp_path)
        moment = 1_000_000 - 1000 * count  # and it runs backwards
        os.utime(made.folder, (moment, moment))
        caches = list(store.find(tmp_path))
        assert current_content.find_superseded(caches) == {c.path for c in caches} - {
            made.folder
        }


# Rot


@pytest.fixture
def large_part(tmp_path, monkeypatch):
    """Part with many pages and chunks, in a folder with a second cache."""
    monkeypatch.setattr(parts, "CHUNK", 5000)
    folder = tmp_path / "toy" / RECIPE.folder()
    write(folder, 1, part("z"), planned=2)
    ids = [f"utterance-{i}" for i in range(1500)]
    return write(folder, 0, part(*ids), planned=2)


def is_detected(path, change):
    """Return True if `verify` names this file, and nothing else, after a change."""
    before = path.read_bytes()
    path.write_bytes(change(before))
    found = find_damage(path.parents[2])
    path.write_bytes(before)
    owner = path.name.removesuffix(".sha256")
    return len(found) == 1 and str(path.with_name(owner)) in found[0]


def test_truncation_at_any_byte_is_detected(large_part):
    size = large_part.stat().st_size
    assert size > 20 * PAGE
    places = {*range(0, size, PAGE), 1, 7, PAGE - 1, PAGE + 1, size // 3, size - 1}
    for place in sorted(places):
        assert is_detected(large_part, lambda content, n=place: content[:n])
    assert is_detected(large_part, lambda content: content + b"\0")
    for place in range(0, checksum_path(large_part).stat().st_size, 7):
        assert is_detected(
            checksum_path(large_part), lambda content, n=place: content[:n]
        )


def test_torn_pages_are_detected(large_part, tmp_path):
    """A page is replaced by zeros, or by the page of another file."""
    other = write(tmp_path / "other", 0, part(*map(str, range(3000)))).read_bytes()
    for place in range(0, large_part.stat().st_size, PAGE):
        for strange in (bytes(PAGE), other[place : place + PAGE]):
            assert is_detected(
                large_part,
                lambda content, at=place, page=strange: (
                    content[:at] + page + content[at + PAGE :]
                ),
            )


def regions(path):
    """Yield name, begin and end of every structure that HDF5 stores in a part."""
    content = path.read_bytes()
    yield "superblock", 0, 48
    for kind in BLOCKS:
        place = content.find(kind)
        while place >= 0:
            yield kind.decode(), place, place + 16
            place = content.find(kind, place + 1)
    for text in (b'"corpus": "toy"', b'"numpy"'):
        place = content.index(text)
        yield "attribute", place, place + len(text)
    with h5py.File(path, "r") as file:
        for name, dataset in file.items():
            chunks = []
            dataset.id.chunk_iter(chunks.append)
            for chunk in (chunks[0], chunks[-1]):
                begin = chunk.byte_offset
                yield f"rows of {name}", begin, begin + chunk.size - 4
                yield f"checksum of {name}", begin + chunk.size - 4, begin + chunk.size


def flip_bit(content, place, bit):
    changed = bytearray(content)
    changed[place] ^= 1 << bit
    return bytes(changed)


def test_a_flipped_bit_in_any_region_is_detected(large_part):
    rng = np.random.default_rng(0)
    seen = {}
    for name, begin, end in regions(large_part):
        seen[name] = seen.get(name, 0) + 1
        for place in (begin, (begin + end) // 2, end - 1):
            bit = int(rng.integers(8))
            assert is_detected(
                large_part, lambda c, at=place, b=bit: flip_bit(c, at, b)
            ), name
    assert seen.keys() >= {"superblock", "OHDR", "FAHD", "FADB", "attribute"}
    assert {f"rows of {n}" for n in ("ids", "contents", "embeddings")} <= seen.keys()
    assert seen["OHDR"] == 4  # of the file and of three datasets


def test_a_flipped_bit_of_a_checksum_is_detected(large_part):
    sums = checksum_path(large_part)
    for place in range(sums.stat().st_size):
        assert is_detected(sums, lambda c, at=place: flip_bit(c, at, at % 8))


def test_damage_of_one_cache_is_not_reported_for_another(tmp_path):
    good, bad = fill(tmp_path), fill(tmp_path, of=recipe(content="other"))
    part_path(bad, 0).write_bytes(b"")
    (found,) = find_damage(tmp_path)
    assert str(bad) in found
    assert str(good) not in found
