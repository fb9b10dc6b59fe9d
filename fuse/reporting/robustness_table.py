"""Table of a robustness test as text, CSV and JSON."""

import csv
import io
import textwrap
from collections.abc import Iterator

from affuse.data.system.environment import extra_command
from affuse.data.system.text_columns import align_columns
from affuse.data.terminal import printable
from affuse.fuse.reporting.escapes import for_csv
from affuse.fuse.reporting.table_records import NATURES, bounds
from affuse.fuse.robustness import robustness_file
from affuse.fuse.robustness.condition_records import (
    CLEAN,
    ConditionScore,
    RobustnessResult,
)
from affuse.fuse.scoring.intervals import LEVEL, Interval
from affuse.fuse.wording import count, figure

WIDTH = 80  # columns of the text
RATE = "%"  # unit of conditions whose word error rate can be counted
SHORTEST = 8  # characters of a condition that stay if the text is too wide
COLUMNS = (
    *("run", "corpus", "nature", "condition", "modality", "value", "unit"),
    *("word_error_rate", "utterances", "tested", "rating", "ccc", "low", "high"),
    *("change", "change_low", "change_high"),
)


def render(result: RobustnessResult, form: str) -> str:
    """Return the table in a format, with a line break at the end.

    Args:
        result: of a robustness test
        form: one of `affuse.data.options.robustness_options.TABLE_FORMATS`
    """
    if form == "json":
        return robustness_file.to_json(result)
    if form == "csv":
        return _csv(result)
    return "\n".join(map(printable, _lines(result))) + "\n"


def _lines(result: RobustnessResult) -> Iterator[str]:
    """Yield the lines of the text."""
    yield from textwrap.wrap(f"{title(result)}", WIDTH)
    yield ""
    heads = [name[0].upper() for name in result.targets]
    rows = [("condition", *heads, "mean", "", "change", "")]
    rows += [tuple(_cells(result, each)) for each in result.scores]
    longest = max(len(row[0]) for row in rows)
    excess = max(map(len, align_columns(rows))) - WIDTH
    room = max(SHORTEST, longest - max(0, excess))
    yield from align_columns([(_cut(row[0], room), *row[1:]) for row in rows])
    yield ""
    for note in notes(result):
        yield from textwrap.wrap(note, WIDTH, subsequent_indent="  ")


def _cut(text: str, length: int) -> str:
    """Return a text of limited length, which ends in dots if it was cut."""
    return text if len(text) <= length else f"{text[: length - 3]}..."


def _cells(result: RobustnessResult, each: ConditionScore) -> Iterator[str]:
    """Yield the cells of one condition."""
    yield each.facts.label
    for name in result.targets:
        yield figure(each.ratings[name].value, digits=2)
    yield figure(each.mean.value)
    yield bounds(each.mean)
    yield "" if each.facts.name == CLEAN else figure(each.change.value, sign=True)
    yield "" if each.facts.name == CLEAN else bounds(each.change, sign=True)


def title(result: RobustnessResult) -> str:
    """Return the sentence above a table, which names the kind of ratings.

    Args:
        result: of a robustness test
    """
    models = f"{count(result.folds, 'fold')} and {count(result.seeds, 'seed')}"
    some = "" if result.utterances == result.tested else f" of {result.tested:,}"
    return (
        f"{result.run}: test CCC on degraded inputs of {result.corpus} "
        f"({NATURES[result.nature]}); {models}, {result.utterances:,}{some} utterances"
    )


def notes(result: RobustnessResult) -> Iterator[str]:
    """Yield the sentences that explain the table.

    Args:
        result: of a robustness test
    """
    yield (
        f"mean: over the ratings, with its {LEVEL:.0%} interval over "
        f"{count(result.clusters, result.unit)} and the seeds; change: of the mean "
        f"against {CLEAN} inputs of the same utterances, with the interval of the "
        f"paired difference"
    )
    if result.utterances < result.tested:
        yield (
            f"only {result.utterances:,} of the {result.tested:,} test utterances of "
            f"the run are scored, so the figures differ from those of the report"
        )
    seen = dict.fromkeys((e.facts.name, e.facts.meaning) for e in result.scores)
    yield from (f"{name}: {meaning}" for name, meaning in seen if meaning)
    if reached := [e.facts for e in result.scores if e.facts.reached is not None]:
        rates = (f"{f.label}: {100 * (f.reached or 0):.1f} %" for f in reached)
        yield f"word error rates that were counted: {'; '.join(rates)}"
    if any(e.facts.unit == RATE and e.facts.reached is None for e in result.scores):
        yield (
            f"the word error rates that were reached were not counted, because the "
            f"package jiwer is not installed; {extra_command('transcribe')}"
        )
    yield from result.notes


def _csv(result: RobustnessResult) -> str:
    """Return a row for each condition and rating, and for the mean."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(COLUMNS)
    for each in result.scores:
        f = each.facts
        start = [result.run, result.corpus, result.nature, f.text, f.modality]
        numbers = ["" if f.value is None else f"{f.value:g}", f.unit]
        numbers += ["" if f.reached is None else f"{f.reached:.4f}"]
        numbers += [str(result.utterances), str(result.tested)]
        for name, found in {**each.ratings, "mean": each.mean}.items():
            has_change = name == "mean" and f.name != CLEAN
            change = _numbers(each.change) if has_change else ["", "", ""]
            # Only texts are escaped: a negative number is no formula.
            texts = [for_csv(cell) for cell in start]
            writer.writerow([*texts, *numbers, name, *_numbers(found), *change])
    return file.getvalue()


def _numbers(interval: Interval) -> list[str]:
    """Return a figure and its bounds for CSV; "" for an undefined one."""
    values = (interval.value, interval.low, interval.high)
    return ["" if value != value else f"{value:.6f}" for value in values]
