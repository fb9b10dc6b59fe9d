"""Line grammar of IEMOCAP's label files and transcripts.

A label file holds a header line that starts with ``%`` and then one block for each
utterance, not always in order of time: a summary line and the lines of its raters.
The parts of a line are separated by tabs, and ``dom`` has two spaces. An invented
example::

    [3.2500 - 5.7500]   Ses02M_impro09_F007   fru   [1.5000, 4.0000, 4.5000]
    C-E2:   Frustration; Anger;   (tired (or flat); resigned)
    A-E3:   val 1; act 4; dom  5;   ()
    A-E4:   val 2; act 4; dom  ;    (could not tell)

The three numbers are valence, activation and dominance, means over the external raters
(E1, E2, ...). Raters F1, M1, ... are actors who rate themselves; the means leave them
out.

A transcript holds one line for each turn, in order of time::

    Ses02M_impro09_F007 [003.2500-005.7500]: The lamp: it fell. [LAUGHTER]
"""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from affuse.data.records import Problem

DIALOGUE = r"Ses0[1-5][FM]_(?:impro\d{2}[ab]?|script\d{2}_\d[ab]?)"
UTTERANCE = DIALOGUE + r"_[FM]\d{3}"
CLASSES = ("ang", "hap", "sad", "neu", "fru", "exc", "fea", "sur", "dis", "oth", "xxx")
LOWEST, HIGHEST = 1, 5  # of a rating

_TIME = r"\d{1,6}\.\d{1,9}"  # seconds
_VALUE = r"\d{1,3}(?:\.\d{1,9})?"
_SPAN = rf"\[(?P<start>{_TIME})\s*-\s*(?P<end>{_TIME})\]"
SUMMARY = re.compile(
    rf"{_SPAN}\s+(?P<id>{UTTERANCE})\s+(?P<category>[a-z]{{3}})\s+"
    rf"\[(?P<valence>{_VALUE}),\s*(?P<arousal>{_VALUE}),\s*(?P<dominance>{_VALUE})\]",
    re.ASCII,
)
# Labels end at the first "(", since the comment may hold any character, even ";".
VOTE = re.compile(r"C-(?P<rater>[EFM]\d+):(?P<labels>(?:[^;()]*;)*)\s*\(.*\)", re.ASCII)
# Quantifiers are possessive (*+), so that matching takes linear time on any line.
ATTRIBUTES = re.compile(
    r"A-(?P<rater>[EFM]\d+):\s*+val\s*+(?P<valence>\d{0,3})\s*+;"
    r"\s*+act\s*+(?P<arousal>\d{0,3})\s*+;\s*+dom\s*+(?P<dominance>\d{0,3})\s*+;"
    r"\s*+\(.*\)",
    re.ASCII,
)
TURN = re.compile(rf"(?P<id>{UTTERANCE})\s+{_SPAN}:\s?(?P<text>.*)", re.ASCII)
UNRATED_TURN = re.compile(rf"{DIALOGUE}_[FM]XX\d+\s.*", re.ASCII)
TOKEN = re.compile(r"\[[A-Za-z_]+\]")  # [LAUGHTER], [BREATHING], ...


@dataclass(frozen=True, slots=True)
class Attributes:
    """Ratings by one rater; None for a blank."""

    rater: str
    valence: int | None
    arousal: int | None
    dominance: int | None


@dataclass(frozen=True, slots=True)
class Vote:
    """Classes that one rater chose, one or several."""

    rater: str
    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LabelBlock:
    """Ratings of one utterance in a label file; compares equal wherever it stands."""

    id: str
    start: float  # seconds
    end: float
    category: str  # "xxx": no majority
    ratings: dict[str, float]  # the released means
    attributes: tuple[Attributes, ...]
    votes: tuple[Vote, ...]
    file: str = field(compare=False)
    line: int = field(compare=False)

    @property
    def listeners(self) -> tuple[Attributes, ...]:
        """Ratings by the external raters, whose means are released."""
        return tuple(a for a in self.attributes if a.rater.startswith("E"))

    @property
    def voters(self) -> tuple[Vote, ...]:
        """Classes that the external raters chose."""
        return tuple(vote for vote in self.votes if vote.rater.startswith("E"))


@dataclass(frozen=True, slots=True)
class LabelledTurn:
    """Turn of one speaker: one line of a transcript."""

    id: str
    text: str  # as released
    file: str = field(compare=False)
    line: int = field(compare=False)


def clean(text: str) -> str:
    """Return a transcript without its sound tokens; it may be empty.

    Examples:
        >>> clean("Oh.  [LAUGHTER] It fell. [BREATHING]")
        'Oh. It fell.'
    """
    return " ".join(TOKEN.sub(" ", text).split())


def split_lines(text: str) -> list[str]:
    r"""Return lines without outer spaces and without their ends (\n, \r\n or \r).

    Examples:
        >>> split_lines("a\r\n\n b\n")
        ['a', '', 'b']
    """
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return [line.strip() for line in lines[: -1 if lines[-1] == "" else None]]


def blocks(text: str, *, file: str) -> tuple[list[LabelBlock], list[Problem]]:
    """Return the blocks of a label file, or of many label files joined into one.

    Args:
        text: of the file
        file: its name, for problems

    Returns:
        the blocks in file order, and a problem for each line that could not be used
    """
    parsed: list[LabelBlock] = []
    problems: list[Problem] = []
    outside: list[int] = []
    for number, lines in _groups(split_lines(text)):
        if not lines[0].startswith("["):
            outside += [
                number + offset
                for offset, line in enumerate(lines)
                if line and not line.startswith("%")
            ]
        elif summary := SUMMARY.fullmatch(lines[0]):
            parsed.append(_block(summary, lines, file=file, line=number))
            problems += _doubts(parsed[-1], lines)
        else:
            reason = "not a summary line of IEMOCAP; left out with its rater lines"
            problems.append(Problem(file, reason, number))
    if outside:
        reason = f"{len(outside)} lines outside every block, this the first; left out"
        problems.append(Problem(file, reason, outside[0], fatal=False))
    if not parsed:
        problems.append(Problem(file, "holds no summary line; nothing read from it"))
    return parsed, problems


def turns(
    text: str, *, file: str
) -> tuple[list[LabelledTurn], Counter[str], list[Problem]]:
    """Return the turns of a transcript that can have ratings, and counts of the rest.

    Args:
        text: of the file
        file: its name, for problems

    Returns:
        the turns in file order; how many unrated (XX), stray and blank lines were
        dropped; a problem for each line that should have been a turn
    """
    parsed: list[LabelledTurn] = []
    dropped: Counter[str] = Counter()
    problems: list[Problem] = []
    for number, line in enumerate(split_lines(text), 1):
        if turn := TURN.fullmatch(line):
            parsed.append(LabelledTurn(turn["id"], turn["text"], file, number))
        elif not line.startswith("Ses"):
            dropped["stray" if line else "blank"] += 1
        elif UNRATED_TURN.fullmatch(line):
            dropped["unrated (XX)"] += 1
        else:
            reason = "not a transcript line of IEMOCAP; left out"
            problems.append(Problem(file, reason, number))
    return parsed, dropped, problems


def _groups(lines: list[str]) -> Iterator[tuple[int, list[str]]]:
    """Yield the groups of lines that begin at a summary or header line, numbered."""
    begins = [
        n for n, line in enumerate(lines) if n == 0 or line.startswith(("[", "%"))
    ]
    for begin, end in zip(begins, [*begins[1:], len(lines)], strict=True):
        yield begin + 1, lines[begin:end]


def _block(
    summary: re.Match[str], lines: list[str], *, file: str, line: int
) -> LabelBlock:
    names = ("valence", "arousal", "dominance")
    attributes = [m for text in lines if (m := ATTRIBUTES.fullmatch(text))]
    votes = [m for text in lines if (m := VOTE.fullmatch(text))]
    return LabelBlock(
        id=summary["id"],
        start=float(summary["start"]),
        end=float(summary["end"]),
        category=summary["category"],
        ratings={name: float(summary[name]) for name in names},
        attributes=tuple(
            Attributes(m["rater"], *(int(m[n]) if m[n] else None for n in names))
            for m in attributes
        ),
        votes=tuple(Vote(m["rater"], _labels(m["labels"])) for m in votes),
        file=file,
        line=line,
    )


def _labels(text: str) -> tuple[str, ...]:
    return tuple(label for part in text.split(";") if (label := part.strip()))


def _doubts(block: LabelBlock, lines: list[str]) -> Iterator[Problem]:
    """Yield a problem for each irregularity of a block that is kept."""

    def note(reason: str, line: int) -> Problem:
        return Problem(block.file, reason, line, block.id, fatal=False)

    if block.category not in CLASSES:
        yield note(f"class {block.category!r} is not one of IEMOCAP's", block.line)
    for name, value in block.ratings.items():
        if not LOWEST <= value <= HIGHEST:
            yield note(f"released {name} {value:g} is outside 1 to 5", block.line)
    for number, line in enumerate(lines[1:], block.line + 1):
        if match := ATTRIBUTES.fullmatch(line):
            for name in ("valence", "arousal", "dominance"):
                text = match[name]
                if text and not LOWEST <= int(text) <= HIGHEST:
                    rater = match["rater"]
                    yield note(f"{rater} rates {name} {text}, outside 1 to 5", number)
                elif not text and name != "dominance":
                    yield note(f"{match['rater']} leaves {name} blank", number)
        elif line and not VOTE.fullmatch(line):
            yield note("not a rater line of IEMOCAP; left out", number)
