"""Writer of invented turns in the file tree and grammar of MSP-Podcast releases."""

import csv
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from affuse.data.corpora.msp_podcast import rater_collection
from affuse.data.corpora.msp_podcast.msp_rater_lines import LETTERS, RaterLine
from affuse.data.corpora.msp_podcast.podcast_labels import majority
from affuse.data.corpora.msp_podcast.podcast_releases import PodcastRelease
from affuse.data.rating_scales import RATINGS
from affuse.data.sample_sounds import tone, write_wav
from affuse.data.single_ratings import summaries

CONSENSUS = (
    "FileName", "EmoClass", "EmoAct", "EmoVal", "EmoDom", "SpkrID", "Gender",
    "Split_Set",
)  # fmt: skip


@dataclass(frozen=True)
class PodcastTurn:
    """Rated turn to be written."""

    stem: str  # name of its files
    raters: tuple[RaterLine, ...]
    part: str  # "Train", "Development", "Test1", "Test2" or "Test3"
    words: str
    pitch: float  # Hz, of its tone
    speaker: str = "Unknown"
    sex: str = "Unknown"

    @property
    def ratings(self) -> dict[str, float]:
        """Means over the raters."""
        return rater_collection.means(
            summaries(
                {n: [each.ratings.get(n) for each in self.raters] for n in RATINGS}
            )
        )


def write_release(
    root: Path, release: PodcastRelease, turns: Sequence[PodcastTurn]
) -> None:
    """Write the files of one release; turns of ``Test3`` get a recording only.

    Turns of a part that the release does not have are left out.

    Args:
        root: folder of the release
        release: its names of files, columns and splits
        turns: in the order of the tables
    """
    parts = parts_of(release)
    turns = [turn for turn in turns if turn.part in parts]
    rated = [turn for turn in turns if turn.part != "Test3"]
    for name in (release.folder, "Audios", "Transcripts", "ForceAligned"):
        (root / name).mkdir(parents=True, exist_ok=True)
    for turn in turns:
        sound = tone(turn.pitch, (turn.ratings["arousal"] - 4) / 3, 0.3)
        write_wav(root / "Audios" / f"{turn.stem}.wav", sound)
    for turn in rated:
        write_text(root / "Transcripts" / f"{turn.stem}.txt", f"{turn.words}\n")
        aligned = root / "ForceAligned" / f"{turn.stem}.TextGrid"
        write_text(aligned, 'File type = "ooTextFile"\n')
    labels = root / release.folder
    _write_consensus(labels / release.consensus, rated, parts)
    write_raters(labels, release, rated)
    lines = [f"{parts[turn.part]}; {turn.stem}.wav" for turn in turns]
    write_text(root / "Partitions.txt", "\n".join(["Partition", *lines]) + "\n")
    write_text(root / "Speaker_ids.txt", "of a grammar that is not known\n")


def parts_of(release: PodcastRelease) -> dict[str, str]:
    """Return the names of the splits of a release, by `PodcastTurn.part`."""
    tests = {name if name != "Test" else "Test1": name for name in release.tests}
    return {"Train": "Train", "Development": release.development[0], **tests}


def write_raters(
    labels: Path, release: PodcastRelease, turns: Sequence[PodcastTurn]
) -> None:
    """Write the ratings of single raters, as a table, as JSON and as text.

    Args:
        labels: folder of the labels
        release: whose columns the table has
        turns: in the order of the table
    """
    rows = [
        (f"{turn.stem}.wav", rater, rater_line(rater))
        for turn in turns
        for rater in turn.raters
    ]
    together = "EmoDetail" in release.details
    cells = [
        (file, line) if together else (file, *fields(rater).values())
        for file, rater, line in rows
    ]
    _write_csv(labels / "labels_detailed.csv", [release.details, *cells])
    content: dict[str, dict[str, dict[str, str]]] = {}
    for file, rater, _ in rows:
        values = {name: text for name, text in fields(rater).items() if name[0] == "E"}
        content.setdefault(file, {})[rater.rater] = values
    _write_json(labels / "labels_detailed.json", content)
    blocks = (
        "\n".join([head_line(turn), *map(rater_line, turn.raters)]) for turn in turns
    )
    write_text(labels / "labels.txt", "\n\n".join(blocks) + "\n")


def head_line(turn: PodcastTurn) -> str:
    """Return the line of a recording in ``labels.txt``."""
    means = turn.ratings
    ratings = "; ".join(f"{k}:{means[name]:.6f}" for k, name in LETTERS.items())
    return f"{turn.stem}.wav; {emotion(turn)}; {ratings};"


def rater_line(rater: RaterLine) -> str:
    """Return the line of a rater; ratings that the rater left out are NaN."""
    texts = [rater.rater, rater.category, *filter(None, [rater.others])]
    ratings = [f"{k}:{_six(rater.ratings.get(name))}" for k, name in LETTERS.items()]
    return "; ".join([*texts, *ratings]) + ";"


def fields(rater: RaterLine) -> dict[str, str]:
    """Return the columns of a rater in the tables with a column for each rating."""
    values = [_six(rater.ratings.get(name)) for name in LETTERS.values()]
    names = ("WorkerID", "EmoClass_Major", "EmoClass_Second", "EmoAct", "EmoVal")
    texts = (rater.rater, rater.category, rater.others)
    return dict(zip((*names, "EmoDom"), (*texts, *values), strict=True))


def emotion(turn: PodcastTurn) -> str:
    """Return the letter of the class that most raters chose."""
    return majority(rater.category for rater in turn.raters)


def write_text(path: Path, text: str) -> None:
    """Write a text in UTF-8 with the line ends of Unix."""
    path.write_bytes(text.encode())


def _write_consensus(
    path: Path, turns: Sequence[PodcastTurn], parts: dict[str, str]
) -> None:
    """Write the consensus as CSV, and as JSON beside it."""
    rows = []
    for turn in turns:
        # The releases have six decimals or one, as their programs wrote them.
        means = (str(round(turn.ratings[name], 6)) for name in LETTERS.values())
        file, who = f"{turn.stem}.wav", (turn.speaker, turn.sex)
        rows.append((file, emotion(turn), *means, *who, parts[turn.part]))
    _write_csv(path, [CONSENSUS, *rows])
    content = {row[0]: dict(zip(CONSENSUS[1:], row[1:], strict=True)) for row in rows}
    _write_json(path.with_suffix(".json"), content)


def _write_csv(path: Path, rows: Iterable[Sequence[str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)


def _write_json(path: Path, content: object) -> None:
    write_text(path, json.dumps(content, indent=1) + "\n")


def _six(value: float | None) -> str:
    return "NaN" if value is None else f"{value:.6f}"
