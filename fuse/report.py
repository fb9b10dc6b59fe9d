"""Runs to tables: one table per corpus and protocol, one row per run.

A report reads run folders and nothing else. Every row is the mean over folds and seeds
of the CCC over the whole test part; parts of it are scored apart (`fuse.sections`), and
rows are compared with each other (`fuse.comparing`). A damaged run is named, and the
others are shown.
"""

import logging
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from data.errors import AffuseError
from data.output import printable
from data.predictions import Run, finished, read_run, unfinished
from data.ratings import RATINGS
from data.sentences import read_sentences
from fuse import exports, notes, published
from fuse.alignment import division
from fuse.comparing import all_pairs, compared
from fuse.details import details
from fuse.figures import Row, Table
from fuse.layers import average
from fuse.leaks import failing
from fuse.sections import sections
from fuse.statistics import estimate
from fuse.tables import latex, markdown, text

ORDER = ("ridge", "pcaridge", "svr", "zeroshot", "audio", "text", "early", "late")
FORMATS: Mapping[str, Callable[[Sequence[Table]], str]] = {
    "text": text,
    "markdown": markdown,
    "csv": exports.csv_text,
    "json": exports.json_text,
    "latex": latex,
}


log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Choice:
    """What a table is to show."""

    against: str = ""  # row or design to compare with; "": the best single modality
    unit: str = ""  # what is independent; "": dialogues, if any is known
    by: str = ""  # groups that are scored apart, one of fuse.sections.BY
    pairs: bool = False  # compare every row with every other
    split: bool = False  # show correlation, scale and location


def collect(
    runs: Path,
    *,
    corpus: str = "",
    protocol: str = "",
    damaged: Callable[[str], object] = log.error,
    **choice: Any,
) -> tuple[Table, ...]:
    """Every finished run below `runs`, scored.

    Args:
        runs: folder of run folders
        corpus: only runs on this one
        protocol: only runs of this one
        damaged: is told of every run that cannot be read, in a sentence
        choice: fields of `Choice`; what is empty or None is left as it is there

    Raises:
        AffuseError: if there is none, if all are damaged, or if `choice` asks for what
            is not there; the sentence says what to do
    """
    wanted = Choice(**{name: value for name, value in choice.items() if value})
    found, problems = _read(runs)
    for folder in unfinished(runs):
        log.warning("unfinished, so not shown: %s; repeat its train command", folder)
    if not found:
        raise AffuseError(
            "; ".join(problems)
            or f"no finished run below {runs}; train one: "
            f"python cli.py train --fusion early"
        )
    chosen = _chosen(found, corpus, protocol, runs)
    tables = tuple(
        _table(list(group), wanted)
        for _, group in groupby(sorted(chosen, key=_kind), key=_kind)
    )
    _check_against(tables, wanted.against)
    for sentence in problems:
        damaged(sentence)
    return tables


def _check_against(tables: Sequence[Table], against: str) -> None:
    """Refuse what no table can compare with."""
    rows = [row for table in tables for row in table.rows if row.info]
    designs = {row.design for row in rows}
    if against and against not in designs | {row.name for row in rows}:
        raise AffuseError(
            f"nothing to compare against: no row '{against}'; there are "
            f"{', '.join(sorted(designs))}"
        )


def _read(runs: Path) -> tuple[list[Run], list[str]]:
    """The runs that can be read, and a sentence on each of the others."""
    found, problems = [], []
    for folder in finished(runs):
        try:
            run = read_run(folder)
            read_sentences(folder)  # which may be damaged as well, and so may these
            failing(folder)
            average(folder)
            division(run)
            found.append(run)
        except (AffuseError, OSError) as error:
            problems.append(printable(f"damaged, so not shown: {folder}: {error}"))
    return found, problems


def _chosen(found: Sequence[Run], corpus: str, protocol: str, runs: Path) -> list[Run]:
    """The runs of the corpus and protocol that are wanted; "" wants all."""
    chosen = [
        run
        for run in found
        if corpus in ("", run.info.corpus) and protocol in ("", run.info.protocol)
    ]
    if not chosen:
        there = sorted({f"{r.info.corpus} ({r.info.protocol})" for r in found})
        raise AffuseError(
            f"no finished run of corpus {corpus or 'any'!r} and protocol "
            f"{protocol or 'any'!r} below {runs}; there are {', '.join(there)}"
        )
    return chosen


def render(tables: Sequence[Table], format: str) -> str:
    """Tables as text, markdown, csv, json or latex; ends with a line end.

    Raises:
        AffuseError: if there is no such format; the sentence lists the choices
    """
    if format not in FORMATS:
        raise AffuseError(f"no format {format!r}: choose from {', '.join(FORMATS)}")
    return FORMATS[format](tables)


def _kind(run: Run) -> tuple[str, str, str]:
    """Runs of one table have this in common."""
    return run.info.corpus, run.info.nature, run.info.protocol


def _rank(named: tuple[Run, str]) -> tuple[int, str, list[str | float]]:
    """The order of the rows: references, single modalities, fusion, others."""
    run, detail = named
    design = run.info.design
    place = ORDER.index(design) if design in ORDER else len(ORDER)
    words = re.split(r"(\d+(?:\.\d+)?)", detail)  # every second one is a number
    numbers = [float(n) if i % 2 else n for i, n in enumerate(words)]
    return place, design, numbers  # so that latent=64 comes before latent=128


def _table(group: Sequence[Run], wanted: Choice) -> Table:
    """Runs of one corpus and protocol."""
    named = sorted(zip(group, details(group), strict=True), key=_rank)
    runs, info, unit = [run for run, _ in named], group[0].info, wanted.unit
    parts = [sections(run, wanted.by) for run in runs]
    rows = [
        Row(
            run.info.design,
            detail,
            {name: estimate(part, unit=unit) for name, part in each.items()},
            run.info,
        )
        for (run, detail), each in zip(named, parts, strict=True)
    ]
    rows, missing = compared(parts, rows, against=wanted.against, unit=unit)
    extra = published.rows(info.corpus, info.nature)
    return Table(
        corpus=info.corpus,
        nature=info.nature,
        protocol=info.protocol,
        targets=tuple(t for t in RATINGS if any(t in r.info.targets for r in runs)),
        rows=(*rows, *extra),
        encoders=notes.encoders(runs),
        shared=notes.shared_speakers(runs),
        pairs=all_pairs(parts, rows, unit=unit) if wanted.pairs else (),
        split=wanted.split,
        comparisons=(*notes.comparisons(rows), *missing),
        notes=(
            *notes.notes(runs, rows, unit=unit, by=wanted.by),
            *(published.NOTES if extra else ()),
        ),
    )
