"""Manifests: a listed file is the one that was written, even after a kill."""

import logging
import os
import shutil
import subprocess

import pytest

from affuse.data.cache.verification import verify
from affuse.data.errors import DamagedFileError
from affuse.data.system import digests
from affuse.data.system.atomic_files import publish
from affuse.data.system.digests import MANIFEST


@pytest.fixture
def folder(tmp_path):
    """Folder with two files and their manifest."""
    with digests.rewrite_files(tmp_path, ["a.csv", "b.json"]):
        publish(tmp_path / "a.csv", b"x,y\n1,2\n")
        publish(tmp_path / "b.json", b"{}\n")
    return tmp_path


def content(path):
    return digests.content(path, limit=1_000)


def test_files_with_correct_digests_are_read(folder):
    assert content(folder / "a.csv") == b"x,y\n1,2\n"
    assert [*digests.read(folder)] == ["a.csv", "b.json"]
    assert verify(folder).faults == []


@pytest.mark.skipif(not shutil.which("sha256sum"), reason="needs sha256sum")
def test_sha256sum_reads_a_manifest(folder):
    command = ["sha256sum", "--check", "--strict", MANIFEST]
    assert subprocess.run(command, cwd=folder, check=False).returncode == 0
    (folder / "a.csv").write_bytes(b"x,y\n1,3\n")
    assert subprocess.run(command, cwd=folder, check=False).returncode == 1


@pytest.mark.parametrize("damage", [b"x,y\n1,3\n", b"x,y\n", b"", b"x,y\n1,2\n\n"])
def test_a_changed_file_is_refused_by_name(folder, damage):
    (folder / "a.csv").write_bytes(damage)
    with pytest.raises(DamagedFileError, match=r"a\.csv is damaged: its SHA-256"):
        content(folder / "a.csv")
    assert content(folder / "b.json") == b"{}\n"
    (fault,) = verify(folder).faults
    assert "a.csv" in fault


def test_a_missing_file_is_reported_by_name(folder):
    (folder / "a.csv").unlink()
    (fault,) = verify(folder).faults
    assert fault.startswith(f"{folder / 'a.csv'} is missing, and {MANIFEST} beside")
    with pytest.raises(DamagedFileError, match="is missing, and SHA256SUMS"):
        content(folder / "a.csv")


def test_every_damage_to_a_manifest_is_detected(folder):
    """The manifest is truncated at each byte, and one bit of each byte is changed."""
    path = folder / MANIFEST
    whole = path.read_bytes()
    damages = [whole[:n] for n in range(len(whole))]
    damages += [
        whole[:n] + bytes([whole[n] ^ 1 << n % 8]) + whole[n + 1 :]
        for n in range(len(whole))
    ]
    for damaged in damages:
        path.write_bytes(damaged)
        with pytest.raises(DamagedFileError, match=f"{MANIFEST} is damaged"):
            digests.read(folder)


def test_a_file_that_is_not_listed_is_read_unchecked(folder):
    publish(folder / "c.csv", b"x\n")
    assert content(folder / "c.csv") == b"x\n"
    (folder / MANIFEST).unlink()
    (folder / "a.csv").write_bytes(b"x\n")
    assert content(folder / "a.csv") == b"x\n"


def test_a_file_is_not_listed_while_it_is_written(folder):
    """A killed process therefore leaves no wrong digest."""
    with digests.rewrite_files(folder, ["a.csv"]):
        assert [*digests.read(folder)] == ["b.json"]
        publish(folder / "a.csv", b"x,y\n3,4\n")
        assert content(folder / "a.csv") == b"x,y\n3,4\n"
    assert content(folder / "a.csv") == b"x,y\n3,4\n"
    assert [*digests.read(folder)] == ["a.csv", "b.json"]


def test_replacing_a_damaged_file_logs_a_warning(folder, caplog):
    (folder / "a.csv").write_bytes(b"x,y\n1,3\n")
    with caplog.at_level(logging.WARNING), digests.rewrite_files(folder, ["a.csv"]):
        publish(folder / "a.csv", b"x,y\n1,2\n")
    assert "a.csv is damaged" in caplog.text
    assert "it is written again" in caplog.text
    assert content(folder / "a.csv") == b"x,y\n1,2\n"


def test_replacing_a_damaged_manifest_logs_a_warning(folder, caplog):
    (folder / MANIFEST).write_bytes(b"")
    with caplog.at_level(logging.WARNING), digests.rewrite_files(folder, ["a.csv"]):
        publish(folder / "a.csv", b"x,y\n")
    assert f"{MANIFEST} is damaged" in caplog.text
    assert [*digests.read(folder)] == ["a.csv"]


def test_a_file_that_is_not_written_again_is_not_listed(folder):
    with digests.rewrite_files(folder, ["a.csv"]):
        (folder / "a.csv").unlink()
    assert [*digests.read(folder)] == ["b.json"]


def test_an_unchanged_manifest_is_not_written(folder):
    before = (folder / MANIFEST).stat().st_mtime_ns, folder.stat().st_mtime_ns
    digests.list_files(folder, ["a.csv", "b.json"])
    digests.add_digests(folder, digests.read(folder))
    digests.unlist_files(folder, ["absent.csv"])
    after = (folder / MANIFEST).stat().st_mtime_ns, folder.stat().st_mtime_ns
    assert before == after


def test_a_file_that_is_replaced_while_it_is_read_is_no_damage(folder, monkeypatch):
    """Another process replaces the file after the manifest was read."""
    real = digests.open_regular
    meetings = []

    def meeting(path, *, limit):
        if path.name == "a.csv" and not meetings:
            meetings.append(path)
            with digests.rewrite_files(folder, ["a.csv"]):
                publish(path, b"x,y\n5,6\n")
        return real(path, limit=limit)

    monkeypatch.setattr(digests, "open_regular", meeting)
    assert content(folder / "a.csv") == b"x,y\n5,6\n"


@pytest.mark.parametrize("name", ["a.csv", MANIFEST])
def test_pipes_and_devices_are_refused_without_blocking(folder, name):
    (folder / name).unlink()
    os.mkfifo(folder / name)
    with pytest.raises(DamagedFileError, match="no regular file, but a named pipe"):
        content(folder / "a.csv")
    (folder / name).unlink()
    (folder / name).symlink_to("/dev/zero")
    with pytest.raises(DamagedFileError, match="no regular file, but a device"):
        content(folder / "a.csv")


def test_a_link_to_a_regular_file_is_read(folder):
    (folder / "a.csv").rename(folder / "blob")
    (folder / "a.csv").symlink_to(folder / "blob")
    assert content(folder / "a.csv") == b"x,y\n1,2\n"


def test_a_file_that_is_too_large_is_refused_before_it_is_read(tmp_path):
    with (tmp_path / "a.json").open("wb") as file:
        file.truncate(2**40)
    with pytest.raises(DamagedFileError, match="more than the 1,000 that such a file"):
        content(tmp_path / "a.json")
