"""Listing of recordings: unchanged files are not opened again, all others are."""

import json
import os
import time

import pytest
from spoken_corpus import noise, record

from affuse.data.cache.cache_folder import CorpusFolder
from affuse.data.cache.verification import verify
from affuse.extract.audio import decoder_pool
from affuse.extract.caching.recording_listing import RecordingListing

OLD = (1e9, 1e9)  # times of access and modification, long ago


@pytest.fixture
def opened(monkeypatch):
    """Names of the files that are opened, in the order of the listings."""
    names = []
    probe_all = decoder_pool.probe_all

    def noting(paths, threads):
        names.extend(path.name for path in paths)
        return probe_all(paths, threads)

    monkeypatch.setattr(decoder_pool, "probe_all", noting)
    return names


@pytest.fixture
def files(tmp_path):
    paths = [
        record(tmp_path / "sound" / f"{n}.wav", noise(800 + n, seed=n))
        for n in range(3)
    ]
    for path in paths:
        os.utime(path, OLD)
    return paths


def listed(files, root):
    with RecordingListing(files, root, CorpusFolder(root / "cache"), 2) as listing:
        return dict(listing.probes(progress=False))


def kept(root):
    return CorpusFolder(root / "cache").recordings


def test_unchanged_files_are_not_opened_again(tmp_path, files, opened):
    first = listed(files, tmp_path)
    assert sorted(opened) == ["0.wav", "1.wav", "2.wav"]
    opened.clear()
    written = kept(tmp_path).read_bytes()
    assert listed(files, tmp_path) == first
    assert opened == []
    assert kept(tmp_path).read_bytes() == written
    assert first == {path: decoder_pool.probe(path) for path in files}


def test_files_of_another_size_time_or_inode_are_opened(tmp_path, files, opened):
    first = listed(files, tmp_path)
    opened.clear()
    size, moment, inode = files
    size.write_bytes(size.read_bytes() + b"\0\0")
    os.utime(size, OLD)
    os.utime(moment, (1e9, 1e9 + 1))
    copied = inode.with_suffix(".new")
    copied.write_bytes(inode.read_bytes())
    os.utime(copied, OLD)
    copied.replace(inode)
    again = listed(files, tmp_path)
    assert sorted(opened) == ["0.wav", "1.wav", "2.wav"]
    assert again[size].digest != first[size].digest
    assert again[inode] == first[inode]


def test_files_that_are_as_new_as_the_listing_are_opened_again(tmp_path, files, opened):
    """A file may change twice within the resolution of its modification time."""
    first = listed(files, tmp_path)
    changed = files[1]
    now = time.time_ns()
    os.utime(changed, ns=(now, now))
    listed(files, tmp_path)
    opened.clear()
    content = bytearray(changed.read_bytes())
    content[-1] ^= 1
    with changed.open("r+b") as file:  # the same inode and size
        file.write(content)
    os.utime(changed, ns=(now, now))
    again = listed(files, tmp_path)
    assert opened == ["1.wav"]
    assert again[changed].digest != first[changed].digest


def test_unreadable_files_are_opened_each_time(tmp_path, files, opened):
    files[0].write_text("no sound")
    os.utime(files[0], OLD)
    missing = tmp_path / "missing.wav"
    for _ in range(2):
        opened.clear()
        found = listed([*files, missing], tmp_path)
        assert "cannot be decoded" in found[files[0]]
        assert "No such file" in found[missing]
    assert sorted(opened) == ["0.wav", "missing.wav"]


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text[:-9],
        lambda text: text.replace('"frames": 800', '"frames": -1'),
        lambda text: text.replace('"decoder": "', '"decoder": "0'),
        lambda text: "[]",
    ],
)
def test_a_damaged_or_older_listing_is_not_used(tmp_path, files, opened, damage):
    first = listed(files, tmp_path)
    text = kept(tmp_path).read_text()
    assert damage(text) != text
    kept(tmp_path).write_text(damage(text))
    opened.clear()
    assert listed(files, tmp_path) == first
    assert len(opened) == 3
    assert json.loads(kept(tmp_path).read_text())["files"].keys() == {
        f"sound/{n}.wav" for n in range(3)
    }


def test_a_listing_keeps_the_files_of_other_commands(tmp_path, files, opened):
    listed(files[:2], tmp_path)
    listed(files[2:], tmp_path)
    opened.clear()
    listed(files, tmp_path)
    assert opened == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes into any folder")
def test_a_read_only_folder_is_listed(tmp_path, files):
    (tmp_path / "cache").mkdir(mode=0o500)
    assert len(listed(files, tmp_path)) == 3


def test_a_listing_that_nobody_reads_ends(tmp_path, files):
    with RecordingListing(files, tmp_path, CorpusFolder(tmp_path / "cache"), 2):
        pass
    assert not kept(tmp_path).exists()
    assert decoder_pool.probe(files[0]).frames == 800


def test_a_changed_file_whose_time_was_set_back_is_opened(tmp_path, files, opened):
    """As after `rsync --inplace --times`: size, modification time and inode agree."""
    first = listed(files, tmp_path)
    opened.clear()
    content = bytearray(files[1].read_bytes())
    content[-1] ^= 1
    time.sleep(0.05)  # the clock of status times advances every few milliseconds
    with files[1].open("r+b") as file:
        file.write(content)
    os.utime(files[1], OLD)
    again = listed(files, tmp_path)
    assert opened == ["1.wav"]
    assert again[files[1]].digest != first[files[1]].digest


@pytest.mark.parametrize("kind", ["folder", "loop"])
def test_recordings_are_listed_if_the_listing_cannot_be_kept(tmp_path, files, kind):
    place = kept(tmp_path)
    place.parent.mkdir()
    if kind == "folder":
        place.mkdir()
    else:
        place.symlink_to(place)
    assert len(listed(files, tmp_path)) == 3


def test_removed_files_leave_the_listing(tmp_path, files):
    listed(files, tmp_path)
    files[0].unlink()
    new = record(tmp_path / "sound" / "3.wav", noise(900))
    listed([new], tmp_path)
    assert json.loads(kept(tmp_path).read_text())["files"].keys() == {
        f"sound/{n}.wav" for n in (1, 2, 3)
    }


def test_another_digest_in_the_listing_is_noticed(tmp_path, files, opened):
    first = listed(files, tmp_path)
    assert not verify(tmp_path / "cache").notes
    text = kept(tmp_path).read_text()
    digest = first[files[0]].digest
    kept(tmp_path).write_text(text.replace(digest, digest[::-1]))
    assert verify(tmp_path / "cache").faults
    opened.clear()
    assert listed(files, tmp_path) == first
    assert sorted(opened) == ["0.wav", "1.wav", "2.wav"]
    assert not verify(tmp_path / "cache").problems
