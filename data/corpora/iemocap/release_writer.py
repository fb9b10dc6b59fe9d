"""Writes turns in IEMOCAP's tree and grammar, byte by byte as the release has them."""

import wave
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

SAMPLE_RATE = 16_000  # Hz
TICKS = 10_000  # in a second: times have four decimals
HEADER = "% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]"


@dataclass(frozen=True)
class WrittenTurn:
    """One rated turn, as it will be written."""

    id: str
    start: int  # ticks
    end: int
    category: str
    ratings: tuple[float, float, float]  # valence, arousal, dominance
    raters: tuple[str, ...]  # their lines
    words: str

    @property
    def dialogue(self) -> str:
        """The part of the id that names the files."""
        return self.id.rpartition("_")[0]


def write_dialogue(root: Path, turns: list[WrittenTurn]) -> None:
    """Write the label file and the transcript of one dialogue; make their folders."""
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
    """Where the ratings of a dialogue are."""
    folder = root / f"Session{dialogue[4]}" / "dialog" / "EmoEvaluation"
    return folder / f"{dialogue}.txt"


def transcript_path(root: Path, dialogue: str) -> Path:
    """Where the words of a dialogue are."""
    folder = root / f"Session{dialogue[4]}" / "dialog" / "transcriptions"
    return folder / f"{dialogue}.txt"


def wav_path(root: Path, utterance: str) -> Path:
    """Where the speech of an utterance is."""
    folder = root / f"Session{utterance[4]}" / "sentences" / "wav"
    return folder / utterance.rpartition("_")[0] / f"{utterance}.wav"


def block(turn: WrittenTurn) -> str:
    """Summary and rater lines, without a last line end."""
    times = f"[{turn.start / TICKS:.4f} - {turn.end / TICKS:.4f}]"
    means = ", ".join(f"{value:.4f}" for value in turn.ratings)
    summary = f"{times}\t{turn.id}\t{turn.category}\t[{means}]"
    return "\n".join([summary, *turn.raters])


def transcript_line(turn: WrittenTurn) -> str:
    """One line of a transcript, with its end."""
    times = f"[{turn.start / TICKS:08.4f}-{turn.end / TICKS:08.4f}]"
    return f"{turn.id} {times}: {turn.words}\n"


def attribute_line(rater: str, ratings: Iterable[int | None]) -> str:
    """What one rater wrote; an empty place for None."""
    valence, arousal, dominance = ("" if r is None else str(r) for r in ratings)
    return f"A-{rater}:\tval {valence}; act {arousal}; dom  {dominance};\t()"


def write_wav(path: Path, sound: np.ndarray, *, rate: int = SAMPLE_RATE) -> None:
    """Write 16 bit PCM; `sound` is (frames,) or (frames, channels) in [-1, 1]."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1 if sound.ndim == 1 else sound.shape[1])
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.rint(sound * 32767).astype("<i2").tobytes())
