"""Report of `check` on a corpus: counts, published counts, columns and problems."""

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
from affuse.data.name_spellings import spelling
from affuse.data.options.source_options import CheckCorpus, WriteUtterances
from affuse.data.reading import corpus_reading, problem_summary, transcript_rule
from affuse.data.reading.corpus_csv import COLUMNS as COLUMNS_OF_UTTERANCES
from affuse.data.reading.corpus_csv import cell, write_csv
from affuse.data.records import Corpus, Problem
from affuse.data.system.atomic_files import has_content
from affuse.data.system.digests import write_and_list

LISTED = 10  # problems with the same reason that `check` lists one by one
COLUMNS = ("severity", "file", "line", "id", "reason")


def command(
    print_line: Callable[[str], object],
    check_recordings: Callable[[Corpus], Iterable[Problem]],
    options: CheckCorpus,
) -> bool:
    """Read and check a corpus, and print the report.

    Args:
        print_line: prints a line
        check_recordings: returns the problems of recordings; it is called only for a
            reader that does not check them itself
        options: the corpus, the checks, and the form of the report

    Returns:
        True if nothing is wrong
    """
    corpus = corpus_reading.read(options)
    recording_problems: tuple[Problem, ...] = ()
    if not options.no_audio:
        recording_problems = corpus_reading.verify(
            options.corpus, corpus, check_recordings
        )
    problems = (*corpus.problems, *recording_problems)
    if options.as_json:
        output = json.dumps(facts(corpus, problems), indent=1).split("\n")
    else:
        output = [*lines(corpus, problems)]
    for line in output:
        print_line(line)
    sizes = map(len, problem_summary.group_by_reason(problems))
    if not options.as_json and max(sizes, default=0) > LISTED:
        print_line("to list each of them with file and line, repeat it with --json")
    return is_clean(corpus, problems)


def utterances(options: WriteUtterances, print_line: Callable[..., object]) -> bool:
    """Write a corpus as CSV; print its columns and problems to the error stream.

    Args:
        options: the corpus, and the file of the table
        print_line: prints a line; called with ``err=True``

    Returns:
        True if no row was left out
    """
    options.demand_same_table(COLUMNS_OF_UTTERANCES)
    corpus = corpus_reading.read_and_describe(partial(print_line, err=True), options)
    with options.open_output() as output:
        write_csv(corpus, output)
    for line in problem_lines(corpus.problems):
        print_line(line, err=True)
    return not any(problem.fatal for problem in corpus.problems)


def facts(corpus: Corpus, problems: Sequence[Problem]) -> dict[str, Any]:
    """Return the report of `check` as values for JSON.

    Args:
        corpus: that was read
        problems: of the corpus and its recordings
    """
    return {
        "corpus": corpus.name,
        "root": str(corpus.root),
        "nature": corpus.nature,
        "utterances": len(corpus.utterances),
        "speakers": len({spelling(u.speaker) for u in corpus.utterances if u.speaker}),
        "with_audio": sum(u.audio is not None for u in corpus.utterances),
        "with_text": sum(u.text is not None for u in corpus.utterances),
        **{f"with_{name}": count for name, count in _column_counts(corpus).items()},
        "without_words": transcript_rule.count(corpus.utterances),
        "columns": {
            name: dict(sorted(values.items()))
            for name, values in extra_columns.counts(corpus.utterances).items()
        },
        "reading": [*corpus.reading, *corpus.lacking],
        "flags": _flags(corpus),
        "counts": [asdict(c) for c in corpus.counts],
        "problems": [asdict(p) for p in problems],
        "clean": is_clean(corpus, problems),
    }


def _column_counts(corpus: Corpus) -> dict[str, int]:
    """Return the number of utterances with each modality besides audio and text."""
    return {
        kind.name: sum(kind.has(u, corpus.root) for u in corpus.utterances)
        for kind in other_modalities()
    }


def _flags(corpus: Corpus) -> dict[str, list[str]]:
    """Return the ids of the utterances that have each flag of the reader."""
    ids_by_flag: dict[str, list[str]] = {}
    for utterance in corpus.utterances:
        for flag in utterance.flags:
            ids_by_flag.setdefault(flag, []).append(utterance.id)
    return dict(sorted(ids_by_flag.items()))


def is_clean(corpus: Corpus, problems: Sequence[Problem]) -> bool:
    """Return True if no row was left out, and all counts are as published.

    Args:
        corpus: that was read
        problems: of the corpus and its recordings
    """
    return not any(p.fatal for p in problems) and all(
        c.expected == c.found for c in corpus.counts
    )


def lines(corpus: Corpus, problems: Sequence[Problem]) -> Iterable[str]:
    """Yield the lines of the report of `check`.

    Args:
        corpus: that was read
        problems: of the corpus and its recordings
    """
    counts = facts(corpus, problems)
    nature = "" if corpus.nature == "human" else f" ({corpus.nature})"
    wordless = counts["without_words"]
    yield (
        f"{corpus.name}{nature}: {counts['utterances']} utterances of "
        f"{counts['speakers'] or 'unknown'} speakers, "
        f"{counts['with_audio']} with audio, {counts['with_text']} with text"
        + (f", of which {wordless} without words" if wordless else "")
        + "".join(f", {n} with {name}" for name, n in _column_counts(corpus).items())
    )
    columns = counts["columns"]
    for line in (*corpus.reading, *corpus.lacking):
        if not (columns and line.startswith(extra_columns.KEPT)):  # replaced below
            yield line
    if columns:
        sizes = (f"{name} ({_values(values)})" for name, values in columns.items())
        yield f"{extra_columns.KEPT}{', '.join(sizes)}"
    differences = [c for c in corpus.counts if c.expected != c.found]
    if corpus.counts and not differences:
        yield f"all {len(corpus.counts)} counts are as published"
    if differences:
        yield f"{len(differences)} of {len(corpus.counts)} counts are not as published:"
        width = max(len(c.what) for c in differences)
        yield f"  {'':{width}}  published   found"
        for count in differences:
            yield f"  {count.what:{width}}  {count.expected:9d} {count.found:7d}"
    yield from problem_lines(problems, LISTED)


def _values(counts: Mapping[str, int]) -> str:
    """Return the number of distinct values with its unit, such as ``3 values``."""
    return f"{len(counts)} value{'s' if len(counts) > 1 else ''}"


def problem_lines(problems: Sequence[Problem], listed: int = 1) -> Iterable[str]:
    """Yield one line for each reason, with its count, fatal problems first.

    Args:
        problems: of any kind, in any order
        listed: problems with the same reason that are still listed one by one
    """
    for fatal, kind in ((True, "problem"), (False, "note")):
        group = [p for p in problems if p.fatal == fatal]
        if group:
            yield f"{len(group)} {kind}{'s' if len(group) > 1 else ''}:"
        yield from (f"  {line}" for line in problem_summary.lines(group, listed))


def save(problems: Sequence[Problem], path: Path) -> None:
    """Write the problems of an extraction as CSV, unless the file is up to date.

    Args:
        problems: of the corpus and its inputs
        path: of the file
    """
    write_and_list(path, _report(problems))


def is_saved(problems: Sequence[Problem], path: Path) -> bool:
    """Return True if `save` would write nothing.

    Args:
        problems: as for `save`
        path: as for `save`
    """
    return has_content(path, _report(problems))


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
