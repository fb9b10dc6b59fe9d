"""Uploads: what counts as one, and when it is deleted."""

import os
import time

import pytest

from affuse.extract.inference.serving import uploaded_files
from affuse.extract.inference.serving.uploaded_files import (
    LOCK,
    PREFIX,
    UploadedFiles,
    upload_folder,
)


@pytest.fixture
def uploads(tmp_path):
    (tmp_path / "uploads").mkdir()
    return UploadedFiles(tmp_path / "uploads")


def put(uploads, name="a.wav", content=b"abc"):
    path = uploads.reserve() / "digest" / name
    path.parent.mkdir()
    path.write_bytes(content)
    return path


def test_an_upload_is_found_until_it_is_removed(uploads):
    path, other = put(uploads), put(uploads)
    assert uploads.find(str(path)) == path
    assert uploads.size == 6
    uploads.remove(path)
    assert uploads.find(path) is None
    assert uploads.find(other) == other
    assert [*uploads.root.iterdir()] == [other.parents[1]]
    uploads.remove(path)  # again


def test_pipes_links_folders_and_other_files_are_no_uploads(uploads, tmp_path):
    secret = tmp_path / "secret.wav"
    secret.write_bytes(b"abc")
    path = put(uploads)
    link, fifo = path.with_name("link.wav"), path.with_name("fifo.wav")
    link.symlink_to(secret)
    os.mkfifo(fifo)
    around = path.parent / ".." / ".." / ".." / "secret.wav"
    for each in (secret, link, fifo, path.parent, around, "a\0b", "", "http://a/b"):
        assert uploads.find(each) is None
    uploads.remove(secret)
    assert secret.exists()


def test_old_uploads_are_removed(uploads):
    old, new = put(uploads), put(uploads)
    before = time.time() - 1000
    os.utime(old.parents[1], (before, before))
    assert uploads.remove_old(900) == 1
    assert not old.exists()
    assert new.exists()


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


def test_the_folder_is_private_and_deleted_at_the_end(place):
    with upload_folder() as uploads:
        put(uploads)
        (folder,) = place.iterdir()
        assert folder.stat().st_mode & 0o77 == 0
        assert uploads.root.stat().st_mode & 0o77 == 0
    assert [*place.iterdir()] == []


def test_folders_of_killed_servers_are_deleted_and_others_kept(place, monkeypatch):
    monkeypatch.setattr(uploaded_files, "JUST_MADE", -1.0)
    for name in (f"{PREFIX}killed", "other"):
        (place / name / "uploads").mkdir(parents=True)
    (place / f"{PREFIX}killed" / LOCK).touch()
    with upload_folder() as first, upload_folder():
        assert not (place / f"{PREFIX}killed").exists()
        assert (place / "other").exists()
        assert first.root.exists()


def test_a_folder_that_was_just_made_is_kept(place):
    (place / f"{PREFIX}new").mkdir()
    with upload_folder():
        assert (place / f"{PREFIX}new").exists()
