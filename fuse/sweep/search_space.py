"""Search space of settings: a grid, or random draws from ranges and lists."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import product
from typing import Any

import numpy as np

from affuse.data.errors import AffuseError, OptionError
from affuse.data.suggestions import hint
from affuse.fuse.setting_scopes import row_setting_names
from affuse.fuse.settings import RANGES, Settings, override

UNSEARCHED_SETTINGS = row_setting_names(Settings)  # they select rows or columns
DIGITS = 4  # significant digits of drawn numbers
MOST = 10_000  # largest number of settings in one search


@dataclass(frozen=True)
class Range:
    """Range of numbers that includes both bounds."""

    low: float
    high: float
    log: bool  # draw uniformly in the logarithm
    is_integer: bool  # draw integers

    def draw(self, rng: np.random.Generator) -> float:
        """Return a random number: an integer, or a number with `DIGITS` digits."""
        if self.log:
            drawn = math.exp(rng.uniform(math.log(self.low), math.log(self.high)))
        else:
            drawn = rng.uniform(self.low, self.high)
        short = round(drawn) if self.is_integer else float(f"{drawn:.{DIGITS}g}")
        kept = min(max(short, self.low), self.high)
        return int(kept) if self.is_integer else kept


def candidates(
    base: Settings,
    *,
    grid: Sequence[str] = (),
    space: Sequence[str] = (),
    draws: int | None = None,
    seed: int = 0,
) -> tuple[Settings, ...]:
    """Return the settings to try, each once.

    Without `draws`, they are all combinations of the grid. Otherwise each draw has one
    value of every list of the grid and one number of every range. The first ten of
    twenty draws equal the ten draws of the same seed.

    Args:
        base: values of the settings that are not searched
        grid: items ``name=value,value``
        space: items ``name=low:high`` or ``name=low:high:log``
        draws: number of random draws; None for the whole grid
        seed: of the draws

    Raises:
        OptionError: if there is nothing to search, if a name or value is invalid, or if
            there is a range without draws
    """
    lists = _distinct([_list(text) for text in grid])
    ranges = _distinct([_range(text) for text in space])
    _demand(lists, ranges, draws)
    if draws is None:
        chosen: list[Sequence[str]] = [*product(*lists.values())]
    else:
        rng = np.random.default_rng(seed)
        chosen = [_draw(lists, ranges, rng) for _ in range(draws)]
    return tuple(dict.fromkeys(_changed(base, changes) for changes in chosen))


def _changed(base: Settings, assignments: Sequence[str]) -> Settings:
    """Return settings with changes; an error names the whole combination."""
    try:
        return override(base, assignments)
    except AffuseError as error:
        raise OptionError(f"{', '.join(assignments)}: {error}") from error


def _demand(
    lists: Mapping[str, Sequence[str]], ranges: Mapping[str, Range], draws: int | None
) -> None:
    """Raise an error if a search is empty, too large or contradictory."""
    if not lists and not ranges:
        raise OptionError(
            "there is nothing to search; name settings: --grid latent=64,128, or "
            "--random 20 --space learning_rate=1e-4:1e-2:log"
        )
    if ranges and draws is None:
        raise OptionError(
            f"a range has infinitely many values; give a number of draws: --random 20 "
            f"--space "
            f"{next(iter(ranges))}=..."
        )
    count = math.prod(map(len, lists.values())) if draws is None else draws
    if count > MOST:
        raise OptionError(
            f"{count:,} settings are more than {MOST:,}; draw some: --random 50"
        )
    if both := sorted(lists.keys() & ranges.keys()):
        raise OptionError(f"{both[0]} is in --grid and in --space; choose one of them")


def _distinct(named: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """Return items by name, or raise an error if a name is repeated."""
    names = [name for name, _ in named]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise OptionError(
            f"{twice[0]} is named twice; put all its values in one option"
        )
    return dict(named)


def _list(text: str) -> tuple[str, list[str]]:
    """Return the name of a setting, and an assignment for each of its values."""
    name, values = _named(text, "latent=64,128")
    return name, [f"{name}={word.strip()}" for word in values.split(",")]


def _range(text: str) -> tuple[str, Range]:
    """Return the name of a setting and its range."""
    name, bounds = _named(text, "learning_rate=1e-4:1e-2:log")
    if name not in RANGES:
        raise OptionError(f"{name} is not a number; list its values: --grid {name}=...")
    least, most = RANGES[name]
    low, _, rest = bounds.partition(":")
    high, _, scale = rest.partition(":")
    is_integer = type(getattr(Settings(), name)) is int
    try:
        range_ = Range(float(low), float(high), scale == "log", is_integer)
    except ValueError:
        range_ = Range(math.nan, math.nan, log=False, is_integer=is_integer)
    if (
        scale not in ("", "log")
        or not least <= range_.low < range_.high <= most
        or (range_.log and range_.low <= 0)
    ):
        raise OptionError(
            f"--space {text}: it must be {name}=LOW:HIGH or {name}=LOW:HIGH:log, LOW "
            f"below HIGH, both in [{least:g}, {most:g}], and above 0 for log"
        )
    return name, range_


def _named(text: str, example: str) -> tuple[str, str]:
    """Return the name and the rest, or raise an error if it cannot be searched."""
    name, _, rest = (part.strip() for part in text.partition("="))
    names = [field.name for field in fields(Settings)]
    if not name or not rest:
        raise OptionError(f"{text!r} names no values to try; write e.g. {example}")
    if name not in names:
        raise OptionError(
            f"unknown setting {name}; known are {', '.join(names)}{hint(name, names)}"
        )
    if name == "map":
        raise OptionError(
            "map is a setting of baselines, which are not searched; train them with "
            "--set map=affine and with --set map=none to compare both"
        )
    if name == "pooling":
        raise OptionError(
            "one sweep takes one choice of pooling, because all its models share the "
            "columns in memory; start one sweep for each choice, with --set pooling=..."
        )
    if name in UNSEARCHED_SETTINGS:
        raise OptionError(
            f"{name} decides which rows are scored, so scores of its values cannot be "
            f"compared; start one sweep for each {name}"
        )
    return name, rest


def _draw(
    lists: Mapping[str, Sequence[str]],
    ranges: Mapping[str, Range],
    rng: np.random.Generator,
) -> list[str]:
    """Return a random assignment of each setting."""
    listed = [values[int(rng.integers(len(values)))] for values in lists.values()]
    return listed + [f"{name}={range_.draw(rng)!r}" for name, range_ in ranges.items()]
