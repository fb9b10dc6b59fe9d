"""Smallest example corpus for `affuse.data.corpora.manifest`."""

import csv
import json
from pathlib import Path

import numpy as np

from affuse.data import rating_kinds
from affuse.data.rating_scales import RATINGS
from affuse.data.sample_sounds import write_wav

RATE = 16_000  # Hz, of the sample
SPEAKERS = {"ann": 180, "ben": 110, "cleo": 210, "dan": 95, "eve": 195, "finn": 125}
TURNS = (  # start and end of 2 s, text, valence, arousal, dominance
    ("0", "0.5", "what a lovely morning", "4.5", "3.5", "3"),
    ("500ms", "1s", "please leave  me alone", "1.5", "4", "4.5"),
    ("00:00:01", "0 days 00:00:01.500000", "", "2.5", "2", "2.5"),
    ("1.5s", "NaT", "it is noon", "3", "2.5", ""),
)
COLUMNS = ("file", "start", "end", "speaker", "gender", "transcript", *RATINGS)


def sample(root: Path) -> None:
    """Write the smallest example, with a tone for each speaker instead of a voice.

    Each of six speakers has four turns in one recording, one of them without text. A
    fifth turn has a text and no audio.

    Args:
        root: folder to write to
    """
    (root / "wav").mkdir(parents=True, exist_ok=True)
    sidecar = {"nature": "synthetic", "scale": [1, 5]}
    text = json.dumps(sidecar) + "\n"
    (root / rating_kinds.SIDECAR).write_text(text, encoding="utf-8")
    rows: list[tuple[str, ...]] = [COLUMNS]
    for place, (speaker, pitch) in enumerate(SPEAKERS.items()):
        _tone(root / "wav" / f"{speaker}.wav", pitch)
        speaker_cells = (speaker, "fm"[place % 2])
        rows += [
            (f"wav/{speaker}.wav", s, e, *speaker_cells, *rest) for s, e, *rest in TURNS
        ]
        rows.append(("", "", "", *speaker_cells, "see you tomorrow", "3.5", "3", "3"))
    with (root / "table.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)


def _tone(path: Path, pitch: int) -> None:
    """Write two seconds of a tone at `pitch` Hz, louder from turn to turn."""
    time = np.arange(2 * RATE) / RATE
    wave_form = 0.1 * (1 + np.floor(2 * time)) * np.sin(2 * np.pi * pitch * time)
    write_wav(path, wave_form, rate=RATE)
