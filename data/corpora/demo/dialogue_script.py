"""Script of the demo corpus: sentences, their speakers and their dialogues.

``lines.csv`` has one row for each sentence, in the order of the dialogues. The session
is ``all`` for scripted sentences, which recur in every session. The speaker is F or M,
one of the two in each session. The ratings are those that the author intended, from 1
to 5. Ambiguous sentences have neutral words that suit any delivery.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from affuse.data.rating_scales import RATINGS

FILE = Path(__file__).with_name("lines.csv")
SESSIONS = ("1", "2", "3", "4", "5")
EVERY = "all"  # in the column session: the sentence belongs to every session


@dataclass(frozen=True)
class ScriptLine:
    """Sentence of the script, with the ratings that its author intended."""

    session: str  # or `EVERY`
    dialogue: str  # e.g. "impro_rent", "script_orchard"
    speaker: str  # "F" or "M"
    design: tuple[float, ...]  # valence, arousal, dominance, from 1 to 5
    ambiguous: bool
    text: str


@dataclass(frozen=True)
class Dialogue:
    """Dialogue: lines that two speakers of one session say in turn."""

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
        """Yield id, speaker and line of each utterance."""
        for number, line in enumerate(self.lines):
            speaker = f"Ses{self.session}{line.speaker}"
            yield f"{self.id}_{line.speaker}{number:02d}", speaker, line


def load(path: Path = FILE) -> list[ScriptLine]:
    """Return the lines of the script, in the order of the file."""
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
    """Return the dialogues of every session, in the order of the script."""
    in_order = []
    for session in SESSIONS:
        cast: dict[str, list[ScriptLine]] = {}
        for line in lines:
            if line.session in (session, EVERY):
                cast.setdefault(line.dialogue, []).append(line)
        in_order += [
            Dialogue(session, name, tuple(script)) for name, script in cast.items()
        ]
    return in_order
