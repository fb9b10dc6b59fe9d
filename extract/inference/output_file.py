"""File of predictions that is written only when it is complete.

Until then, the predictions of each finished recording are in a journal beside the file,
``FILE.progress``. If the command is interrupted and repeated, it predicts only the
recordings that are missing there. At the end, the file is written atomically in the
order of the inputs, and the journal is removed. If a recording could not be predicted,
the journal stays, so that a repeated command predicts only that recording again.

A finished file is never appended to or replaced: `is_finished` recognises it, and
`open_output` refuses any other file without a journal.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from affuse.data.errors import OptionError
from affuse.data.system.atomic_files import claim, publish, with_path
from affuse.data.system.regular_files import TABLE, open_regular
from affuse.extract.inference.predicted_segments import PredictedSegment
from affuse.extract.inference.prediction_columns import PredictionColumns
from affuse.extract.inference.prediction_format import WIDTH, load_prediction_format
from affuse.extract.inference.prediction_journal import (
    PredictionJournal,
    open_journal,
)

BEGINNING = 2**20  # bytes of a finished file that are read to recognise it


@dataclass(frozen=True)
class OutputRequest:
    """Requested file of predictions."""

    path: Path
    form: str  # name of its format
    columns: PredictionColumns
    # {name: plain value} of the options that change predictions, such as the window
    options: Mapping[str, object]

    @property
    def journal(self) -> Path:
        """Path of the journal of a file that is not complete."""
        return self.path.with_name(f"{self.path.name}.progress")

    @property
    def identity(self) -> dict[str, object]:
        """Facts that must be equal for a repeated command to continue this one."""
        facts = self.columns.facts
        return {
            "format": self.form,
            "model": facts.identity,
            "digest": facts.digest,
            "columns": " ".join(self.columns.names),
            **self.options,
        }


class PredictionOutput:
    """Predictions of one command on their way to a file.

    Args:
        request: for the file
        journal: of finished recordings
    """

    def __init__(self, request: OutputRequest, journal: PredictionJournal):
        self._request, self._journal = request, journal
        self.is_complete = False  # True once the file holds all predictions

    def is_done(self, key: str, stamp: str = "") -> bool:
        """Return True if a recording need not be predicted again.

        Args:
            key: name of the recording, unique among the inputs
            stamp: state of its file, see `file_stamp`; a file that changed since is
                not done
        """
        return self._journal.is_done(key, stamp)

    def demand_no_others(self, keys: Sequence[str]) -> None:
        """Raise an error if predictions of other recordings would be lost.

        Args:
            keys: of all recordings of this command

        Raises:
            OptionError: if an earlier command predicted other recordings too
        """
        known = set(keys)
        if others := [key for key in self._journal.done if key not in known]:
            journal = self._request.journal
            raise OptionError(
                f"{journal} has predictions of {others[0]!r}, which is not among the "
                f"recordings ({len(others):,} of them); name another file with "
                f"--output, or remove {journal.name}"
            )

    def add(
        self, key: str, segments: Sequence[PredictedSegment], stamp: str = ""
    ) -> None:
        """Keep the predictions of one recording, all of its segments together.

        Args:
            key: name of the recording, unique among the inputs
            segments: of the recording; a recording with a segment that has a reason
                is predicted again by a repeated command
            stamp: state of its file, see `file_stamp`
        """
        self._journal.add(key, stamp, segments)

    def segments(self, keys: Iterable[str]) -> Iterator[PredictedSegment]:
        """Yield the segments of recordings, also those of an interrupted command.

        Call it before the end of the context of `open_output`, for a plot.

        Args:
            keys: of recordings that were added, now or by an earlier command
        """
        for key in keys:
            yield from self._journal.read(key)

    def finish(self, keys: Sequence[str]) -> int:
        """Write the file, and remove the journal if every recording was predicted.

        Args:
            keys: of all recordings, in the order of the output; each was added, now or
                by an earlier command

        Returns:
            number of recordings that could not be predicted in full

        Raises:
            OSError: if the file cannot be written; the journal remains
        """
        render = load_prediction_format(self._request.form).render
        recordings = map(self._journal.read, keys)
        texts = render(self._request.columns, recordings, width=WIDTH)
        publish(self._request.path.resolve(), (text.encode() for text in texts))
        failed = sum(map(self._journal.is_failed, keys))
        self.is_complete = not failed
        return failed


@contextmanager
def open_output(request: OutputRequest) -> Iterator[PredictionOutput]:
    """Open a file of predictions, which continues an interrupted command.

    Args:
        request: for the file; see `is_finished` for a file that needs no command

    Yields:
        the file, whose method `PredictionOutput.finish` writes it

    Raises:
        OptionError: if another command is writing the file, the journal is of a command
            with other options, or the file exists without a journal
        DamagedFileError: if a path is no regular file
        OSError: if the journal cannot be written
    """
    path = request.path.resolve()
    with _claimed(path) as is_held:
        if not is_held:
            raise OptionError(
                f"another command is writing {request.path}; wait until it ends, or "
                f"name another file with --output"
            )
        _refuse_other_file(request)
        with open_journal(request.journal, request.identity) as journal:
            output = PredictionOutput(request, journal)
            yield output
        if output.is_complete:
            request.journal.unlink()


@contextmanager
def _claimed(path: Path) -> Iterator[bool]:
    """Hold the lock of an output; an error that concerns the lock names the output."""
    lock = path.with_name(f".{path.name}.lock")
    try:
        with claim(lock, wait=False) as is_held:
            yield is_held
    except OSError as error:
        if error.filename == str(lock):
            raise with_path(error, path) from error
        raise


def is_finished(request: OutputRequest) -> bool:
    """Return True if a file holds finished predictions of this model in these columns.

    Recordings that were added since the file was written are not in it.

    Args:
        request: for the file

    Raises:
        DamagedFileError: if the path is no regular file
        OSError: if it cannot be read
    """
    if not request.path.exists() or request.journal.exists():
        return False
    with open_regular(request.path, limit=TABLE) as file:
        text = file.read(BEGINNING).decode("utf-8", errors="replace")
    texts = load_prediction_format(request.form).render(
        request.columns, (), width=WIDTH
    )
    return text.startswith(next(texts)) and request.columns.facts.identity in text


def file_stamp(path: Path) -> str:
    """Return the state of a file: its size and the time of its last change.

    Args:
        path: of a recording

    Raises:
        OSError: if there is no such file
    """
    status = path.stat()
    return f"{status.st_size}-{status.st_mtime_ns}"


def _refuse_other_file(request: OutputRequest) -> None:
    """Raise an error if the file is not one that this command may replace."""
    path = request.path
    if not path.exists() or request.journal.exists():
        return
    if path.is_file() and not path.stat().st_size:  # created by the caller, as mktemp
        return
    if is_finished(request):
        raise OptionError(
            f"{path} holds the finished predictions of {request.columns.facts.identity}"
            f"; to predict again, remove it or name another file with --output"
        )
    raise OptionError(
        f"{path} exists, and is no output of this model with these columns; remove it, "
        f"or name another file with --output"
    )
