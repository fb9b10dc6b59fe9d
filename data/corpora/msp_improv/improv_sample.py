"""Small synthetic corpus in the file tree and grammar of MSP-IMPROV.

It has six sessions, twelve speakers, all four scenarios, every class, a missing rating
of dominance and a rater who is listed twice. Ratings are drawn at random around values
of the intended emotion, and tones follow arousal. Results on it say nothing about
people. `sample_hazards` adds the irregularities of real copies.
"""

import random
from dataclasses import dataclass, replace
from pathlib import Path

from affuse.data import rating_kinds
from affuse.data.corpora.msp_improv.improv_tree import sessions
from affuse.data.sample_sounds import tone, write_wav

SEED = 1
RATE = 44_100  # Hz, as the corpus has it
LEVELS = {  # intended emotion -> arousal, valence, dominance
    "A": (4.2, 1.8, 3.9),
    "H": (3.9, 4.3, 3.2),
    "S": (2.0, 1.9, 2.4),
    "N": (2.4, 3.1, 2.8),
}
SCENARIOS = "PRST"
MORE_CLASSES = {"MSP-IMPROV-S02N-F01-T-FM01": "O", "MSP-IMPROV-S02N-M01-T-MF01": "X"}
NO_DOMINANCE = "MSP-IMPROV-S01A-F02-P-FM01"
# Turns with which something is wrong, in the sample with hazards.
NO_WAV, NO_LABELS = "MSP-IMPROV-S01A-F01-P-FM01", "MSP-IMPROV-S01A-F01-P-FM09"
DAMAGED, REPEATED = "MSP-IMPROV-S01A-M03-P-MF01", "MSP-IMPROV-S01H-M03-R-MF01"
CONTRADICTED = "MSP-IMPROV-S01H-F04-R-FM01"


@dataclass(frozen=True)
class WrittenImprovTurn:
    """Rated turn to be written."""

    id: str
    emotion: str  # letter
    ratings: tuple[float, float, float | None]  # arousal, valence, dominance

    @property
    def path(self) -> Path:
        """Path of the recording, relative to the folder of the sessions."""
        _, _, sentence, speaker, scenario, _ = self.id.split("-")
        folder = Path(f"session{speaker[-1]}", sentence, scenario)
        return folder / f"{self.id}.wav"


def sample(root: Path) -> None:
    """Write the smallest faithful example of MSP-IMPROV.

    Raises:
        FileExistsError: if `root` holds a copy that this function did not write
    """
    write(root, plan(), labels="Evaluation.txt", audio="Audio")


def sample_hazards(root: Path) -> int:
    """Write the sample with every irregularity and return the count of a reader.

    Its arousal is reversed, its evaluation file has the misspelt name, and there is no
    folder ``Audio``.

    Args:
        root: folder of the corpus

    Returns:
        how many utterances a reader finds
    """
    turns = [
        replace(turn, ratings=(6 - turn.ratings[0], *turn.ratings[1:]))
        for turn in plan()
    ]
    write(root, turns, labels="Evalution.txt", audio="")
    by_id = {turn.id: turn for turn in turns}
    (root / by_id[NO_WAV].path).unlink()
    extra = replace(by_id[NO_WAV], id=NO_LABELS)
    write_wav(root / extra.path, tone(200, 0, 0.1), rate=RATE)
    path = root / "Evalution.txt"
    text = path.read_text()
    head = head_line(by_id[DAMAGED])
    text = text.replace(head, head.replace("; V:", " V="))
    other = replace(by_id[CONTRADICTED], ratings=(1.5, 2.5, 3.5))
    more = [head_line(by_id[REPEATED]), head_line(other), "", "a line of another kind"]
    path.write_bytes((text + "\n".join(more)).replace("\n", "\r\n").encode())
    wav = root / by_id[REPEATED].path
    wav.with_name(f"._{wav.name}").write_bytes(b"\x00\x05\x16\x07\xac")
    return len(turns) - 2


def write(
    root: Path, turns: list[WrittenImprovTurn], *, labels: str, audio: str
) -> None:
    """Write turns, their tones and the kind of ratings.

    Args:
        root: folder of the corpus
        turns: in the order of the evaluation file
        labels: name of the evaluation file
        audio: name of the folder above the sessions; "" for none

    Raises:
        FileExistsError: if `root` holds a copy that this function did not write
    """
    root.mkdir(parents=True, exist_ok=True)
    if sessions(root) and rating_kinds.read_nature(root) != "synthetic":
        raise FileExistsError(f"{root} holds other sessions; name an empty folder")
    rating_kinds.write_nature(root, "synthetic")
    rng = random.Random(SEED)
    blocks = []
    for place, turn in enumerate(turns):
        path = root / audio / turn.path
        path.parent.mkdir(parents=True, exist_ok=True)
        sound = tone(120.0 + 3 * place, (turn.ratings[0] - 3) / 2, 0.2, RATE)
        write_wav(path, sound, rate=RATE)
        blocks.append("\n".join([head_line(turn), *_raters(turn, rng)]))
    text = "\n\n".join(blocks) + "\n\n"
    (root / labels).write_bytes(text.encode("ascii"))


def plan(seed: int = SEED) -> list[WrittenImprovTurn]:
    """Return the turns of every session, the same for the same seed."""
    rng = random.Random(seed)
    return [
        _turn(f"S{1 + place // 3:02d}{emotion}", f"{sex}0{session}", scenario, rng)
        for session in range(1, 7)
        for sex in "FM"
        for place, (emotion, scenario) in enumerate(zip("AHSN", SCENARIOS, strict=True))
    ]


def head_line(turn: WrittenImprovTurn) -> str:
    """Return the line of a turn in the evaluation file."""
    arousal, valence, dominance = turn.ratings
    third = "NaN " if dominance is None else f"{dominance:.6f}"
    return (
        f"{turn.id.replace('MSP', 'UTD', 1)}.avi; {turn.emotion}; A:{arousal:.6f}; "
        f"V:{valence:.6f}; D:{third}; N:3.800000;"
    )


def _turn(
    sentence: str, speaker: str, scenario: str, rng: random.Random
) -> WrittenImprovTurn:
    pair = f"{speaker[0]}{'M' if speaker[0] == 'F' else 'F'}"
    name = f"MSP-IMPROV-{sentence}-{speaker}-{scenario}-{pair}01"
    arousal, valence, dominance = (
        round(min(5.0, max(1.0, level + rng.uniform(-0.4, 0.4))), 2)
        for level in LEVELS[sentence[-1]]
    )
    emotion = MORE_CLASSES.get(name, sentence[-1])
    known = None if name == NO_DOMINANCE else dominance
    return WrittenImprovTurn(name, emotion, (arousal, valence, known))


def _raters(turn: WrittenImprovTurn, rng: random.Random) -> list[str]:
    """Return the lines of two raters, of whom one is listed twice."""
    workers = [f"WORKER{rng.randrange(100):04d}" for _ in range(2)]
    return [
        f"{worker}; Other; Tired,Bored; A:{rng.randint(1, 5)}; V:{rng.randint(1, 5)}; "
        f"D:{rng.randint(1, 5)}; N:4;"
        for worker in (*workers, workers[0])
    ]
