"""Labels of MSP-Podcast: one record for each recording, from any file of a release.

The file of consensus labels has them as means. Where a copy lacks it, they are computed
from the ratings of single raters: the mean of each rating, and the class that most
raters chose. The split then comes from ``Partitions.txt``; speakers stay unknown.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from pathlib import Path

from affuse.data.corpora.manifest import row_parsing
from affuse.data.corpora.msp_podcast import podcast_raters
from affuse.data.corpora.msp_podcast.podcast_tree import CONSENSUS, PodcastTree
from affuse.data.corpora.msp_podcast.rater_collection import RaterCollection, means
from affuse.data.errors import AffuseError
from affuse.data.rating_scales import RATINGS
from affuse.data.records import Problem
from affuse.data.release_files import read_text
from affuse.data.single_ratings import NO_RATERS, Summaries
from affuse.data.system.documents import read_json
from affuse.data.system.regular_files import TABLE
from affuse.data.system.schema import MapOf, Plain
from affuse.data.tables import cell_values, delimited_tables

# Columns in lower case, in the order of `Row`; other columns are not read.
RATED = {"valence": "emoval", "arousal": "emoact", "dominance": "emodom"}
COLUMNS = (
    *("filename", "emoclass", "spkrid", "gender", "split_set"),
    *(RATED[name] for name in RATINGS),
)
NEEDED = ("FileName", "EmoAct", "EmoVal")
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
Row = tuple[int | None, Sequence[str]]  # line, and a cell for each of COLUMNS
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
    raters: Summaries = field(default_factory=lambda: NO_RATERS)

    @property
    def stem(self) -> str:
        """Name of the recording without its ending."""
        return self.recording[:-4]  # without .wav


def read(tree: PodcastTree) -> Iterator[PodcastLabel | Problem]:
    """Yield the labels of each recording, in the order of the file, and problems.

    Args:
        tree: files of the release

    Raises:
        AffuseError: if the file of the labels is damaged, or lacks columns that are
            needed; if that of the raters is, this is a problem
    """
    path, file = tree.labels, tree.name(tree.labels)
    if not has_consensus(tree):
        yield from _from_raters(path, file)
        return
    is_json = path.suffix.lower() == ".json"
    raters, problems = _raters(tree)
    yield from problems
    rows = _json_rows(path) if is_json else _csv_rows(path)
    names = set()
    for label in _labels(rows, file, raters):
        if isinstance(label, PodcastLabel):
            names.add(label.recording)
        yield label
    if tree.raters is not None:
        yield from raters.notes(tree.name(tree.raters), names)


def _raters(tree: PodcastTree) -> tuple[RaterCollection, list[Problem]]:
    """Return the ratings of single raters, and the problems of their file."""
    collection, problems = RaterCollection(), list[Problem]()
    if tree.raters is None:
        return collection, problems
    file = tree.name(tree.raters)
    try:
        for rated in podcast_raters.read(tree.raters, file):
            if isinstance(rated, Problem):
                problems.append(rated)
            else:
                collection.add(*rated)
    except (AffuseError, OSError) as error:
        reason = f"{error}; the single ratings in it are not read"
        return RaterCollection(), [Problem(file, reason)]
    return collection, problems


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
    rows: Iterator[Row | Problem], file: str, raters: RaterCollection
) -> Iterator[PodcastLabel | Problem]:
    """Yield the label of each row, and a problem for each malformed rating."""
    for row in rows:
        if isinstance(row, Problem):
            yield row
            continue
        line, cells = row
        name, emotion, speaker, sex, split, *rated = map(str.strip, cells)
        ratings, errors = _ratings(rated)
        found = raters.summaries(name)
        label = PodcastLabel(name, emotion, ratings, speaker, sex, split, line, found)
        yield label
        for error in errors:
            yield Problem(file, error, line, label.stem)


def _ratings(cells: Sequence[str]) -> tuple[dict[str, float], list[str]]:
    """Return the ratings of a row, and a sentence for each malformed one.

    Args:
        cells: in the order of `RATINGS`
    """
    try:
        first, second, third = map(cell_values.rating, cells)
    except AffuseError:
        first = None
    if first is None or second is None or third is None:  # in very few rows
        return row_parsing.read_ratings(dict(zip(RATINGS, cells, strict=True)))
    return {RATINGS[0]: first, RATINGS[1]: second, RATINGS[2]: third}, []


def _csv_rows(path: Path) -> Iterator[Row | Problem]:
    table = delimited_tables.load(path)
    yield from table.notes
    places = {name.lower(): place for place, name in enumerate(table.header)}
    if lacking := [name for name in NEEDED if name.lower() not in places]:
        raise AffuseError(
            f"{path} lacks the columns {', '.join(lacking)}, but has "
            f"{', '.join(table.header)}; use the file of release 1.6 or later"
        )
    wanted = itemgetter(*(places.get(name, -1) for name in COLUMNS))
    for row in table.rows():
        if isinstance(row, Problem):
            yield row
        else:
            line, cells = row
            cells.append("")  # the cell at -1, of a column that the table lacks
            yield line, wanted(cells)


def _json_rows(path: Path) -> Iterator[Row]:
    content: Mapping[str, Mapping[str, object]] = read_json(
        path, JSON_FILE, advice="copy it again", limit=TABLE, nan_is_null=True
    )
    for recording, fields in content.items():
        values = {
            name.lower(): "" if value is None else str(value)
            for name, value in fields.items()
        }
        values["filename"] = recording
        yield None, [values.get(name, "") for name in COLUMNS]


def _from_raters(path: Path, file: str) -> Iterator[PodcastLabel | Problem]:
    """Yield the label of each recording, computed from the ratings of its raters."""
    raters, classes = RaterCollection(), dict[str, list[str]]()
    for rated in podcast_raters.read(path, file):
        if isinstance(rated, Problem):
            yield rated
        elif raters.add(*rated):
            recording, line = rated
            classes.setdefault(recording, []).append(line.category)
    for recording, categories in classes.items():
        found = raters.summaries(recording)
        emotion = majority(categories)
        yield PodcastLabel(recording, emotion, means(found), raters=found)
    yield from raters.notes(file, classes)


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
