"""Writer of invented turns in the file tree and line grammar of the IEMOCAP release."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

TICKS = 10_000  # per second, since times have four decimals
HEADER = "% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]"


@dataclass(frozen=True)
class WrittenTurn:
    """Rated turn to be written."""

    id: str
    start: int  # ticks
    end: int
    category: str
    ratings: tuple[float, float, float]  # valence, arousal, dominance
    raters: tuple[str, ...]  # their lines
    words: str

    @property
    def dialogue(self) -> str:
        """Name of the dialogue, the part of the id that names the files."""
        return self.id.rpartition("_")[0]


def write_dialogue(root: Path, turns: list[WrittenTurn]) -> None:
    """Write the label file and the transcript of one dialogue, with their folders.

    Args:
        root: folder of the sessions
        turns: of the dialogue, in any order that the files should have
    """
    name = turns[0].dialogue
    blocks = "\n\n".join([HEADER, *map(block, turns)]) + "\n\n"
    lines = "".join(map(transcript_line, turns))
    for path, text in (
        (label_path(root, name), blocks),
        (transcript_path(root, name), lines),
    ):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode("ascii"))


def label_path(root: Path, dialogue: str) -> Path:
    """Return the path of the label file of a dialogue."""
    folder = root / f"Session{dialogue[4]}" / "dialog" / "EmoEvaluation"
    return folder / f"{dialogue}.txt"


def transcript_path(root: Path, dialogue: str) -> Path:
    """Return the path of the transcript of a dialogue."""
    folder = root / f"Session{dialogue[4]}" / "dialog" / "transcriptions"
    return folder / f"{dialogue}.txt"


def wav_path(root: Path, utterance: str) -> Path:
    """Return the path of the WAV file of an utterance."""
    folder = root / f"Session{utterance[4]}" / "sentences" / "wav"
    return folder / utterance.rpartition("_")[0] / f"{utterance}.wav"


def block(turn: WrittenTurn) -> str:
    """Return summary and rater lines of a turn, without a last line end."""
    times = f"[{turn.start / TICKS:.4f} - {turn.end / TICKS:.4f}]"
    means = ", ".join(f"{value:.4f}" for value in turn.ratings)
    summary = f"{times}\t{turn.id}\t{turn.category}\t[{means}]"
    return "\n".join([summary, *turn.raters])


def transcript_line(turn: WrittenTurn) -> str:
    """Return one line of a transcript, with its line end."""
    times = f"[{turn.start / TICKS:08.4f}-{turn.end / TICKS:08.4f}]"
    return f"{turn.id} {times}: {turn.words}\n"


def attribute_line(rater: str, ratings: Iterable[int | None]) -> str:
    """Return the line of one rater's ratings.

    Args:
        rater: such as ``E2``
        ratings: valence, arousal and dominance; None leaves a rating blank
    """
    valence, arousal, dominance = ("" if r is None else str(r) for r in ratings)
    return f"A-{rater}:\tval {valence}; act {arousal}; dom  {dominance};\t()"
