"""Records of the inputs of a prediction: recordings, and their segments."""

from dataclasses import dataclass
from pathlib import Path

Span = tuple[float, float | None]  # seconds; None: until the end of the file


@dataclass(frozen=True, slots=True)
class TimedText:
    """Transcript of a recording, or of a span of it."""

    text: str | None  # cleaned as in a corpus; None: not known, of a known span
    span: Span | None = None  # None: of the whole recording


@dataclass(frozen=True, slots=True)
class SpeakerTurn:
    """Time in which one speaker talks."""

    start: float  # seconds in the file
    end: float
    speaker: str


@dataclass(frozen=True, slots=True)
class Recording:
    """Recording or text that the user wants to be predicted."""

    file: str  # path as the user gave it, or below the folder that was given
    path: Path | None = None  # None: a text without a recording
    texts: tuple[TimedText, ...] = ()  # none, one for all of it, or several spans
    turns: tuple[SpeakerTurn, ...] = ()  # of its speakers, in the order of time


@dataclass(frozen=True, slots=True)
class Segment:
    """Segment of a recording that can be encoded, or a text alone."""

    file: str  # as in `Recording`
    path: Path | None = None
    span: Span | None = None  # None: the whole file
    text: str | None = None  # cleaned as in a corpus; None: there is none
    channel: int | None = None  # counted from 1; None: the mean of all channels
    digest: str = ""  # of the bytes of the file, see `affuse.extract.audio.decoding`
    seconds: float = 0.0  # duration of the segment
    speaker: str = ""  # who talks longest in it; "" if it is not known
    notes: tuple[str, ...] = ()  # on its choice; decoding makes other notes
