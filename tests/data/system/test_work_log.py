"""Log of the work in a folder: each command adds a line, interrupted or not."""

import os
import re

import pytest

from affuse.data.cache.verification import verify
from affuse.data.errors import DamagedFileError
from affuse.data.runs.run_folder import RunFolder
from affuse.data.system import work_log
from affuse.data.system.environment import version
from affuse.data.system.work_log import (
    WorkClock,
    WorkLog,
    WorkStep,
    log_work,
    read_work,
)


def work(log, *amounts):
    with log_work("train", device="a processor", unit="models") as clock:
        for amount in amounts:
            clock.count(log, amount)


def test_each_command_adds_a_line_with_its_device_and_its_time(tmp_path):
    log = tmp_path / "log"
    work(log, 1, 2)
    work(log, 4)
    first, second = read_work(log).steps
    assert (first.command, first.device, first.unit) == (
        *("train", "a processor", "models"),
    )
    assert (first.amount, second.amount) == (3, 4)
    assert first.finished
    assert 0 <= first.seconds < 60
    assert first.version == version()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", first.began)


def interrupted(log, amount):
    with log_work("train", device="a processor", unit="models") as clock:
        clock.count(log, amount)
        raise KeyboardInterrupt


def test_an_interrupted_command_is_logged_with_the_work_that_it_did(tmp_path):
    log = tmp_path / "log"
    with pytest.raises(KeyboardInterrupt):
        interrupted(log, 2)
    (step,) = read_work(log).steps
    assert (step.amount, step.finished) == (2, False)


def test_a_killed_command_is_known_to_be_incomplete(tmp_path):
    log = tmp_path / "log"
    killed = WorkClock(WorkStep("extract", "", 0.0, "", 0.0, "models", False, ""))
    killed.begin(log)
    (step,) = read_work(log).steps
    assert (step.amount, step.finished) == (0, False)
    work(log, 1)
    assert [step.finished for step in read_work(log).steps] == [False, True]


def test_lines_of_a_long_command_follow_after_a_pause(tmp_path, monkeypatch):
    log, now = tmp_path / "log", [0.0]
    monkeypatch.setattr(work_log, "monotonic", lambda: now[0])
    with log_work("train", device="", unit="models") as clock:
        for _ in range(100):
            clock.count(log, 1)
            now[0] += 1.0
        assert log.read_text().count("\n") == 4
    (step,) = read_work(log).steps
    assert (step.amount, step.seconds, step.finished) == (100, 100.0, True)


def test_a_command_that_did_nothing_adds_no_line(tmp_path):
    work(tmp_path / "log", 0)
    assert not (tmp_path / "log").exists()
    assert read_work(tmp_path / "log") == WorkLog()


def test_a_log_that_cannot_be_written_does_not_end_the_command(tmp_path):
    (tmp_path / "folder").mkdir()
    work(tmp_path / "folder", 1)


@pytest.mark.parametrize(
    "line", ["", "{", "[]", "{}", b"\xff", '{"command": 1}', "null", "1e999"]
)
def test_damaged_lines_are_counted_and_the_others_are_read(tmp_path, line):
    log = tmp_path / "log"
    work(log, 1)
    with log.open("ab") as file:
        file.write((line if isinstance(line, bytes) else line.encode()) + b"\n")
    work(log, 2)
    found = read_work(log)
    assert [step.amount for step in found.steps] == [1, 2]
    assert found.unread == 1


def test_a_changed_number_is_not_read(tmp_path):
    log = tmp_path / RunFolder.work
    work(log, 1)
    log.write_text(log.read_text().replace('"amount": 1.0', '"amount": 7.0'))
    assert read_work(log) == WorkLog(unread=2)
    (fault,) = verify(tmp_path).faults
    assert "has 2 damaged lines; remove it" in fault


def test_a_log_that_is_no_file_is_refused(tmp_path):
    with pytest.raises(DamagedFileError, match="regular"):
        read_work(tmp_path)


def test_no_line_is_written_through_a_link(tmp_path):
    other, log = tmp_path / "other", tmp_path / "log"
    other.write_text("as it was\n")
    log.symlink_to(other)
    work(log, 1)
    assert other.read_text() == "as it was\n"


@pytest.mark.parametrize("has_reader", [True, False])
def test_a_pipe_in_place_of_a_log_gets_no_line_and_is_not_waited_for(
    tmp_path, has_reader
):
    log = tmp_path / "log"
    os.mkfifo(log)
    reader = os.open(log, os.O_RDONLY | os.O_NONBLOCK) if has_reader else None
    work(log, 1)
    if reader is not None:
        assert os.read(reader, 1) == b""
        os.close(reader)
