"""The records of a report, before any format: tables of rows of figures."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from data.predictions import RunInfo
from fuse.statistics import Estimate, Interval

SECTIONS = ("all", "published", "improvised", "scripted")  # in the order shown
NATURES = {
    "human": "human ratings",
    "synthetic": "synthetic data",
    "proxy": "proxy ratings",
}


@dataclass(frozen=True)
class Versus:
    """A row less the best single modality, on one section."""

    name: str  # of the single modality's row
    difference: Interval  # of the mean CCC


@dataclass(frozen=True)
class Row:
    """One run, or one published system."""

    design: str
    detail: str  # what tells it from other rows of its design, or ""
    sections: Mapping[str, Estimate]  # those of SECTIONS that are known
    info: RunInfo | None = None  # None: published
    versus: Mapping[str, Versus] = field(default_factory=dict)  # by section

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
    comparisons: tuple[str, ...] = ()  # sentences
    notes: tuple[str, ...] = ()  # sentences

    @property
    def title(self) -> str:
        """What every format says first."""
        kind = NATURES[self.nature]
        return f"CCC on {self.corpus} ({kind}), protocol {self.protocol}"


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
