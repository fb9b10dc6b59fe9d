"""Labels of MSP-Podcast: one record for each recording, from any file of a release.

The file of consensus labels has them as means. Where a copy lacks it, they are computed
from the ratings of single raters: the mean of each rating, and the class that most
raters chose. The split then comes from ``Partitions.txt``; speakers stay unknown.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from affuse.data.corpora.manifest import row_parsing
from affuse.data.corpora.msp_podcast import podcast_raters
from affuse.data.corpora.msp_podcast.msp_rater_lines import RaterLine
from affuse.data.corpora.msp_podcast.podcast_tree import CONSENSUS, PodcastTree
from affuse.data.errors import AffuseError
from affuse.data.records import Problem
from affuse.data.release_files import read_text
from affuse.data.system.documents import read_json
from affuse.data.system.regular_files import TABLE
from affuse.data.system.schema import MapOf, Plain
from affuse.data.tables import delimited_tables

ROLES = {  # column in lower case -> role; other columns are not read
    "filename": "file",
    "emoclass": "emotion",
    "emoact": "arousal",
    "emoval": "valence",
    "emodom": "dominance",
    "spkrid": "speaker",
    "gender": "sex",
    "split_set": "split",
}
NEEDED = {"FileName": "file", "EmoAct": "arousal", "EmoVal": "valence"}
LETTERS = {  # primary class in lower case -> letter of the consensus
    "angry": "A",
    "sad": "S",
    "happy": "H",
    "surprise": "U",
    "fear": "F",
    "disgust": "D",
    "contempt": "C",
    "neutral": "N",
}
OTHER, NO_AGREEMENT = "O", "X"
JSON_FILE = MapOf(MapOf(Plain(depth=0)), most=podcast_raters.MOST)
Row = tuple[int | None, Mapping[str, str]]  # line, and the cells by role
PARTS = ("train", "validation", "development", "test", "test1", "test2", "test3")


@dataclass(slots=True)  # not frozen, because that takes four times as long
class PodcastLabel:
    """Labels of one recording, as released."""

    recording: str  # name of the WAV file
    emotion: str  # letter of the class
    ratings: Mapping[str, float]
    speaker: str = ""
    sex: str = ""
    split: str = ""  # as the file spells it
    line: int | None = None

    @property
    def stem(self) -> str:
        """Name of the recording without its ending."""
        return self.recording[:-4]  # without .wav


def read(tree: PodcastTree) -> Iterator[PodcastLabel | Problem]:
    """Yield the labels of each recording, in the order of the file, and problems.

    Args:
        tree: files of the release

    Raises:
        AffuseError: if the file is damaged, or lacks columns that are needed
    """
    path, file = tree.labels, tree.name(tree.labels)
    if not has_consensus(tree):
        return _from_raters(path, file)
    is_json = path.suffix.lower() == ".json"
    return _labels(_json_rows(path) if is_json else _csv_rows(path), file)


def has_consensus(tree: PodcastTree) -> bool:
    """Return True if the labels are the released means, not those of single raters.

    Args:
        tree: files of the release
    """
    return tree.labels.stem.lower() in CONSENSUS


def read_partitions(tree: PodcastTree) -> tuple[dict[str, str], list[Problem]]:
    """Return the split of each recording in ``Partitions.txt``, as it is spelt there.

    Args:
        tree: files of the release

    Returns:
        {name of the WAV file: split}; problems of the file
    """
    if tree.partitions is None:
        return {}, []
    text, problems = read_text(tree.partitions, file=tree.name(tree.partitions))
    splits = {}
    for line in (text or "").splitlines():
        split, mark, recording = line.partition(";")
        if mark and split.strip().lower() in PARTS:
            splits[recording.strip()] = split.strip()
    return splits, problems


def _labels(
    rows: Iterator[Row | Problem], file: str
) -> Iterator[PodcastLabel | Problem]:
    """Yield the label of each row, and a problem for each malformed rating."""
    for row in rows:
        if isinstance(row, Problem):
            yield row
            continue
        line, values = row
        ratings, errors = row_parsing.read_ratings(values)
        label = PodcastLabel(
            values["file"],
            values.get("emotion", ""),
            ratings,
            values.get("speaker", ""),
            values.get("sex", ""),
            values.get("split", ""),
            line,
        )
        yield label
        for error in errors:
            yield Problem(file, error, line, label.stem)


def _csv_rows(path: Path) -> Iterator[Row | Problem]:
    table = delimited_tables.load(path)
    yield from table.notes
    roles = [ROLES.get(name.lower(), "") for name in table.header]
    if lacking := [column for column, role in NEEDED.items() if role not in roles]:
        raise AffuseError(
            f"{path} lacks the columns {', '.join(lacking)}, but has "
            f"{', '.join(table.header)}; use the file of release 1.6 or later"
        )
    for row in table.rows():
        if isinstance(row, Problem):
            yield row
        else:
            line, cells = row
            yield line, dict(zip(roles, map(str.strip, cells), strict=False))


def _json_rows(path: Path) -> Iterator[Row]:
    content: Mapping[str, Mapping[str, object]] = read_json(
        path, JSON_FILE, advice="copy it again", limit=TABLE, nan_is_null=True
    )
    for recording, fields in content.items():
        values = {
            ROLES.get(name.lower(), ""): "" if value is None else str(value).strip()
            for name, value in fields.items()
        }
        yield None, {**values, "file": recording}


def _from_raters(path: Path, file: str) -> Iterator[PodcastLabel | Problem]:
    raters: dict[str, list[RaterLine]] = {}
    for rated in podcast_raters.read(path, file):
        if isinstance(rated, Problem):
            yield rated
        else:
            raters.setdefault(rated[0], []).append(rated[1])
    for recording, lines in raters.items():
        yield PodcastLabel(
            recording,
            majority(line.category for line in lines),
            podcast_raters.mean_ratings(lines),
        )


def majority(categories: Iterable[str]) -> str:
    """Return the letter of the class that more raters chose than any other.

    Args:
        categories: primary classes of one recording, such as "Other-bored"

    Examples:
        >>> majority(["Sad", "Sad", "Neutral"]), majority(["Sad", "Other-odd"])
        ('S', 'X')
    """
    votes = Counter(
        LETTERS.get(name.partition("-")[0].strip().lower(), OTHER)
        for name in categories
        if name
    )
    best = votes.most_common(2)
    if not best or (len(best) > 1 and best[0][1] == best[1][1]):
        return NO_AGREEMENT
    return best[0][0]
