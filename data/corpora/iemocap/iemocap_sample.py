"""Small synthetic corpus in the file tree and grammar of IEMOCAP, with tones as speech.

It has all five sessions, ten speakers, and improvised and scripted dialogues. Ratings
are drawn at random. Words follow valence; level, brightness and tempo of a tone follow
arousal; its pitch falls as dominance rises. So models can learn from it, but results
on it say nothing about people.
"""

import random
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from affuse.data import rating_kinds
from affuse.data.corpora.iemocap.file_tree import session_folders
from affuse.data.corpora.iemocap.release_writer import (
    TICKS,
    WrittenTurn,
    attribute_line,
    wav_path,
    write_dialogue,
)
from affuse.data.sample_sounds import SAMPLE_RATE, write_wav

SEED = 1
DIALOGUES = ("impro01", "script01_1")  # of each session, once for each actor's markers
MORE_DIALOGUES = ("Ses03M_impro05a", "Ses03M_impro05b", "Ses05M_script01_1b")
THREE_RATERS = "Ses02F_script01_1"  # so that some means are multiples of a third
SELF_RATERS = {
    "Ses01F": "F1",
    "Ses01M": "M1",
    "Ses02F": "F2",
    "Ses03F": "F3",
    "Ses03M": "M3",
    "Ses05M": "M5",
}
NAMES = {
    "ang": "Anger",
    "hap": "Happiness",
    "sad": "Sadness",
    "neu": "Neutral",
    "fru": "Frustration",
    "exc": "Excited",
}
OPENINGS = ("No, no.", "Oh dear.", "Well.", "Oh good.", "Yes, yes!")
THINGS = ("letter", "garden", "piano", "ticket", "kitchen", "jacket", "window")
ENDINGS = (  # by valence, lowest first
    ("is ruined", "is hopeless", "was stolen"),
    ("is broken", "looks sad", "is lost"),
    ("is over there", "looks plain", "is in the hall"),
    ("looks nice", "is pretty", "is fixed"),
    ("is wonderful", "looks perfect", "is brilliant"),
)


def sample(root: Path) -> int:
    """Write the smallest faithful example of IEMOCAP and return its utterance count.

    Raises:
        FileExistsError: if `root` holds sessions that this function did not write
    """
    return write(root, plan())


def write(root: Path, turns: Iterable[WrittenTurn]) -> int:
    """Write turns, their tones and the kind of ratings; return the turn count.

    Args:
        root: folder of the sessions
        turns: in any order

    Raises:
        FileExistsError: if `root` holds sessions that this function did not write
    """
    root.mkdir(parents=True, exist_ok=True)
    is_sample = (root / rating_kinds.SIDECAR).is_file() and rating_kinds.read_nature(
        root
    ) == "synthetic"
    if session_folders(root) and not is_sample:
        raise FileExistsError(f"{root} holds other sessions; name an empty folder")
    rating_kinds.write_nature(root, "synthetic")
    dialogues: dict[str, list[WrittenTurn]] = {}
    for turn in turns:
        dialogues.setdefault(turn.dialogue, []).append(turn)
    for members in dialogues.values():
        write_dialogue(root, members)
        wav_path(root, members[0].id).parent.mkdir(parents=True, exist_ok=True)
        for turn in members:
            write_wav(wav_path(root, turn.id), tone(turn))
    return sum(map(len, dialogues.values()))


def plan(seed: int = SEED) -> list[WrittenTurn]:
    """Return the turns of every dialogue, the same for the same seed."""
    rng = random.Random(seed)
    names = [
        f"Ses0{session}{side}_{kind}"
        for session in range(1, 6)
        for side in "FM"
        for kind in DIALOGUES
    ]
    return [turn for name in (*names, *MORE_DIALOGUES) for turn in _dialogue(name, rng)]


def pitch(speaker: str, dominance: float = 3) -> float:
    """Return the pitch of an actor's tone in Hz.

    The pitch differs between actors, and falls by 3 % for each step of dominance.

    Args:
        speaker: such as ``Ses01F``
        dominance: from 1 to 5

    Examples:
        >>> pitch("Ses01F"), pitch("Ses02M"), pitch("Ses02M", dominance=5)
        (220.0, 120.0, 112.8)
    """
    base = {"F": 205.0 + 15 * int(speaker[4]), "M": 102.0 + 9 * int(speaker[4])}
    return base[speaker[-1]] * (1 - 0.03 * (dominance - 3))


def _dialogue(name: str, rng: random.Random) -> list[WrittenTurn]:
    """Return 3 to 5 turns for each of two actors, of which some overlap."""
    turns = []
    clock = rng.randrange(10_000, 70_000)  # ticks
    for number in range(2 * rng.randint(3, 5)):
        sex = "FM"[number % 2]
        overlap = number == 1 or rng.random() < 0.2
        start = clock + (rng.randrange(-3000, -500) if overlap else rng.randrange(9000))
        clock = start + rng.randrange(5000, 12_000)
        turn = _turn(f"{name}_{sex}{number // 2:03d}", start, clock, rng)
        turns.append(turn)
    return turns


def _turn(utterance: str, start: int, end: int, rng: random.Random) -> WrittenTurn:
    listeners = 3 if utterance.startswith(THREE_RATERS) else 2
    rows = _ratings(listeners, rng)
    means = tuple(sum(column) / listeners for column in zip(*rows, strict=True))
    valence, arousal, dominance = means
    lines = []
    votes = [_vote(means, rng) for _ in range(3)]
    for rater, vote in zip(("E2", "E3", "E4"), votes, strict=True):
        lines.append(f"C-{rater}:\t{NAMES[vote]};\t()")
    lines += [attribute_line(f"E{n}", row) for n, row in enumerate(rows, 3)]
    if self_rater := SELF_RATERS.get(utterance[:5] + utterance[-4]):
        lines.insert(3, f"C-{self_rater}:\t{NAMES[_vote(means, rng)]};\t()")
        lines.append(attribute_line(self_rater, [rng.randint(1, 5) for _ in means]))
    (category, count), *_ = Counter(votes).most_common()
    level = int(valence + 0.5) - 1
    sentence = f"The {rng.choice(THINGS)} {rng.choice(ENDINGS[level])}."
    return WrittenTurn(
        id=utterance,
        start=start,
        end=end,
        category=category if count >= 2 else "xxx",
        ratings=(valence, arousal, dominance),
        raters=tuple(lines),
        words=f"{OPENINGS[level]} {sentence}",
    )


def _ratings(listeners: int, rng: random.Random) -> list[list[int]]:
    """Return a row of valence, arousal and dominance, from 1 to 5, for each listener.

    The means of the three dimensions differ, so that a wrong order is noticed.
    """
    while True:
        base = rng.sample(range(1, 6), 3)
        rows = [
            [min(5, level + rng.choice((0, 0, 1))) for level in base]
            for _ in range(listeners)
        ]
        if len({sum(column) for column in zip(*rows, strict=True)}) == 3:
            return rows


def _vote(means: Iterable[float], rng: random.Random) -> str:
    """Return the class that one listener chooses: by the ratings, or at random.

    One class in five is drawn at random.
    """
    valence, arousal, dominance = means
    if rng.random() < 0.2:
        return rng.choice(sorted(NAMES))
    if 2.5 <= valence <= 3.5:
        return "neu"
    if valence > 3.5:
        return "exc" if arousal >= 3 else "hap"
    return "sad" if arousal < 2.5 else "ang" if dominance >= 3 else "fru"


def tone(turn: WrittenTurn) -> np.ndarray:
    """Return the sound of a turn: eight harmonics, pulsing like syllables.

    Returns:
        (frames,) float64 at 16 kHz, in [-1, 1]
    """
    _, arousal, dominance = turn.ratings
    frames = (turn.end - turn.start) * SAMPLE_RATE // TICKS
    seconds = np.arange(frames) / SAMPLE_RATE
    angle = 2 * np.pi * pitch(turn.id[:5] + turn.id[-4], dominance) * seconds
    falling = 3 - 0.4 * arousal  # exponent of the harmonics' decay; large is dark
    harmonics = sum(np.sin(n * angle) / n**falling for n in range(1, 9))
    pulse = 1 + 0.5 * np.sin(2 * np.pi * (2 + arousal) * seconds)
    sound = harmonics * pulse
    level = 10 ** ((4 * arousal - 36) / 20)  # -32 to -16 dB of full scale
    noise = np.random.default_rng([SEED, turn.start]).normal(0, 1e-3, frames)
    loud = sound * level / np.sqrt(np.mean(sound**2))
    return np.asarray(loud + noise).clip(-1, 1)
