"""Rows of human raters in a table: their agreement, and the ceiling for designs.

The rows are a section of their own, below all designs. No design is tested against
them, because both figures depend on a model of the raters.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from affuse.data.runs.rater_table import read_raters
from affuse.data.runs.run_predictions import Run
from affuse.data.single_ratings import Summaries
from affuse.fuse.reporting.blocks import LETTERS
from affuse.fuse.reporting.table_records import HUMAN, TableRow
from affuse.fuse.scoring.clusters import ClusterUnit
from affuse.fuse.scoring.human_ceiling import HumanFigures, human_figures
from affuse.fuse.wording import count, figure

ONE, CEILING = "one rater", "true opinion"  # names of the rows


@dataclass(frozen=True)
class HumanRows:
    """Rows of human raters with their footnotes."""

    rows: tuple[TableRow, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class RatedRun:
    """First run of a table that has certain test utterances and their raters."""

    run: Run
    name: str  # of its row
    raters: Mapping[str, Summaries]


def score_raters(
    runs: Sequence[Run], names: Sequence[str], unit: ClusterUnit
) -> HumanRows:
    """Return the rows of the human raters, once for each set of test utterances.

    Args:
        runs: of the rows of one table
        names: of the rows, in the same order
        unit: of the intervals of the table

    Raises:
        DamagedFileError: if a file with single ratings is damaged
    """
    rated = _rated_runs(runs, names)
    found = [(each, human_figures(each.run, each.raters, unit=unit)) for each in rated]
    scored = [(each, figures) for each, figures in found if figures]
    rows: list[TableRow] = []
    notes: list[str] = []
    for each, figures in scored:
        where = f"test utterances of {each.name}" if len(scored) > 1 else ""
        rows += _rows(figures, where)
        notes += _descriptions(figures, where)
    if scored:
        notes.append(
            f"Human raters: they are assumed to be independent and drawn at random for "
            f"each utterance (one-way random effects, Shrout and Fleiss, 1979); the "
            f"intervals are over the same {unit.name}s as those of designs; no design "
            f"is tested against them"
        )
    return HumanRows(tuple(rows), tuple(notes))


def _rated_runs(runs: Sequence[Run], names: Sequence[str]) -> list[RatedRun]:
    """Return the first run with single ratings for each set of test utterances."""
    found: dict[frozenset[tuple[str, str]], RatedRun] = {}
    for run, name in zip(runs, names, strict=True):
        p = run.predictions
        key = frozenset(zip(p.fold.tolist(), p.id.tolist(), strict=True))
        if key not in found and (raters := read_raters(run.path)):
            found[key] = RatedRun(run, name, raters)
    return list(found.values())


def _rows(figures: HumanFigures, where: str) -> Iterator[TableRow]:
    """Yield the two rows of one set of test utterances."""
    for design, detail, estimate in (
        (ONE, "with the others", figures.one_rater),
        (CEILING, "ceiling", figures.ceiling),
    ):
        words = ", ".join(word for word in (detail, where) if word)
        yield TableRow(design, words, {HUMAN: estimate})


def _descriptions(figures: HumanFigures, where: str) -> Iterator[str]:
    """Yield the footnotes on the two figures of one set of test utterances."""
    place = f" ({where})" if where else ""
    several = count(figures.one_rater.utterances, "utterance")
    numbers = (
        str(figures.fewest)
        if figures.fewest == figures.most
        else f"{figures.fewest} to {figures.most}"
    )
    yield (
        f"{ONE}{place}: CCC of one rater with the mean of the other raters, over "
        f"{several} with two or more raters, each with the same weight; utterances "
        f"have {numbers} raters, {figures.average:.1f} on average"
    )
    reliability = ", ".join(
        f"{LETTERS[name]} {figure(value, digits=2)}"
        for name, value in figures.reliability.items()
    )
    yield (
        f"{CEILING}{place}: CCC that the mean over all possible raters would reach "
        f"with the mean of the raters, 2 r / (1 + r) for its reliability r "
        f"({reliability}); a prediction that varies more can exceed it, and reaches "
        f"sqrt(r) at most"
    )
