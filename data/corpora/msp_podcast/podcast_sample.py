"""Small synthetic release in the file tree and grammar of MSP-Podcast.

It has all that is normal in a complete release: recordings of the hidden test set,
speakers and sexes that are not known, every class, classes in free text, raters who
left out a rating, and means with one decimal or six. Ratings are drawn at random. Words
follow valence, and tones follow arousal, so results on it say nothing about people.
"""

import random
from pathlib import Path

from affuse.data import rating_kinds
from affuse.data.corpora.msp_podcast.msp_rater_lines import RaterLine
from affuse.data.corpora.msp_podcast.podcast_releases import RELEASES, PodcastRelease
from affuse.data.corpora.msp_podcast.podcast_tree import find
from affuse.data.corpora.msp_podcast.podcast_writer import PodcastTurn, write_release

SEED = 1
RELEASE = RELEASES[-2]  # 1.12, the latest that has Partitions.txt for certain
PODCASTS = {  # number of the podcast -> part, number of the speaker; "" if unknown
    "9001": ("Train", "11"),
    "9002": ("Train", "12"),
    "9003": ("Train", ""),
    "9004": ("Train", "14"),
    "9005": ("Development", "21"),
    "9006": ("Development", "22"),
    "9007": ("Test1", "31"),
    "9008": ("Test1", "32"),
    "9009": ("Test2", "33"),
    "test3": ("Test3", ""),
}
TURNS = 5  # of each podcast
CLASSES = (
    "Angry", "Sad", "Happy", "Surprise", "Fear", "Disgust", "Contempt", "Neutral",
    'Other-torn, "so, so" (or; bored?)', "Other-curious",
)  # fmt: skip
SECOND = ("", "Neutral,Concerned", "Sad,Dissapointed")  # spelt so in the release
SENTENCES = (  # by valence, lowest first
    "that was the worst of it",
    "we never got an answer",
    "it is about ten past nine",
    "we had a rather good time",
    "that was the best day of all",
)


def sample(root: Path) -> None:
    """Write the smallest faithful example of a release.

    Raises:
        FileExistsError: if `root` holds a release that this function did not write
    """
    write_sample(root, RELEASE)


def write_sample(root: Path, release: PodcastRelease) -> list[PodcastTurn]:
    """Write the sample as one release has it, and return its turns.

    Args:
        root: folder of the release
        release: its names of files, columns and splits

    Raises:
        FileExistsError: if `root` holds a release that this function did not write
    """
    root.mkdir(parents=True, exist_ok=True)
    if _is_release(root) and rating_kinds.read_nature(root) != "synthetic":
        raise FileExistsError(f"{root} holds another release; name an empty folder")
    rating_kinds.write_nature(root, "synthetic")
    turns = plan()
    write_release(root, release, turns)
    return turns


def plan(seed: int = SEED) -> list[PodcastTurn]:
    """Return the turns of every podcast, the same for the same seed."""
    rng = random.Random(seed)
    return [
        _turn(podcast, number, rng)
        for podcast in PODCASTS
        for number in range(1, TURNS + 1)
    ]


def _is_release(root: Path) -> bool:
    try:
        find(root)
    except FileNotFoundError:
        return False
    return True


def _turn(podcast: str, number: int, rng: random.Random) -> PodcastTurn:
    part, speaker = PODCASTS[podcast]
    place = list(PODCASTS).index(podcast)
    # The three levels differ, so that a wrong order of the columns is noticed.
    levels = dict(
        zip(
            ("arousal", "valence", "dominance"), rng.sample(range(1, 8), 3), strict=True
        )
    )
    category = CLASSES[(place * TURNS + number) % len(CLASSES)]
    raters = tuple(
        _rater(worker, levels, category, rng)
        for worker in rng.sample(range(1, 40), 6 if number == 1 else 5)
    )
    return PodcastTurn(
        stem=f"MSP-PODCAST_{podcast}_{number:04d}",
        raters=raters,
        part=part,
        words=SENTENCES[(levels["valence"] - 1) * len(SENTENCES) // 7],
        pitch=110.0 + 12 * place + number,
        speaker=speaker or "Unknown",
        sex=("Male", "Female")[place % 2] if speaker else "Unknown",
    )


def _rater(
    worker: int, levels: dict[str, int], category: str, rng: random.Random
) -> RaterLine:
    """Return the ratings of one rater, who may leave out the dominance."""
    ratings = {
        name: float(min(7, max(1, level + rng.choice((-1, 0, 0, 1)))))
        for name, level in levels.items()
    }
    if rng.random() < 0.05:
        del ratings["dominance"]
    chosen = category if rng.random() < 0.6 else rng.choice(CLASSES)
    return RaterLine(f"WORKER{worker:07d}", chosen, rng.choice(SECOND), ratings)
