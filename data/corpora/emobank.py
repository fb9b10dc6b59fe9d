"""EmoBank: 10,062 English sentences with human valence, arousal and dominance.

Buechel and Hahn, "EmoBank: Studying the impact of annotation perspective and
representation format on dimensional emotion analysis", EACL 2017. One table,
``emobank.csv``: ``id,split,V,A,D,text``. Ratings are means over raters, from 1 to 5;
there is neither speech nor a speaker; the split is the corpus's own.
"""

import csv
from collections import Counter
from dataclasses import replace
from pathlib import Path

from data import nature
from data.corpora import manifest
from data.utterance import Corpus, Count

TABLE = "emobank.csv"
SCALE = (1.0, 5.0)
COLUMNS = {
    "id": "id",
    "split": "split",
    "valence": "V",
    "arousal": "A",
    "dominance": "D",
    "text": "text",
}
SIZES = {"train": 8062, "dev": 1000, "test": 1000}  # of the published file


def read(root: Path) -> Corpus:
    """Read the sentences, in the order of the table.

    Args:
        root: the table, or its folder

    Raises:
        FileNotFoundError: if there is no table
        AffuseError: if it lacks a column
    """
    path = root / TABLE if root.is_dir() else root
    if not path.exists():
        raise FileNotFoundError(
            f"{path} not found; download corpus/{TABLE} of the EmoBank release, and "
            f"give its folder"
        )
    found = manifest.read(path, columns=COLUMNS, scale=SCALE, name="emobank")
    sizes = Counter(utterance.split for utterance in found.utterances)
    counts = [Count("utterances", sum(SIZES.values()), sizes.total())]
    counts += [Count(f"utterances in {s}", n, sizes[s]) for s, n in SIZES.items()]
    return replace(found, protocol="official", counts=tuple(counts))


# who says it: split; dominance is higher for those who are many
SUBJECTS = {"I": "train", "You": "train", "They": "train", "We": "dev", "Both": "test"}
PREDICATES = {  # valence, arousal, dominance
    "won the game at last": (4.6, 4.2, 4.0),
    "rested by the quiet lake": (4.0, 1.6, 3.4),
    "read the notice on the door": (3.0, 2.2, 3.0),
    "lost the keys again": (1.9, 3.1, 2.1),
    "shouted at the driver": (1.6, 4.4, 3.8),
    "could not help, however often asked": (1.8, 2.6, 1.4),
}


def sample(root: Path) -> None:
    """Write the smallest example: thirty composed sentences with composed ratings."""
    root.mkdir(parents=True, exist_ok=True)
    nature.state(root, "synthetic")
    with (root / TABLE).open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(COLUMNS.values())
        for who, (subject, split) in enumerate(SUBJECTS.items()):
            for what, (predicate, (v, a, d)) in enumerate(PREDICATES.items()):
                ratings = (v, a, round(d + 0.1 * who, 1))
                text = f'{subject} {predicate}."'  # the release keeps stray quotes
                rows.writerow((f"sample's_{who}_{what}", split, *ratings, text))
