"""Log of the work in a folder: which command worked on it, when, how long and where.

A command adds a line of JSON when it begins, when it ends, even by an error, and
sometimes in between. The last line of a command counts. So the times of a resumed
command add up, and a killed command is known to be incomplete. Equal folders may have
different logs. Therefore no manifest lists a log, and nothing that affects a result is
read from it.
"""

import hashlib
import json
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from uuid import uuid4

from affuse.data.errors import AffuseError
from affuse.data.system.documents import parse_json
from affuse.data.system.environment import version
from affuse.data.system.regular_files import open_regular
from affuse.data.system.schema import Flag, Number, Record, Text

ID = 12  # hexadecimal digits that identify a command
PAUSE = 30.0  # seconds between two lines of a command
LARGEST = 2**20  # bytes of a log; a larger one is refused
# Flags of os.open: append, neither through a link nor waiting for a reader of a pipe.
FLAGS = os.O_WRONLY | os.O_APPEND | os.O_CREAT
FLAGS |= getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
WORD = Text(500)
KIND = Record(
    {
        **dict.fromkeys(("id", "check", "command", "began", "device"), WORD),
        **dict.fromkeys(("unit", "version"), WORD),
        **dict.fromkeys(("seconds", "amount"), Number(0)),
        "finished": Flag(),
    }
)


@dataclass(frozen=True)
class WorkStep:
    """Work of one command on one folder."""

    command: str  # its name, such as "train"
    began: str  # UTC, such as 2026-01-31T08:05:00+00:00
    seconds: float  # of wall-clock time, up to the last line of the command
    device: str  # in words
    amount: float  # of the work that is known to be done
    unit: str  # of the amount, such as "models"
    finished: bool  # False if the command was interrupted or ended with an error
    version: str  # of this package


@dataclass(frozen=True)
class WorkLog:
    """Steps of a log in their order, and the number of lines that cannot be read."""

    steps: tuple[WorkStep, ...] = ()
    unread: int = 0


class WorkClock:
    """Clock of a command, which logs what the command does in each folder.

    A log that cannot be written is left as it is, because no result depends on it.

    Args:
        step: what is known before the work
    """

    def __init__(self, step: WorkStep):
        self._step, self._start = step, monotonic()
        self._id = uuid4().hex[:ID]
        self._amounts: dict[Path, float] = {}  # by log
        self._written: dict[Path, float] = {}  # time of the last line of each log

    def begin(self, log: Path) -> None:
        """Log that work in a folder begins.

        Args:
            log: path of the log of the folder
        """
        self._amounts.setdefault(log, 0.0)
        self._write(log)

    def count(self, log: Path, amount: float) -> None:
        """Count work in a folder.

        Args:
            log: path of the log of the folder
            amount: of the work
        """
        self._amounts[log] = self._amounts.get(log, 0.0) + amount
        if self._amounts[log] and self._seconds() >= self._written.get(log, 0.0):
            self._write(log)

    def end(self, *, finished: bool) -> None:
        """Log the whole work in each folder; one without any work gets no line.

        Args:
            finished: False after an error
        """
        for log, amount in self._amounts.items():
            if amount or log in self._written:
                self._write(log, finished=finished)

    def _seconds(self) -> float:
        return monotonic() - self._start

    def _write(self, log: Path, *, finished: bool = False) -> None:
        self._written[log] = self._seconds() + PAUSE
        step = replace(
            self._step,
            seconds=round(self._seconds(), 3),
            amount=round(self._amounts[log], 3),
            finished=finished,
        )
        values = {"id": self._id, **asdict(step)}
        line = json.dumps({**values, "check": _check(values)}, sort_keys=True)
        with suppress(OSError):
            _append(log, f"{line}\n")


@contextmanager
def log_work(command: str, *, device: str, unit: str) -> Iterator[WorkClock]:
    """Log the work that is counted in this context.

    Args:
        command: its name
        device: in words
        unit: of all amounts
    """
    now = datetime.now(UTC).isoformat(timespec="seconds")
    clock = WorkClock(WorkStep(command, now, 0.0, device, 0.0, unit, False, version()))
    finished = False
    try:
        yield clock
        finished = True
    finally:
        clock.end(finished=finished)


def _check(values: Mapping[str, object]) -> str:
    """Return a digest of the values of a line, by which damage is noticed."""
    text = json.dumps(values, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:ID]


def _append(log: Path, line: str) -> None:
    """Append a line by one system call, so that lines of two processes do not mix.

    A folder may come from other people, so a link, pipe or device gets no line.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(log, FLAGS, 0o644)
    try:
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.write(descriptor, line.encode())
    finally:
        os.close(descriptor)


def read_work(log: Path) -> WorkLog:
    """Return the content of a log; without a file it is empty.

    Args:
        log: path of the file

    Raises:
        DamagedFileError: if it is no regular file, or too large
    """
    try:
        with open_regular(log, limit=LARGEST) as file:
            lines = file.read().splitlines()
    except FileNotFoundError:
        return WorkLog()
    steps, unread = dict[str, WorkStep](), 0
    for line in lines:
        try:
            values = parse_json(line, KIND)
            is_intact = values.pop("check") == _check(values)
        except AffuseError:
            is_intact = False
        if is_intact:
            identity = values.pop("id")
            steps[identity] = WorkStep(**values)
        unread += not is_intact
    return WorkLog(tuple(steps.values()), unread)
