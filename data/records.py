"""Records of a corpus that both stages use: utterances, problems, counts, the corpus.

Times are in seconds. Ratings stay as the corpus released them, by name and on its scale
(`Corpus.scale`); `affuse.data.rating_scales` converts them to [-1, 1] for training.
Unknown values are ``""`` or ``None``, and never guessed.

All utterances of a corpus are in memory together, so their records are small. An
utterance takes less than 1 kB and one byte more for each character of a long text.
Columns take no memory where rows with equal values share them, and else up to 0.8 kB.
Summaries of single ratings take 0.2 kB, and up to 0.5 kB if few are equal.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from affuse.data.corpus_naming import (
    check_name as check_name,  # also offered here, beside the records
)
from affuse.data.corpus_naming import check_training_set
from affuse.data.errors import AffuseError
from affuse.data.single_ratings import NO_RATERS, Summaries
from affuse.data.terminal import (
    printable as printable,  # also offered here, beside the records
)

NATURES = ("human", "synthetic", "proxy")  # kinds of ratings, which label every table
WORST_FIRST = ("synthetic", "proxy", "human")  # for a table of several kinds
ID_LENGTH = 200  # characters
NO_COLUMNS: Mapping[str, str] = {}  # one object for all utterances without columns


@dataclass(slots=True)  # not frozen, because that takes three times as long
class Utterance:
    """Utterance of one speaker, with speech, text or both.

    Records are shared, so no code may change one; `dataclasses.replace` makes another.
    """

    id: str  # unique in its corpus
    audio: Path | None = None  # None: there is only text
    span: tuple[float, float | None] | None = None  # in the file; None: the whole file
    channel: int | None = None  # in the file, from 1; None: the mean of all channels
    transcript: str | None = None  # as released; None: there is no transcript
    text: str | None = None  # cleaned transcript; may be empty
    ratings: Mapping[str, float] = field(default_factory=dict)  # as released
    speaker: str = ""
    sex: str = ""  # "F" or "M"
    session: str = ""
    dialogue: str = ""
    scripted: bool | None = None  # True: read from a script; False: improvised
    start: float | None = None  # in the dialogue
    end: float | None = None  # in the dialogue, exclusive
    split: str = ""  # released with the corpus: "train", "dev", "test", "test2", ...
    flags: tuple[str, ...] = ()  # e.g. "dominance_incomplete"
    # The next three stand for text and audio in the cache, which does not keep those.
    sentence: str = ""  # digest of its words
    recording: str = ""  # id of the first utterance in the same recording
    file: str = ""  # recording, relative to the corpus
    columns: Mapping[str, str] = field(default_factory=lambda: NO_COLUMNS)  # any others
    # Single ratings by rating, see `affuse.data.single_ratings`; empty if unknown. The
    # released rating may differ from their mean.
    raters: Summaries = field(default_factory=lambda: NO_RATERS)

    def __post_init__(self) -> None:
        check_id(self.id)
        if self.start is not None or self.end is not None:
            self._check_times(self.start, self.end)
        if self.span is not None:
            self._check_times(*self.span)
        if self.channel is not None and self.channel < 1:
            raise AffuseError(
                f"utterance '{self.id}' has the channel {self.channel}; channels are "
                f"counted from 1"
            )

    def _check_times(self, begin: float | None, end: float | None) -> None:
        """Raise an error if a span is empty or begins before 0."""
        if not 0 <= (begin or 0) < (math.inf if end is None else end):
            raise AffuseError(
                f"utterance '{self.id}' spans {begin}..{end} s; the start must be "
                f"at least 0 and below the end"
            )


@dataclass(frozen=True, slots=True)
class Problem:
    """Problem with one utterance or one line of a file, in a sentence."""

    file: str  # relative to the root of the corpus, if it is in there
    reason: str
    line: int | None = None  # counted from 1
    id: str = ""
    fatal: bool = True  # True: something was left out; False: nothing was

    def __post_init__(self) -> None:
        # These texts are printed in terminals and tables.
        for name in ("file", "reason", "id"):
            object.__setattr__(self, name, printable(getattr(self, name)))


def repetition(earlier: object, record: object, where: str) -> tuple[str, bool]:
    """Return the reason of a problem with a repeated id, and whether it is fatal.

    Args:
        earlier: record with the id, which is kept
        record: with the same id
        where: place of the earlier record

    Examples:
        >>> repetition(1, 3, "line 2")
        ('contradicts line 2, which was kept', True)
    """
    is_equal = earlier == record
    what = "repeats" if is_equal else "contradicts"
    return f"{what} {where}, which was kept", not is_equal


@dataclass(frozen=True, slots=True)
class Count:
    """Count of items in a corpus, beside the published count."""

    what: str
    expected: int
    found: int


@dataclass(frozen=True, slots=True)
class Member:
    """Corpus in a training set of several corpora."""

    name: str
    nature: str  # one of NATURES
    scale: tuple[float, float] | None  # of the ratings as released
    reader: str = ""  # as in `Corpus`
    shortfall: str = ""  # as in `Corpus`

    @property
    def prefix(self) -> str:
        """Beginning of the ids and names of the corpus in the training set."""
        return f"{self.name}/"


@dataclass(frozen=True)
class Corpus:
    """Corpus: its utterances in a fixed order, and the problems of reading it."""

    name: str
    root: Path
    utterances: tuple[Utterance, ...]
    scale: tuple[float, float] | None  # lowest and highest nominal rating
    protocol: str  # of `affuse.data.splits.protocols`; the default for this corpus
    problems: tuple[Problem, ...] = ()
    counts: tuple[Count, ...] = ()  # empty if no counts are published
    nature: str = "human"  # one of NATURES
    reader: str = ""  # plug-in in data/corpora that read it; "" if it is not known
    reading: tuple[str, ...] = ()  # sentences that say how its columns were read
    lacking: tuple[str, ...] = ()  # sentences on what its training lacks
    members: tuple[Member, ...] = ()  # of a training set of several corpora
    table: Path | None = None  # folder of its table, if that may differ from `root`

    @property
    def shortfall(self) -> str:
        """Counts of the items that a partial copy has; ``""`` if it is complete."""
        if self.members:
            partial = [member for member in self.members if member.shortfall]
            return "; ".join(f"{each.name} {each.shortfall}" for each in partial)
        return ", ".join(
            f"{c.found:,} of {c.expected:,} {c.what}"
            for c in self.counts
            if c.found < c.expected and c.what in ("utterances", "wavs", "transcripts")
        )

    @property
    def released_scale(self) -> tuple[float, float] | None:
        """Scale of the ratings as released; None if the members differ in it."""
        scales = {member.scale for member in self.members} or {self.scale}
        return scales.pop() if len(scales) == 1 else None

    def __post_init__(self) -> None:
        check_training_set(self.name)
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


def worst_nature(natures: Iterable[str]) -> str:
    """Return the kind of ratings that is the furthest from ratings of real people.

    Args:
        natures: at least one of `NATURES`

    Examples:
        >>> worst_nature(["human", "proxy"]), worst_nature(["human"])
        ('proxy', 'human')
    """
    return min(natures, key=WORST_FIRST.index)


def file_name(utterance: Utterance, root: Path, path: Path | None = None) -> str:
    """Return the name of an utterance's file, relative to the corpus if it is in there.

    Args:
        utterance: whose recording is used if `path` is None
        root: folder of the corpus
        path: a file of the utterance

    Returns:
        name; "" if the utterance has no recording and `path` is None
    """
    path = path or utterance.audio
    if path is None:
        return ""
    name = str(path.relative_to(root) if path.is_relative_to(root) else path)
    return name.encode(errors="backslashreplace").decode()  # reports are UTF-8


def check_id(name: str) -> None:
    """Raise an error if an utterance id is not safe in tables and terminals.

    Args:
        name: the id

    Raises:
        AffuseError: if it is empty, too long or not printable
    """
    if not (0 < len(name) <= ID_LENGTH and name.isprintable()):
        raise AffuseError(
            f"utterance id {name!r} must be 1 to {ID_LENGTH} characters, all printable"
        )
