"""The records of a report, before any format: tables of rows of figures."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from affuse.data.runs.run_information import RunInfo
from affuse.fuse.scoring.intervals import Interval
from affuse.fuse.scoring.statistics import Estimate
from affuse.fuse.wording import figure

SECTIONS = ("all", "published", "improvised", "scripted", "new sentences")  # first
ALPHA = 0.05  # of the significance tests, for a table as a whole
DIGITS = 4  # after the point, at most; bounds that do not differ in them have no width
MARKS = {"better": "*", "worse": "\N{DAGGER}"}  # behind a figure
NATURES = {
    "human": "human ratings",
    "synthetic": "synthetic data",
    "proxy": "proxy ratings",
}


@dataclass(frozen=True)
class Versus:
    """A row less another one, on one section."""

    name: str  # of the other row
    difference: Interval  # of the mean CCC
    p: float = math.nan  # of the permutation test
    adjusted: float = math.nan  # the same after Holm's correction
    reason: str = ""  # why nothing is tested, as a clause; "": nothing forbids it
    remark: str = ""  # a difference that is meant to be, as a clause

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
        """What stands behind the row's figure in a table for people."""
        return MARKS.get(self.verdict, "")


@dataclass(frozen=True)
class Pair:
    """Two rows of a table, the first less the second on all utterances."""

    a: str  # name of a row
    b: str
    versus: Versus | None  # None: scored on other utterances or ratings


@dataclass(frozen=True)
class TableRow:
    """One run, or one published system."""

    design: str
    detail: str  # what tells it from other rows of its design, or ""
    sections: Mapping[str, Estimate]  # SECTIONS and groups, those that are known
    info: RunInfo | None = None  # None: published
    versus: Mapping[str, Versus] = field(default_factory=dict)  # by section
    members: int = 1  # seeds whose predictions are averaged; 1: none are
    measures: Mapping[str, Mapping[str, Mapping[str, float]]] = field(
        default_factory=dict
    )  # by section, affuse.fuse.reporting.measures.MEASURES, and rating or "mean"
    group: str = ""  # heading of the rows on the same encoders; "": none is needed
    mapped: bool = False  # a network after an affine map, see `mapped_networks`

    @property
    def name(self) -> str:
        """Unique in its table."""
        return f"{self.design} ({self.detail})" if self.detail else self.design


@dataclass(frozen=True)
class ReportTable:
    """All runs of one corpus and protocol."""

    corpus: str
    nature: str  # of the corpus
    protocol: str
    targets: tuple[str, ...]  # that any run predicts
    rows: tuple[TableRow, ...]
    encoders: tuple[str, ...]  # in words, one an entry
    shared: tuple[str, ...] | None  # parts with common speakers; None: unknown
    pairs: tuple[Pair, ...] = ()  # of all rows, if wanted
    split: bool = False  # whether to show what each CCC is made of
    columns: tuple[
        str, ...
    ] = ()  # of affuse.fuse.reporting.measures.MEASURES, to be shown in this order
    comparisons: tuple[str, ...] = ()  # sentences
    notes: tuple[str, ...] = ()  # sentences

    @property
    def title(self) -> str:
        """What every format says first."""
        kind = NATURES[self.nature]
        return f"CCC on {self.corpus} ({kind}), protocol {self.protocol}"


def shown(rows: Sequence[TableRow]) -> tuple[str, ...]:
    """The sections that any row has, in the order shown."""
    found = dict.fromkeys(name for row in rows for name in row.sections)
    return (
        *(name for name in SECTIONS if name in found),
        *sorted(name for name in found if name not in SECTIONS),
    )


def bounds(interval: Interval, *, digits: int = 2, sign: bool = False) -> str:
    """``[low, high]``, or "" where it is not known, as `is_known` tells.

    Where both bounds are the same with so many digits, more are shown.

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
    """Return True if an interval has bounds, and a width that can be told from zero.

    One without width says that a figure is exact, which no figure of a sample is.

    Examples:
        >>> is_known(Interval(0, 0, 0)), is_known(Interval(0, math.nan, math.nan))
        (False, False)
    """
    return interval.high - interval.low >= 10.0**-DIGITS
