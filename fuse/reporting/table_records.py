"""Records of a report: tables, rows, figures and comparisons, without a format."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from affuse.data.reading.transcript_table import ListedUtterance
from affuse.data.records import WORST_FIRST, Member
from affuse.data.runs.run_information import RunInfo
from affuse.data.runs.run_predictions import Run
from affuse.data.system.work_log import WorkLog
from affuse.fuse.robustness.ablation import Ablation
from affuse.fuse.scoring.clusters import ClusterUnit
from affuse.fuse.scoring.intervals import Interval
from affuse.fuse.scoring.statistics import Estimate
from affuse.fuse.wording import figure

HUMAN = "human raters"  # section with the agreement of raters, without any design
SECTIONS = (  # in order
    *("all", HUMAN, "published", "improvised", "scripted", "new sentences"),
)
ALPHA = 0.05  # significance level of all tests of a table together
DIGITS = 4  # largest number of decimals; equal bounds with so many have no width
MARKS = {"better": "*", "worse": "\N{DAGGER}"}  # verdict -> mark after a figure
NATURES = {
    "human": "human ratings",
    "synthetic": "synthetic data",
    "proxy": "proxy ratings",
}


def kind_of_ratings(nature: str, members: Sequence[Member] = ()) -> str:
    """Return the kind of ratings of a training set, which every table shows.

    Args:
        nature: of all its corpora, or the worst of them
        members: of a training set of several corpora

    Examples:
        >>> kind_of_ratings("human")
        'human ratings'
        >>> several = [Member("a", "human", None), Member("b", "synthetic", None)]
        >>> kind_of_ratings("synthetic", several)
        'partly synthetic data: b; partly human ratings: a'
    """
    names: dict[str, list[str]] = {}
    for member in members:
        names.setdefault(member.nature, []).append(member.name)
    if len(names) < 2:
        return NATURES[nature]
    return "; ".join(
        f"partly {NATURES[kind]}: {', '.join(names[kind])}"
        for kind in WORST_FIRST
        if kind in names
    )


@dataclass(frozen=True)
class Versus:
    """Comparison of a row with another one in one section."""

    name: str  # of the other row
    difference: Interval  # of the mean CCC
    p: float = math.nan  # of the permutation test
    adjusted: float = math.nan  # p after Holm's correction
    reason: str = ""  # clause on why the pair is not tested; "" if it is tested
    remark: str = ""  # clause on an intended difference
    utterances: int = 0  # that are compared; 0 if both rows have the same
    tested: int = 0  # that at least one of the rows has, if not the same

    @property
    def verdict(self) -> str:
        """``better``, ``worse``, ``not told apart``, ``not marked`` or ``unknown``."""
        if self.reason:
            return "not marked"
        if math.isnan(self.adjusted):
            return "unknown"
        if self.adjusted >= ALPHA:
            return "not told apart"
        return "better" if self.difference.value > 0 else "worse"

    @property
    def mark(self) -> str:
        """Mark after the row's figure in a table for human readers."""
        return MARKS.get(self.verdict, "")


@dataclass(frozen=True)
class Pair:
    """Comparison of two rows on all utterances, the first minus the second."""

    a: str  # name of the first row
    b: str  # name of the second row
    versus: Versus | None  # None if they were scored on other utterances or ratings


@dataclass(frozen=True)
class TableRow:
    """Row of a table: a run or a row derived from it, raters, or a published system."""

    design: str
    detail: str  # distinguishes it from other rows of its design, or ""
    sections: Mapping[str, Estimate]  # names of SECTIONS, and groups
    info: RunInfo | None = None  # None for human raters and a published system
    versus: Mapping[str, Versus] = field(default_factory=dict)  # by section
    members: int = 1  # number of seeds of an ensemble; 1 for other rows
    measures: Mapping[str, Mapping[str, Mapping[str, float]]] = field(
        default_factory=dict
    )  # by section, affuse.fuse.reporting.measures.MEASURES, and rating or "mean"
    group: str = ""  # heading of the rows on the same encoders; "" without headings
    mapped: bool = False  # True for a network after an affine map
    is_imported: bool = False  # True for a system that was trained elsewhere

    @property
    def name(self) -> str:
        """Name that is unique in the table."""
        return f"{self.design} ({self.detail})" if self.detail else self.design

    @property
    def is_compared(self) -> bool:
        """True if the row has predictions, so that other rows can be compared."""
        return self.info is not None or self.is_imported


@dataclass(frozen=True)
class TableSources:
    """Predictions that the rows of a table score, for formats that draw them."""

    parts: Sequence[Mapping[str, Run]]  # for each row of a run, section -> run
    unit: ClusterUnit  # of the intervals of the table
    unit_name: str  # the requested unit; "" lets each subgroup have its own


@dataclass(frozen=True)
class ReportTable:
    """Table of all runs of one corpus and protocol."""

    corpus: str
    nature: str  # kind of the ratings
    protocol: str
    targets: tuple[str, ...]  # ratings that any run predicts
    rows: tuple[TableRow, ...]
    encoders: tuple[str, ...]  # one encoder in words per entry
    shared: tuple[str, ...] | None  # pairs of parts with shared speakers; None: unknown
    pairs: tuple[Pair, ...] = ()  # of all rows, on request
    split: bool = False  # show the factors of each CCC
    columns: tuple[
        str, ...
    ] = ()  # names of affuse.fuse.reporting.measures.MEASURES, in the order to show
    comparisons: tuple[str, ...] = ()  # sentences
    notes: tuple[str, ...] = ()  # footnotes
    members: tuple[Member, ...] = ()  # of a training set of several corpora
    ablations: tuple[Ablation, ...] = ()  # of fusion designs, on request
    durations: Mapping[str, float] = field(default_factory=dict)  # seconds, by id
    extractions: Mapping[str, WorkLog] = field(default_factory=dict)  # by cache
    utterances: Mapping[str, ListedUtterance] = field(default_factory=dict)  # by id
    sounds: Mapping[str, bytes] = field(default_factory=dict)  # OGG files, by id
    sources: TableSources | None = field(default=None, repr=False, compare=False)

    @property
    def kind(self) -> str:
        """Kind of the ratings in words, of each corpus if there are several."""
        return kind_of_ratings(self.nature, self.members)

    @property
    def title(self) -> str:
        """Title of the table."""
        return f"CCC on {self.corpus} ({self.kind}), protocol {self.protocol}"


@dataclass(frozen=True)
class TableBlock:
    """Small table of text with a heading."""

    heading: str
    heads: tuple[str, ...]
    lines: tuple[tuple[str, ...], ...]  # each as long as the heads


def section_names(rows: Sequence[TableRow]) -> tuple[str, ...]:
    """Return the sections of all rows, in the order of the table.

    Args:
        rows: of a table
    """
    names = dict.fromkeys(name for row in rows for name in row.sections)
    return (
        *(name for name in SECTIONS if name in names),
        *sorted(name for name in names if name not in SECTIONS),
    )


def bounds(interval: Interval, *, digits: int = 2, sign: bool = False) -> str:
    """Return ``[low, high]``, or "" if the interval is unknown.

    Args:
        interval: a figure with its bounds
        digits: least number of decimals; bounds that are equal with it have more
        sign: write a plus before positive bounds

    Examples:
        >>> bounds(Interval(0.73, 0.701, 0.756)), bounds(Interval(0.73, 0.7301, 0.7304))
        ('[.70, .76]', '[.7301, .7304]')
    """
    if not is_known(interval):
        return ""
    for places in range(digits, DIGITS + 1):
        low, high = (
            figure(bound, digits=places, sign=sign)
            for bound in (interval.low, interval.high)
        )
        if low != high:
            break
    return f"[{low}, {high}]"


def is_known(interval: Interval) -> bool:
    """Return True if an interval has bounds and a width above zero.

    An interval without width would claim that a figure is exact, which no figure of a
    sample is.

    Args:
        interval: a figure with its bounds

    Examples:
        >>> is_known(Interval(0, 0, 0)), is_known(Interval(0, math.nan, math.nan))
        (False, False)
    """
    return interval.high - interval.low >= 10.0**-DIGITS
