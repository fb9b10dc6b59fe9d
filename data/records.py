"""The records that travel from a corpus reader to the final report.

Conventions ----------- Times are seconds. Ratings stay as the corpus released them, by
name and on the corpus's own scale (`Corpus.scale`); `affuse.data.rating_scales` brings
them to [-1, 1] when models are trained. What is unknown is ``""`` or ``None``, never a
guess.

The records of a corpus are all that is in memory at once, so they are small: below 1 kB
an utterance with a short text, and as much again for a long one as it has characters.
Columns add nothing where rows of equal values share them, and at most 0.8 kB.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from affuse.data.errors import AffuseError
from affuse.data.terminal import (
    printable as printable,  # beside the records that hold it
)

NATURES = ("human", "synthetic", "proxy")  # the last two are said in every table
ID_LENGTH = 200  # characters
NO_COLUMNS: Mapping[str, str] = {}  # one object for all utterances that have none


@dataclass(frozen=True, slots=True)
class Utterance:
    """One stretch of speech, of text, or of both, by one speaker."""

    id: str  # unique in its corpus
    audio: Path | None = None  # None: there is only text
    span: tuple[float, float | None] | None = None  # of the file; None: all of it
    transcript: str | None = None  # as released; None: there is none
    text: str | None = None  # the transcript, cleaned; may be empty
    ratings: Mapping[str, float] = field(default_factory=dict)  # as released
    speaker: str = ""  # no fold that claims to divides a speaker
    sex: str = ""  # "F" or "M"
    session: str = ""
    dialogue: str = ""
    scripted: bool | None = None  # read from a script, or improvised
    start: float | None = None  # in the dialogue
    end: float | None = None  # in the dialogue, exclusive
    split: str = ""  # the corpus's own: "train", "dev", "test", "test2", ...
    flags: tuple[str, ...] = ()  # e.g. "dominance_incomplete"
    sentence: str = ""  # digest of its words, where the text is not at hand any more
    recording: str = ""  # first utterance of its file, where that is not at hand either
    file: str = ""  # its recording, relative to the corpus, where that is not either
    columns: Mapping[str, str] = field(default_factory=lambda: NO_COLUMNS)  # any others

    def __post_init__(self) -> None:
        check_id(self.id)
        for begin, end in ((self.start, self.end), self.span or (None, None)):
            if not 0 <= (begin or 0) < (math.inf if end is None else end):
                raise AffuseError(
                    f"utterance '{self.id}' spans {begin}..{end} s; the start must be "
                    f"at least 0 and below the end"
                )


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with one utterance or one line of a file, in a sentence."""

    file: str  # relative to the corpus root where it lies below it
    reason: str
    line: int | None = None  # counted from 1
    id: str = ""
    fatal: bool = True  # True: something was left out; False: kept, only noted

    def __post_init__(self) -> None:
        for name in ("file", "reason", "id"):  # which terminals and tables must survive
            object.__setattr__(self, name, printable(getattr(self, name)))


@dataclass(frozen=True, slots=True)
class Count:
    """A number found in a corpus, beside the one its publication states."""

    what: str
    expected: int
    found: int


@dataclass(frozen=True)
class Corpus:
    """All utterances of one corpus, in stable order, and what was wrong with it."""

    name: str
    root: Path
    utterances: tuple[Utterance, ...]
    scale: tuple[float, float] | None  # lowest and highest nominal rating
    protocol: str  # of `affuse.data.splits.protocols`; the default for this corpus
    problems: tuple[Problem, ...] = ()
    counts: tuple[Count, ...] = ()  # empty where nothing is published
    nature: str = "human"  # one of NATURES
    reader: str = ""  # that read it, in data/corpora; "" if it is not known
    reading: tuple[str, ...] = ()  # how its columns were read, in sentences

    @property
    def shortfall(self) -> str:
        """What a partial copy lacks, in words; ``""`` if it is complete."""
        return ", ".join(
            f"{c.found:,} of {c.expected:,} {c.what}"
            for c in self.counts
            if c.found < c.expected and c.what in ("utterances", "wavs", "transcripts")
        )

    def __post_init__(self) -> None:
        check_name(self.name)
        if self.nature not in NATURES:
            raise AffuseError(
                f"the nature of a corpus is one of {', '.join(NATURES)}, "
                f"got {self.nature!r}"
            )
        if self.scale is None:
            return
        low, high = self.scale
        if not -math.inf < low < high < math.inf:
            raise AffuseError(
                f"scale {self.scale} must be two numbers, the lowest rating first"
            )


def file_name(utterance: Utterance, root: Path, path: Path | None = None) -> str:
    """Return a file's name, relative to the corpus if it lies in it; "" if none.

    Args:
        utterance: whose recording is meant if no other file is
        root: folder of the corpus
        path: a file of the utterance
    """
    path = path or utterance.audio
    if path is None:
        return ""
    name = str(path.relative_to(root) if path.is_relative_to(root) else path)
    return name.encode(errors="backslashreplace").decode()  # reports are UTF-8


def check_id(name: str) -> None:
    """Refuse an utterance id that tables and terminals would not survive.

    Raises:
        AffuseError: saying what it may be
    """
    if not (0 < len(name) <= ID_LENGTH and name.isprintable()):
        raise AffuseError(
            f"utterance id {name!r} must be 1 to {ID_LENGTH} characters, all printable"
        )


def check_name(name: str) -> None:
    """Refuse a corpus name that cannot be that of a folder.

    Raises:
        AffuseError: saying which characters it may have
    """
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name):
        raise AffuseError(
            f"corpus name {name!r} becomes a folder: use letters, digits, '.', '_' and "
            f"'-' only, a letter or digit first"
        )
