"""EmoBank: 10,062 English sentences with human valence, arousal and dominance.

Buechel and Hahn, "EmoBank: Studying the impact of annotation perspective and
representation format on dimensional emotion analysis", EACL 2017. The corpus is one
table, ``emobank.csv``: ``id,split,V,A,D,text``. Ratings are means over raters, from 1
to 5. There are no speakers and no speech. Splits are those of the release. If its
``meta.tsv`` (``id document category subcategory``) lies beside the table, its columns
are kept.
"""

import csv
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from affuse.data import extra_columns, rating_kinds
from affuse.data.corpora import manifest
from affuse.data.corpus_facts import CorpusFacts
from affuse.data.errors import AffuseError
from affuse.data.records import Corpus, Count, Problem
from affuse.data.tables import delimited_tables, unread_columns
from affuse.data.tables.delimited_tables import DelimitedTable

TABLE = "emobank.csv"
META = "meta.tsv"
FACTS = CorpusFacts(
    title="EmoBank",
    root=f"the table {TABLE} of the release, or its folder",
    page="https://github.com/JULIELab/EmoBank",
    licence="CC BY-SA 4.0",
    ratings="human: means over raters, from 1 to 5",
    texts="every utterance is a sentence",
    size="10,062 sentences, without speech",
    signs=(TABLE,),
)
SCALE = (1.0, 5.0)
COLUMNS = {
    "id": "id",
    "split": "split",
    "valence": "V",
    "arousal": "A",
    "dominance": "D",
    "text": "text",
}
SIZES = {"train": 8062, "dev": 1000, "test": 1000}  # utterances of the published file


def read(root: Path) -> Corpus:
    """Return the corpus, with its sentences in the order of the table.

    Args:
        root: the table, or its folder

    Raises:
        FileNotFoundError: if there is no table
        AffuseError: if the table lacks a column, or `META` beside it lacks its ids
    """
    path = root / TABLE if root.is_dir() else root
    if not path.exists():
        raise FileNotFoundError(
            f"{path} not found; download corpus/{TABLE} of the EmoBank release, and "
            f"give its folder"
        )
    corpus = manifest.read(path, columns=COLUMNS, scale=SCALE, name="emobank")
    sizes = Counter(utterance.split for utterance in corpus.utterances)
    counts = [Count("utterances", sum(SIZES.values()), sizes.total())]
    counts += [Count(f"utterances in {s}", n, sizes[s]) for s, n in SIZES.items()]
    with_columns, problems = _with_meta(corpus, path.parent / META)
    return replace(
        with_columns,
        protocol="official",
        counts=tuple(counts),
        problems=(*corpus.problems, *problems),
    )


def _with_meta(corpus: Corpus, path: Path) -> tuple[Corpus, list[Problem]]:
    """Return the corpus with the columns of `META`, joined by id, if the file exists.

    Returns:
        the corpus, and the problems of the file
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
    """Return the columns of each sentence by its id, and the problems of the table.

    Raises:
        AffuseError: if the table has no ids
    """
    if "id" not in table.header:
        raise AffuseError(
            f"{table.path} has no column id, only {', '.join(table.header)}; take the "
            f"file of the EmoBank release, or remove it"
        )
    id_index = table.header.index("id")
    dropped: dict[str, str] = {}
    names = unread_columns.candidate_columns(table.header, {id_index}, dropped)
    columns = unread_columns.survey([(table, names)], dropped)
    problems = [*table.notes, *unread_columns.notes(dropped, table.path.name)]
    by_id: dict[str, Mapping[str, str]] = {}
    for row in table.rows():
        if isinstance(row, Problem):
            problems.append(row)
            continue
        cells = {name: unread_columns.cell(row[1][names[name]]) for name in columns}
        by_id[row[1][id_index].strip()] = extra_columns.mapping(cells)
    return by_id, problems


# Subject of the sentence -> split. Dominance rises from one subject to the next.
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
    """Write the smallest example: thirty invented sentences with invented ratings."""
    root.mkdir(parents=True, exist_ok=True)
    rating_kinds.write_nature(root, "synthetic")
    with (root / TABLE).open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(COLUMNS.values())
        for subject_index, (subject, split) in enumerate(SUBJECTS.items()):
            for predicate_index, (predicate, (v, a, d)) in enumerate(
                PREDICATES.items()
            ):
                ratings = (v, a, round(d + 0.1 * subject_index, 1))
                text = f'{subject} {predicate}."'  # the release keeps stray quotes
                rows.writerow(
                    (
                        f"sample's_{subject_index}_{predicate_index}",
                        split,
                        *ratings,
                        text,
                    )
                )
