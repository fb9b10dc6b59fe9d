"""Records of speech recognition: its options, its model, and transcripts with times."""

import hashlib
import json
import re
from dataclasses import asdict, dataclass, field

LABEL_DIGITS = 8  # hexadecimal digits at the end of a label
FOREIGN = re.compile(r"[^A-Za-z0-9._-]+")  # characters that a label must not have


@dataclass(frozen=True, slots=True)
class RecognitionOptions:
    """Options of speech recognition that may change a transcript."""

    language: str | None = None  # code such as "en"; None: detected in each recording
    beam: int = 5  # hypotheses that are followed at the same time


@dataclass(frozen=True, slots=True)
class RecogniserIdentity:
    """Model and options that transcripts depend on."""

    model: str  # name, or that of the local folder
    digest: str  # SHA-256 of the weights, 64 hexadecimal digits
    precision: str  # of the computation, such as "int8"
    options: RecognitionOptions = field(default_factory=RecognitionOptions)
    package: str = ""  # recogniser and its version; does not enter the label

    @property
    def label(self) -> str:
        """Name of the transcripts, such as ``small.en-0123abcd``; safe in file names.

        The digits depend on the weights, the precision and the options.
        """
        facts = [self.model, self.digest, self.precision, asdict(self.options)]
        text = json.dumps(facts, sort_keys=True)
        digits = hashlib.sha256(text.encode()).hexdigest()[:LABEL_DIGITS]
        name = FOREIGN.sub("_", self.model).strip("._-") or "model"
        return f"{name}-{digits}"


@dataclass(frozen=True, slots=True)
class TranscriptSegment:
    """Words between two times."""

    start: float  # seconds from the beginning of the samples
    end: float
    text: str


@dataclass(frozen=True, slots=True)
class Transcript:
    """Words that were recognised in one recording, or in a span of it."""

    segments: tuple[TranscriptSegment, ...]  # in the order of time; () without words
    language: str = ""  # code of the language; "" if it is not known

    @property
    def text(self) -> str:
        """Words of all segments in one line; "" if no words were recognised."""
        return " ".join(each.text.strip() for each in self.segments).strip()
