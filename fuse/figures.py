"""The records of a report, before any format: tables of rows of figures."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from data.runs.info import RunInfo
from fuse.intervals import Interval
from fuse.statistics import Estimate

SECTIONS = ("all", "published", "improvised", "scripted", "new sentences")  # first
ALPHA = 0.05  # of the significance tests, for a table as a whole
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

    @property
    def verdict(self) -> str:
        """``better``, ``worse``, ``not told apart`` or ``unknown``."""
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
    """``[low, high]``, or "" where it is not known.

    Examples:
        >>> bounds(Interval(0.73, 0.701, 0.756))
        '[.70, .76]'
    """
    if interval.low != interval.low:
        return ""
    low, high = (
        figure(bound, digits=digits, sign=sign)
        for bound in (interval.low, interval.high)
    )
    return f"[{low}, {high}]"


def count(number: int, noun: str) -> str:
    """A number and its noun.

    Examples:
        >>> count(1, "fold"), count(2170, "utterance")
        ('1 fold', '2,170 utterances')
    """
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
