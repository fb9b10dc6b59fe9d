"""What `check` says of a corpus: counts beside published ones, and every problem."""

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

from affuse.data import extra_columns
from affuse.data.modality import other_modalities
from affuse.data.options.source_options import CheckCorpus, WriteUtterances
from affuse.data.reading import corpus_reading, problem_summary, transcript_rule
from affuse.data.reading.corpus_csv import cell, write_csv
from affuse.data.records import Corpus, Problem
from affuse.data.system.atomic_files import holds
from affuse.data.system.digests import keep

LISTED = 10  # problems of one reason that `check` lists one by one
COLUMNS = ("severity", "file", "line", "id", "reason")


def command(
    say: Callable[[str], object],
    hear: Callable[[Corpus], Iterable[Problem]],
    options: CheckCorpus,
) -> bool:
    """Say what `check` finds, as the options ask; True if nothing is wrong.

    Args:
        say: prints a line
        hear: checks the recordings of a corpus whose reader does not
        options: the corpus, and what is checked and printed of it
    """
    corpus, heard = corpus_reading.read(options), tuple[Problem, ...]()
    if not options.no_audio:
        heard = corpus_reading.verify(options.corpus, corpus, hear)
    problems = (*corpus.problems, *heard)
    if options.as_json:
        shown = json.dumps(facts(corpus, problems), indent=1).split("\n")
    else:
        shown = [*lines(corpus, problems)]
    for line in shown:
        say(line)
    sizes = map(len, problem_summary.grouped(problems))
    if not options.as_json and max(sizes, default=0) > LISTED:
        say("each of them, with file and line: the same command with --json")
    return clean(corpus, problems)


def utterances(options: WriteUtterances, say: Callable[..., object]) -> bool:
    """Write a corpus; how it was read, and its problems, go to the error stream.

    Args:
        options: the corpus, and the file of the table
        say: told each line on problems, with ``err=True``

    Returns:
        whether nothing was left out
    """
    corpus = corpus_reading.read_aloud(partial(say, err=True), options)
    with options.opened() as output:
        write_csv(corpus, output)
    for line in problem_lines(corpus.problems):
        say(line, err=True)
    return not any(problem.fatal for problem in corpus.problems)


def facts(corpus: Corpus, problems: Sequence[Problem]) -> dict[str, Any]:
    """Everything that `check` found, for machines."""
    return {
        "corpus": corpus.name,
        "root": str(corpus.root),
        "nature": corpus.nature,
        "utterances": len(corpus.utterances),
        "speakers": len({u.speaker for u in corpus.utterances if u.speaker}),
        "with_audio": sum(u.audio is not None for u in corpus.utterances),
        "with_text": sum(u.text is not None for u in corpus.utterances),
        **{f"with_{name}": count for name, count in _others(corpus).items()},
        "without_words": transcript_rule.count(corpus.utterances),
        "columns": {
            name: dict(sorted(values.items()))
            for name, values in extra_columns.counts(corpus.utterances).items()
        },
        "reading": list(corpus.reading),
        "flags": _flags(corpus),
        "counts": [asdict(c) for c in corpus.counts],
        "problems": [asdict(p) for p in problems],
        "clean": clean(corpus, problems),
    }


def _others(corpus: Corpus) -> dict[str, int]:
    """Return how many utterances have each modality beside audio and text."""
    return {
        kind.name: sum(kind.has(u, corpus.root) for u in corpus.utterances)
        for kind in other_modalities()
    }


def _flags(corpus: Corpus) -> dict[str, list[str]]:
    """Return the ids of the utterances that have each flag of the reader."""
    found: dict[str, list[str]] = {}
    for utterance in corpus.utterances:
        for flag in utterance.flags:
            found.setdefault(flag, []).append(utterance.id)
    return dict(sorted(found.items()))


def clean(corpus: Corpus, problems: Sequence[Problem]) -> bool:
    """Nothing left out, and every count as published."""
    return not any(p.fatal for p in problems) and all(
        c.expected == c.found for c in corpus.counts
    )


def lines(corpus: Corpus, problems: Sequence[Problem]) -> Iterable[str]:
    """Everything that `check` found, for people."""
    found = facts(corpus, problems)
    made = "" if corpus.nature == "human" else f" ({corpus.nature})"
    empty = found["without_words"]
    yield (
        f"{corpus.name}{made}: {found['utterances']} utterances of "
        f"{found['speakers'] or 'unknown'} speakers, {found['with_audio']} with audio, "
        f"{found['with_text']} with text"
        + (f", of which {empty} without words" if empty else "")
        + "".join(f", {n} with {name}" for name, n in _others(corpus).items())
    )
    columns = found["columns"]
    for line in corpus.reading:
        if not (columns and line.startswith(extra_columns.KEPT)):  # see the next line
            yield line
    if columns:
        sizes = (f"{name} ({_values(values)})" for name, values in columns.items())
        yield f"{extra_columns.KEPT}{', '.join(sizes)}"
    differ = [c for c in corpus.counts if c.expected != c.found]
    if corpus.counts and not differ:
        yield f"all {len(corpus.counts)} counts are as published"
    if differ:
        yield f"{len(differ)} of {len(corpus.counts)} counts are not as published:"
        width = max(len(c.what) for c in differ)
        yield f"  {'':{width}}  published   found"
        for count in differ:
            yield f"  {count.what:{width}}  {count.expected:9d} {count.found:7d}"
    yield from problem_lines(problems, LISTED)


def _values(found: Mapping[str, int]) -> str:
    """Return the number of different values in words."""
    return f"{len(found)} value{'s' if len(found) > 1 else ''}"


def problem_lines(problems: Sequence[Problem], listed: int = 1) -> Iterable[str]:
    """Yield one line for each reason with a count, reasons that left rows out first.

    Args:
        problems: of any kind, in any order
        listed: problems of one reason that are still listed one by one
    """
    for fatal, what in ((True, "problem"), (False, "note")):
        chosen = [p for p in problems if p.fatal == fatal]
        if chosen:
            yield f"{len(chosen)} {what}{'s' if len(chosen) > 1 else ''}:"
        yield from (f"  {line}" for line in problem_summary.lines(chosen, listed))


def save(problems: Sequence[Problem], path: Path) -> None:
    """Write the problems report of an extraction as CSV, unless it is there already."""
    keep(path, _report(problems))


def is_saved(problems: Sequence[Problem], path: Path) -> bool:
    """Return True if `save` would write nothing."""
    return holds(path, _report(problems))


def _report(problems: Sequence[Problem]) -> Iterator[bytes]:
    """Yield the lines of a problems report."""
    ordered = sorted(problems, key=lambda p: (not p.fatal, p.file, p.line or 0, p.id))
    rows: Iterator[Sequence[object]] = (
        ("left out" if p.fatal else "kept", p.file, p.line, p.id, p.reason)
        for p in ordered
    )
    for row in chain([COLUMNS], rows):
        line = io.StringIO(newline="")
        csv.writer(line, lineterminator="\n").writerow([cell(value) for value in row])
        yield line.getvalue().encode()
