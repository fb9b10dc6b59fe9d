"""Single ratings of the test utterances of a run, summarised in ``raters.csv``.

A report needs them for the human ceiling. Runs of corpora without single ratings, and
runs of older versions, have no such file.
"""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from affuse.data.errors import AffuseError, DamagedFileError
from affuse.data.rating_scales import RATINGS
from affuse.data.records import Utterance
from affuse.data.runs.run_folder import RunFolder
from affuse.data.single_ratings import RaterSummary, Summaries, parse_summary
from affuse.data.system.csv_tables import (
    DAMAGED,
    parse_number,
    parse_whole_number,
    read_rows,
    write_rows,
)
from affuse.data.system.digests import is_listed
from affuse.data.terminal import printable

FIGURES = ("mean", "deviation", "raters")  # columns of each rating, after its name
RATER_COLUMNS = ("id", *(f"{name}_{each}" for name in RATINGS for each in FIGURES))


def write_raters(folder: Path, utterances: Iterable[Utterance]) -> None:
    """Write raters.csv atomically, unless no utterance has single ratings.

    Args:
        folder: of the run
        utterances: of the test parts, in the order of the file
    """
    rows = [
        (u.id, *(cell for name in RATINGS for cell in _cells(u.raters.get(name))))
        for u in utterances
        if u.raters
    ]
    if rows:
        write_rows(RunFolder(folder).raters, RATER_COLUMNS, rows)


def _cells(summary: RaterSummary | None) -> Iterator[str]:
    """Yield the cells of one rating; they are empty if nobody gave it."""
    if summary is None:
        yield from ("",) * len(FIGURES)
    else:
        yield from map(repr, (summary.mean, summary.deviation, summary.raters))


def read_raters(folder: Path) -> dict[str, Summaries]:
    """Return the single ratings in raters.csv, or {} if there is no such file.

    Args:
        folder: of the run

    Returns:
        {id of an utterance: summaries}, on the scale of the corpus

    Raises:
        DamagedFileError: if a line is damaged, or repeats an utterance; the message
            names it
    """
    path, found = RunFolder(folder).raters, dict[str, Summaries]()
    if not os.path.lexists(path) and not is_listed(path):
        return {}
    for line, (id_, *cells) in read_rows(path, RATER_COLUMNS):
        try:
            summaries = _summaries(cells)
        except (AffuseError, ValueError) as error:
            raise DamagedFileError(
                f"{path}, line {line}: {printable(str(error))}; {DAMAGED}"
            ) from error
        if id_ in found:
            raise DamagedFileError(
                f"{path}, line {line}: utterance '{printable(id_)}' occurs twice; "
                f"{DAMAGED}"
            )
        found[id_] = summaries
    return found


def _summaries(cells: Sequence[str]) -> Mapping[str, RaterSummary]:
    """Return the summaries in the cells of one row."""
    size = len(FIGURES)
    found = {}
    for number, name in enumerate(RATINGS):
        mean, deviation, raters = cells[number * size : (number + 1) * size]
        if mean or deviation or raters:
            found[name] = parse_summary(
                parse_number(mean), parse_number(deviation), parse_whole_number(raters)
            )
    return found
