"""Records of one request to the server, its answer, and the limits of both."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

from affuse.data.options.serving_options import ServingLimits
from affuse.extract.inference.predicted_segments import (
    PredictedSegment,
    SegmentPredictions,
)

MEGABYTE = 2**20
MOST_CHARACTERS = 20_000  # of a transcript; an hour of speech has about 50,000
KEPT_SECONDS = 900.0  # between the upload of a recording and its deletion
UPLOAD_SECONDS = 120.0  # that one upload may take
Words = Literal["typed", "recognised", "none"]
Division = Literal["windows", "speech"]


@dataclass(frozen=True)
class RequestLimits:
    """Limits of what one request can ask of the machine."""

    file_bytes: int  # of a recording
    seconds: float  # of a recording
    waiting: int  # requests that may wait at the same time
    characters: int = MOST_CHARACTERS
    kept_seconds: float = KEPT_SECONDS

    @classmethod
    def of(cls, options: ServingLimits) -> Self:
        """Return the limits that options state.

        Args:
            options: of the command line
        """
        return cls(
            file_bytes=options.max_megabytes * MEGABYTE,
            seconds=float(options.max_seconds),
            waiting=options.max_waiting,
        )

    @property
    def held_bytes(self) -> int:
        """Bytes of all recordings that the server holds at the same time."""
        return self.file_bytes * (self.waiting + 2)

    @property
    def absence(self) -> str:
        """Sentence on a recording that is not on the server."""
        return (
            f"the recording is not on this server, which deletes each one after "
            f"{self.kept_seconds / 60:.0f} minutes; upload it again"
        )

    @property
    def file_size(self) -> str:
        """Largest size of a file, in words."""
        return f"{self.file_bytes / MEGABYTE:g} MB"


@dataclass(frozen=True)
class ServingRequest:
    """Recording, or a text, that a visitor wants to be predicted."""

    path: Path | None = None  # None: there is only a text
    name: str = ""  # of the file on the visitor's machine
    text: str = ""  # as typed
    words: Words = "typed"  # source of the transcript
    division: Division = "windows"  # of a long recording


@dataclass(frozen=True)
class ServingAnswer:
    """Predictions, or a sentence on why there are none."""

    predictions: SegmentPredictions | None = None
    sentence: str = ""  # "" if there are predictions
    notes: tuple[str, ...] = ()  # on segments that were left out

    @property
    def segments(self) -> tuple[PredictedSegment, ...]:
        """Segments that were predicted."""
        found = () if self.predictions is None else self.predictions.segments
        return tuple(each for each in found if not each.reason)
