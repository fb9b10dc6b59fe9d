"""EmoBank: 10,062 English sentences with human valence, arousal and dominance.

Buechel and Hahn, "EmoBank: Studying the impact of annotation perspective and
representation format on dimensional emotion analysis", EACL 2017. One table,
``emobank.csv``: ``id,split,V,A,D,text``. Ratings are means over raters, from 1 to 5;
there is neither speech nor a speaker; the split is the corpus's own. If ``meta.tsv`` of
the release lies beside it (``id document category subcategory``), its columns are kept.
"""

import csv
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from affuse.data import extra_columns, rating_kinds
from affuse.data.corpora import manifest
from affuse.data.errors import AffuseError
from affuse.data.records import Corpus, Count, Problem
from affuse.data.tables import delimited_tables, unread_columns
from affuse.data.tables.delimited_tables import DelimitedTable

TABLE = "emobank.csv"
META = "meta.tsv"
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
        AffuseError: if it lacks a column, or `META` beside it lacks one
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
    described, problems = _described(found, path.parent / META)
    return replace(
        described,
        protocol="official",
        counts=tuple(counts),
        problems=(*found.problems, *problems),
    )


def _described(corpus: Corpus, path: Path) -> tuple[Corpus, list[Problem]]:
    """Add the columns of `META` to the utterances, joined by id, if it is there.

    Returns:
        the corpus, and what was wrong with the file
    """
    if not path.exists():
        return corpus, []
    lines, problems = _lines(delimited_tables.load(path))
    lacking = [u.id for u in corpus.utterances if u.id not in lines]
    if lacking:
        reason = f"utterances without a line: {len(lacking)}, such as {lacking[0]}"
        problems.append(Problem(path.name, reason, fatal=False))
    utterances = tuple(
        replace(u, columns={**u.columns, **lines[u.id]}) if u.id in lines else u
        for u in corpus.utterances
    )
    return replace(corpus, utterances=utterances), problems


def _lines(table: DelimitedTable) -> tuple[dict[str, Mapping[str, str]], list[Problem]]:
    """Return the columns of each sentence by its id, and what was wrong.

    Raises:
        AffuseError: if the table has no ids
    """
    if "id" not in table.header:
        raise AffuseError(
            f"{table.path} has no column id, only {', '.join(table.header)}; take the "
            f"file of the EmoBank release, or remove it"
        )
    place = table.header.index("id")
    dropped: dict[str, str] = {}
    names = unread_columns.candidate_columns(table.header, {"id": place}, dropped)
    kept = unread_columns.survey([(table, names)], dropped)
    problems = [*table.notes, *unread_columns.notes(dropped, table.path.name)]
    found: dict[str, Mapping[str, str]] = {}
    for row in table.rows():
        if isinstance(row, Problem):
            problems.append(row)
            continue
        cells = {name: unread_columns.cell(row[1][names[name]]) for name in kept}
        found[row[1][place].strip()] = extra_columns.mapping(cells)
    return found, problems


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
    rating_kinds.state(root, "synthetic")
    with (root / TABLE).open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(COLUMNS.values())
        for who, (subject, split) in enumerate(SUBJECTS.items()):
            for what, (predicate, (v, a, d)) in enumerate(PREDICATES.items()):
                ratings = (v, a, round(d + 0.1 * who, 1))
                text = f'{subject} {predicate}."'  # the release keeps stray quotes
                rows.writerow((f"sample's_{who}_{what}", split, *ratings, text))
