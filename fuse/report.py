"""Runs to tables: one table per corpus and protocol, one row per run.

A report reads run folders and nothing else. Every row is the mean over folds and seeds
of the CCC over the whole test part; scripted and improvised utterances are also scored
apart, because scripted sentences recur in training and a text model may know them.
"""

import logging
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path

from data.predictions import Run, find_runs, unfinished
from data.ratings import RATINGS
from fuse import exports, notes, published
from fuse.details import details
from fuse.figures import Row, Table, Versus
from fuse.statistics import Estimate, bootstrap, paired_difference, subset
from fuse.tables import latex, markdown, text

ORDER = ("ridge", "zeroshot", "audio", "text", "early", "late")  # then by name
SINGLE = ("audio", "text")  # designs that fusion has to beat
SCRIPTED = {"all": None, "improvised": False, "scripted": True}  # of each section
FORMATS: Mapping[str, Callable[[Sequence[Table]], str]] = {
    "text": text,
    "markdown": markdown,
    "csv": exports.csv_text,
    "json": exports.json_text,
    "latex": latex,
}


log = logging.getLogger(__name__)


def collect(runs: Path, *, corpus: str = "", protocol: str = "") -> tuple[Table, ...]:
    """Every finished run below `runs`, scored.

    Args:
        runs: folder of run folders
        corpus: only runs on this one
        protocol: only runs of this one

    Raises:
        ValueError: if there is none, or a run is damaged; the sentence says what to do
    """
    found = list(find_runs(runs))
    for folder in unfinished(runs):
        log.warning("unfinished, so not shown: %s; repeat its train command", folder)
    if not found:
        raise ValueError(
            f"no finished run below {runs}; train one: "
            f"python cli.py train --fusion early"
        )
    chosen = [
        run
        for run in found
        if corpus in ("", run.info.corpus) and protocol in ("", run.info.protocol)
    ]
    if not chosen:
        there = sorted({f"{r.info.corpus} ({r.info.protocol})" for r in found})
        raise ValueError(
            f"no finished run of corpus {corpus or 'any'!r} and protocol "
            f"{protocol or 'any'!r} below {runs}; there are {', '.join(there)}"
        )
    return tuple(
        _table(list(group))
        for _, group in groupby(sorted(chosen, key=_kind), key=_kind)
    )


def render(tables: Sequence[Table], format: str) -> str:
    """Tables as text, markdown, csv, json or latex; ends with a line end.

    Raises:
        ValueError: if there is no such format; the sentence lists the choices
    """
    if format not in FORMATS:
        raise ValueError(f"no format {format!r}: choose from {', '.join(FORMATS)}")
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


def _table(group: Sequence[Run]) -> Table:
    """Runs of one corpus and protocol."""
    named = sorted(zip(group, details(group), strict=True), key=_rank)
    runs, info = [run for run, _ in named], group[0].info
    rows = [
        Row(run.info.design, detail, _sections(run), run.info) for run, detail in named
    ]
    rows, missing = _compared(runs, rows)
    extra = published.rows(info.corpus, info.nature)
    return Table(
        corpus=info.corpus,
        nature=info.nature,
        protocol=info.protocol,
        targets=tuple(t for t in RATINGS if any(t in r.info.targets for r in runs)),
        rows=(*rows, *extra),
        encoders=notes.encoders(runs),
        shared=notes.shared_speakers(runs),
        comparisons=(*notes.comparisons(rows), *missing),
        notes=(*notes.notes(runs, rows), *(published.NOTES if extra else ())),
    )


def _sections(run: Run) -> dict[str, Estimate]:
    """The run scored as a whole and, where it is known, apart."""
    parts = {name: _section(run, name) for name in SCRIPTED}
    return {name: bootstrap(part) for name, part in parts.items() if part is not None}


def _section(run: Run, name: str) -> Run | None:
    """The part of a run that a section scores; None if it is not known."""
    scripted = SCRIPTED[name]
    return run if scripted is None else subset(run, scripted=scripted)


def _compared(
    runs: Sequence[Run], rows: Sequence[Row]
) -> tuple[list[Row], tuple[str, ...]]:
    """Rows of several modalities beside the best single one, and why some are not."""
    single = [i for i, run in enumerate(runs) if run.info.design in SINGLE]
    several = [
        i
        for i, run in enumerate(runs)
        if i not in single and len(run.info.encoders) > 1
    ]
    if not several:
        return list(rows), ()
    if not single:
        return list(rows), (
            "Does fusion beat one modality? Train audio and text on the same cache to "
            "see",
        )
    found, missing = list(rows), []
    for i in several:
        try:
            versus = _versus(i, single, runs, rows)
        except ValueError:
            best = rows[_best(single, rows, "all")].name
            missing.append(
                f"{rows[i].name} - {best}: not compared, because they were scored on "
                f"other utterances or ratings"
            )
        else:
            found[i] = replace(rows[i], versus=versus)
    return found, tuple(missing)


def _versus(
    i: int, single: Sequence[int], runs: Sequence[Run], rows: Sequence[Row]
) -> dict[str, Versus]:
    """One row less the single modality that is best on each section.

    Raises:
        ValueError: if they were scored on other utterances or ratings
    """
    found = {}
    for section in rows[i].sections:
        best = _best([k for k in single if section in rows[k].sections], rows, section)
        mine, other = _section(runs[i], section), _section(runs[best], section)
        if mine is not None and other is not None:
            found[section] = Versus(rows[best].name, paired_difference(mine, other))
    return found


def _best(single: Sequence[int], rows: Sequence[Row], section: str) -> int:
    """The row of highest mean CCC among those of one modality."""
    return max(single, key=lambda i: rows[i].sections[section].mean.value)
