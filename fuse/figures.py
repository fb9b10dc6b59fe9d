"""The records of a report, before any format: tables of rows of figures."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from data.runs.info import RunInfo
from fuse.intervals import Interval
from fuse.statistics import Estimate

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
class Row:
    """One run, or one published system."""

    design: str
    detail: str  # what tells it from other rows of its design, or ""
    sections: Mapping[str, Estimate]  # SECTIONS and groups, those that are known
    info: RunInfo | None = None  # None: published
    versus: Mapping[str, Versus] = field(default_factory=dict)  # by section
    members: int = 1  # seeds whose predictions are averaged; 1: none are
    measures: Mapping[str, Mapping[str, Mapping[str, float]]] = field(
        default_factory=dict
    )  # by section, fuse.measures.MEASURES, and rating or "mean"
    group: str = ""  # heading of the rows on the same encoders; "": none is needed
    mapped: bool = False  # a network after an affine map, see fuse.calibration.networks

    @property
    def name(self) -> str:
        """Unique in its table."""
        return f"{self.design} ({self.detail})" if self.detail else self.design


@dataclass(frozen=True)
class Table:
    """All runs of one corpus and protocol."""

    corpus: str
    nature: str  # of the corpus
    protocol: str
    targets: tuple[str, ...]  # that any run predicts
    rows: tuple[Row, ...]
    encoders: tuple[str, ...]  # in words, one an entry
    shared: tuple[str, ...] | None  # parts with common speakers; None: unknown
    pairs: tuple[Pair, ...] = ()  # of all rows, if wanted
    split: bool = False  # whether to show what each CCC is made of
    columns: tuple[
        str, ...
    ] = ()  # of fuse.measures.MEASURES, to be shown in this order
    comparisons: tuple[str, ...] = ()  # sentences
    notes: tuple[str, ...] = ()  # sentences

    @property
    def title(self) -> str:
        """What every format says first."""
        kind = NATURES[self.nature]
        return f"CCC on {self.corpus} ({kind}), protocol {self.protocol}"


def shown(rows: Sequence[Row]) -> tuple[str, ...]:
    """The sections that any row has, in the order shown."""
    found = dict.fromkeys(name for row in rows for name in row.sections)
    return (
        *(name for name in SECTIONS if name in found),
        *sorted(name for name in found if name not in SECTIONS),
    )


def figure(value: float, *, digits: int = 3, sign: bool = False) -> str:
    """A number as this field prints it, without the zero before the point.

    Examples:
        >>> figure(0.7321), figure(-0.05, digits=2), figure(0.043, sign=True)
        ('.732', '-.05', '+.043')
        >>> figure(1), figure(-0.0001), figure(float("nan"))
        ('1.000', '.000', '-')
    """
    if value != value:
        return "-"
    text = f"{round(value, digits) + 0.0:{'+' if sign else ''}.{digits}f}"
    return text.replace("0.", ".", 1) if text.lstrip("+-").startswith("0.") else text


def probability(p: float) -> str:
    """A p-value after its equals sign.

    Examples:
        >>> probability(0.0321), probability(0.0004), probability(1)
        ('= .032', '< .001', '= 1.000')
    """
    return "< .001" if p < 0.001 else f"= {figure(p)}"


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


def count(number: int, noun: str) -> str:
    """A number and its noun.

    Examples:
        >>> count(1, "fold"), count(2170, "utterance")
        ('1 fold', '2,170 utterances')
    """
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
