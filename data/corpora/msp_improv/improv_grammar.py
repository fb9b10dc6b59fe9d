"""Line grammar and ids of MSP-IMPROV's evaluation file.

The line of a turn is followed by those of its raters, which are not read here. Invented
examples::

    UTD-IMPROV-S07H-M03-R-MF02.avi; H; A:2.333333; V:4.166667; D:NaN ; N:3.800000;
    WORKER0042; Happy; Happy,Excited; A:2; V:4; D:3; N:4;

The ratings are arousal (the corpus calls it activation), valence, dominance and
naturalness. The parts of an id are target sentence 7, intended as happy, male speaker
of session 3, read from a script, turn 2.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from affuse.data.corpora.msp_podcast import msp_rater_lines
from affuse.data.errors import AffuseError
from affuse.data.records import Problem

_PARTS = (
    r"S(?P<sentence>\d{2})(?P<intended>[AHSN])-(?P<speaker>[FM]0(?P<session>[1-6]))"
    r"-(?P<scenario>[PRST])-(?P<turn>[FM]{2}\d{2})"
)
ID = re.compile(rf"MSP-IMPROV-{_PARTS}", re.ASCII)
WAV = re.compile(rf"(MSP-IMPROV-{_PARTS})\.(?i:wav)", re.ASCII)
VIDEO = re.compile(rf"(?:UTD|MSP)-IMPROV-(?P<id>{_PARTS})\.(?i:avi)", re.ASCII)
BEGINNING = re.compile(r"(?:UTD|MSP)-IMPROV-", re.ASCII)
DAMAGED = "not the line of a turn of MSP-IMPROV; left out"


@dataclass(frozen=True, slots=True)
class ImprovTurn:
    """Line of one turn in the evaluation file."""

    id: str  # as the name of its recording: MSP-IMPROV-...
    emotion: str  # letter
    ratings: Mapping[str, float]  # those that are stated
    line: int


def parse(text: str, *, file: str) -> tuple[list[ImprovTurn], list[Problem]]:
    """Return the turns of an evaluation file, and a problem for each damaged line.

    Lines of raters, and lines of any other kind, are skipped.

    Args:
        text: of the file
        file: its name, for problems
    """
    turns: list[ImprovTurn] = []
    problems: list[Problem] = []
    for number, line in enumerate(text.splitlines(), 1):
        if not BEGINNING.match(line.strip()):
            continue
        try:
            turns.append(_turn(line, number))
        except AffuseError as error:
            problems.append(Problem(file, f"{DAMAGED}: {error}", number))
    return turns, problems


def _turn(line: str, number: int) -> ImprovTurn:
    """Return the turn of a line.

    Raises:
        AffuseError: if the line has another form
    """
    texts, ratings = msp_rater_lines.split_ratings(line.strip())
    video = VIDEO.fullmatch(texts[0]) if len(texts) == 2 else None
    if video is None or not re.fullmatch("[A-Z]", texts[1]) or not ratings:
        raise AffuseError(f"{line.strip()[:80]!r} has another form")
    values = msp_rater_lines.known(ratings)
    return ImprovTurn(f"MSP-IMPROV-{video['id']}", texts[1], values, number)
