"""The sentences of the demo corpus, and who says them in which dialogue.

``lines.csv`` has a row a sentence, in the order of the dialogues: session (``all`` for
the scripted ones, which recur in every session), dialogue, speaker of the session (F or
M), the ratings that its author had in mind (1 to 5), and whether it is ambiguous:
neutral words that may be said in any way.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from affuse.data.rating_scales import RATINGS

FILE = Path(__file__).with_name("lines.csv")
SESSIONS = ("1", "2", "3", "4", "5")
EVERY = "all"  # in place of a session


@dataclass(frozen=True)
class ScriptLine:
    """One sentence as it is written, before anybody says it."""

    session: str  # or `EVERY`
    dialogue: str  # e.g. "impro_rent", "script_orchard"
    speaker: str  # "F" or "M"
    design: tuple[float, ...]  # valence, arousal, dominance, from 1 to 5
    ambiguous: bool
    text: str


@dataclass(frozen=True)
class Dialogue:
    """Lines that two speakers of one session say in turn."""

    session: str
    name: str  # unique in the session
    lines: tuple[ScriptLine, ...]

    @property
    def id(self) -> str:
        """Unique in the corpus; also the name of the recording."""
        return f"Ses{self.session}_{self.name}"

    @property
    def scripted(self) -> bool:
        return self.lines[0].session == EVERY

    def turns(self) -> Iterator[tuple[str, str, ScriptLine]]:
        """Id, speaker and line of every utterance."""
        for number, line in enumerate(self.lines):
            who = f"Ses{self.session}{line.speaker}"
            yield f"{self.id}_{line.speaker}{number:02d}", who, line


def load(path: Path = FILE) -> list[ScriptLine]:
    """All lines, in the order of the file."""
    with path.open(encoding="utf-8", newline="") as file:
        return [
            ScriptLine(
                session=row["session"],
                dialogue=row["dialogue"],
                speaker=row["speaker"],
                design=tuple(float(row[name]) for name in RATINGS),
                ambiguous=row["kind"] == "ambiguous",
                text=row["text"],
            )
            for row in csv.DictReader(file)
        ]


def dialogues(lines: list[ScriptLine]) -> list[Dialogue]:
    """The dialogues of every session, the scripted ones first."""
    found = []
    for session in SESSIONS:
        cast: dict[str, list[ScriptLine]] = {}
        for line in lines:
            if line.session in (session, EVERY):
                cast.setdefault(line.dialogue, []).append(line)
        found += [Dialogue(session, name, tuple(said)) for name, said in cast.items()]
    return found
