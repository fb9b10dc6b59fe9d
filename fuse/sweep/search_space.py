"""Which settings are tried: a grid, or draws from ranges and lists."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import product
from typing import Any

import numpy as np

from affuse.data.errors import AffuseError, OptionError
from affuse.data.suggestions import hint
from affuse.fuse.setting_scopes import names_of_rows
from affuse.fuse.settings import RANGES, Settings, override

FIXED = names_of_rows(Settings)  # they change the training of no network
DIGITS = 4  # significant, of drawn numbers
MOST = 10_000  # settings in one search


@dataclass(frozen=True)
class Range:
    """Numbers between two bounds, both of them included."""

    low: float
    high: float
    log: bool  # drawn evenly in the logarithm
    whole: bool

    def draw(self, rng: np.random.Generator) -> float:
        """One number; a whole one is rounded, others have `DIGITS` digits."""
        if self.log:
            drawn = math.exp(rng.uniform(math.log(self.low), math.log(self.high)))
        else:
            drawn = rng.uniform(self.low, self.high)
        short = round(drawn) if self.whole else float(f"{drawn:.{DIGITS}g}")
        kept = min(max(short, self.low), self.high)
        return int(kept) if self.whole else kept


def candidates(
    base: Settings,
    *,
    grid: Sequence[str] = (),
    space: Sequence[str] = (),
    draws: int | None = None,
    seed: int = 0,
) -> tuple[Settings, ...]:
    """Every setting to be tried, each once.

    Without `draws`, all combinations of the grid. With it, so many draws, each with one
    value of every list of the grid and one number of every range; the first ten of
    twenty draws are the ten of the same seed.

    Args:
        base: what is not searched
        grid: ``name=value,value`` each
        space: ``name=low:high`` or ``name=low:high:log`` each
        draws: how many at random; None for the whole grid
        seed: of the draws

    Raises:
        OptionError: if there is nothing to search, a name or value makes no sense, or a
            range is given and nothing is drawn
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
    """Settings that make sense together; refused by the whole combination."""
    try:
        return override(base, assignments)
    except AffuseError as error:
        raise OptionError(f"{', '.join(assignments)}: {error}") from error


def _demand(
    lists: Mapping[str, Sequence[str]], ranges: Mapping[str, Range], draws: int | None
) -> None:
    """Refuse a search of nothing, and one that says two things at once."""
    if not lists and not ranges:
        raise OptionError(
            "there is nothing to search; name settings: --grid latent=64,128, or "
            "--random 20 --space learning_rate=1e-4:1e-2:log"
        )
    if ranges and draws is None:
        raise OptionError(
            f"a range has no end of values; say how many to draw: --random 20 --space "
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
    """By name; refused if one comes twice."""
    names = [name for name, _ in named]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise OptionError(
            f"{twice[0]} is named twice; put all its values in one option"
        )
    return dict(named)


def _list(text: str) -> tuple[str, list[str]]:
    """A setting, and the assignment of each of its values."""
    name, values = _named(text, "latent=64,128")
    return name, [f"{name}={word.strip()}" for word in values.split(",")]


def _range(text: str) -> tuple[str, Range]:
    """A setting and the bounds of its numbers."""
    name, bounds = _named(text, "learning_rate=1e-4:1e-2:log")
    if name not in RANGES:
        raise OptionError(f"{name} is no number; list its values: --grid {name}=...")
    least, most = RANGES[name]
    low, _, rest = bounds.partition(":")
    high, _, scale = rest.partition(":")
    whole = type(getattr(Settings(), name)) is int
    try:
        found = Range(float(low), float(high), scale == "log", whole)
    except ValueError:
        found = Range(math.nan, math.nan, log=False, whole=whole)
    if (
        scale not in ("", "log")
        or not least <= found.low < found.high <= most
        or (found.log and found.low <= 0)
    ):
        raise OptionError(
            f"--space {text}: it must be {name}=LOW:HIGH or {name}=LOW:HIGH:log, LOW "
            f"below HIGH, both in [{least:g}, {most:g}], and above 0 for log"
        )
    return name, found


def _named(text: str, example: str) -> tuple[str, str]:
    """Name and the rest; refused if it is no setting, or not one to be searched."""
    name, _, rest = (part.strip() for part in text.partition("="))
    known = [field.name for field in fields(Settings)]
    if not name or not rest:
        raise OptionError(f"{text!r} names no values to try; write e.g. {example}")
    if name not in known:
        raise OptionError(
            f"unknown setting {name}; known are {', '.join(known)}{hint(name, known)}"
        )
    if name == "map":
        raise OptionError(
            "map is a setting of baselines, and none is searched; train them with "
            "--set map=affine and with --set map=none to compare both"
        )
    if name in FIXED:
        raise OptionError(
            f"{name} says which rows are scored, so its scores cannot be compared; "
            f"sweep each {name} by itself"
        )
    return name, rest


def _draw(
    lists: Mapping[str, Sequence[str]],
    ranges: Mapping[str, Range],
    rng: np.random.Generator,
) -> list[str]:
    """One assignment of each."""
    listed = [values[int(rng.integers(len(values)))] for values in lists.values()]
    return listed + [f"{name}={found.draw(rng)!r}" for name, found in ranges.items()]
