"""Command report: one table for each corpus and protocol, one row for each run.

A report reads run folders only. The CCC of a row is computed on the whole test part,
and averaged over folds and seeds. Subsets of the test part are scored separately
(`affuse.fuse.reporting.sections`), and rows are compared with each other
(`affuse.fuse.reporting.comparisons`). A damaged run is named, and the others are shown.
"""

import logging
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import TextIO

from affuse.data.errors import AffuseError, OptionError, as_option_errors
from affuse.data.options.option_fields import SCREEN
from affuse.data.options.report_options import Report, ReportContents, RunSelection
from affuse.data.options.source_options import WriteUtterances
from affuse.data.options.training_options import Train
from affuse.data.reading.transcript_table import (
    ListedUtterance,
    read_utterance_table,
)
from affuse.data.runs.imported_predictions import (
    ImportedPredictions,
    read_all_imported,
)
from affuse.data.runs.run_predictions import (
    Run,
    unfinished_runs,
)
from affuse.data.suggestions import hint
from affuse.data.terminal import page_width
from affuse.fuse.commands.cached_facts import add_cached_facts
from affuse.fuse.commands.readable_runs import read_runs
from affuse.fuse.figures.report_figure import write_figures
from affuse.fuse.page.page_sections import report_figures
from affuse.fuse.page.sound_clips import add_sounds, name_missing_transcripts
from affuse.fuse.reporting import (
    measures,
    subgroups,
)
from affuse.fuse.reporting.blocks import WIDTH
from affuse.fuse.reporting.corpus_matrix import add_matrix
from affuse.fuse.reporting.imported_rows import check_all_scored
from affuse.fuse.reporting.run_selection import select_runs
from affuse.fuse.reporting.run_tables import tabulate
from affuse.fuse.reporting.table_format import load_format
from affuse.fuse.reporting.table_records import ReportTable
from affuse.fuse.training.failed_runs import explain_unfinished_run

LABELS = 3  # first columns of a table, which every version of it has
log = logging.getLogger(__name__)


EncodeRecording = Callable[[ListedUtterance, Path], bytes]


def report(
    options: Report, say: Callable[..., object], encode_clip: EncodeRecording
) -> bool:
    """Write the tables; return True if no run is damaged.

    Args:
        options: of the command line
        say: prints a sentence on each damaged run, with ``err=True``
        encode_clip: returns the recording of an utterance in a folder as an OGG file
    """
    problems: list[str] = []
    with as_option_errors():
        form = load_format(options.form)
    is_page = getattr(form, "IS_PAGE", False)
    if columns := getattr(form, "COLUMNS", ()):
        options.demand_same_table(columns[:LABELS])
    _check_page_options(options, is_page)
    contents = replace(options, pairs=options.pairs or is_page)
    systems = read_all_imported(options.imports, options.label, options.scale)
    tables = collect(options.runs, contents, systems, damaged=problems.append)
    tables = _with_page_contents(options, tables, encode_clip, problems.append)
    if options.figures:
        write_figures(options.figures, tuple(report_figures(tables)))
    with options.open_output() as output:
        write(tables, options.form, output)
    for sentence in problems:
        say(sentence, err=True)
    return not problems


def _check_page_options(options: Report, is_page: bool) -> None:
    """Raise an error if the page would fill a screen, or an option needs a page.

    Raises:
        OptionError: with the option to add
    """
    if is_page and options.output == SCREEN and sys.stdout.isatty():
        raise OptionError(
            f"--format {options.form} makes a file for a browser, which cannot be read "
            f"on a terminal; name the file: {replace(options, output='report.html')}"
        )
    wanted = {
        "cache": options.cache,
        "transcripts": options.transcripts,
        "sound": options.sounds,
    }
    for flag, value in wanted.items():
        if value and not is_page:
            raise OptionError(f"--{flag} adds to the page only; add --format html")
    if options.sounds and not options.transcripts:
        raise OptionError(
            f"--sound needs the table with the paths of the recordings: --transcripts; "
            f"write it with: {WriteUtterances(corpus='demo', output='texts.csv')}"
        )


def _with_page_contents(
    options: Report,
    tables: tuple[ReportTable, ...],
    encode_clip: EncodeRecording,
    damaged: Callable[[str], object],
) -> tuple[ReportTable, ...]:
    """Return tables with what the page shows from the cache and the corpus."""
    if options.cache:
        tables = add_cached_facts(tables, options.cache, damaged)
    if options.transcripts:
        listed = read_utterance_table(options.transcripts)
        tables = tuple(replace(table, utterances=listed) for table in tables)
        name_missing_transcripts(tables, options.transcripts, damaged)
    if folder := options.sounds:
        tables = add_sounds(tables, lambda each: encode_clip(each, folder), damaged)
    return tables


def collect(
    runs: Path,
    contents: ReportContents | None = None,
    systems: Sequence[ImportedPredictions] = (),
    *,
    damaged: Callable[[str], object] = log.error,
) -> tuple[ReportTable, ...]:
    """Return the scored tables of finished runs.

    Args:
        runs: folder of run folders
        contents: selection of runs and contents; None for the usual table of all runs
        systems: trained elsewhere, whose predictions are scored too
        damaged: is called with a sentence on every run that cannot be read

    Raises:
        AffuseError: if there is no run, all are damaged, or `contents` selects
            something that does not exist; the message says what to do
    """
    contents = contents or ReportContents()
    readable, problems = read_runs(runs)
    for folder in unfinished_runs(runs):
        log.warning(
            "unfinished, so not shown: %s; %s", folder, explain_unfinished_run(folder)
        )
    if not readable:
        raise AffuseError(
            "; ".join(problems)
            or f"no finished run below {runs}; train one: "
            f"{Train(designs=('early',), runs=runs)}"
        )
    picked = _chosen(contents, readable, runs, problems)
    contents = replace(contents, by=subgroups.column(picked, contents.by))
    measures.parse_names(contents.columns)  # raises before any run is scored
    ordered = sorted(picked, key=_kind)
    made = [
        tabulate(list(group), contents, systems)
        for _, group in groupby(ordered, key=_kind)
    ]
    tables = tuple(table for table, _ in made)
    problems += (sentence for _, damaged_files in made for sentence in damaged_files)
    _check_against(tables, contents.against)
    check_all_scored(systems, tables)
    tables = add_matrix(tables, picked, contents.unit or "", problems)
    for sentence in problems:
        damaged(sentence)
    return tables


def _check_against(tables: Sequence[ReportTable], against: str) -> None:
    """Raise an error if no table has the row to compare against."""
    rows = [row for table in tables for row in table.rows if row.is_compared]
    designs = {row.design for row in rows}
    if against and against not in designs | {row.name for row in rows}:
        raise OptionError(
            f"nothing to compare against: no row '{against}'; there are "
            f"{', '.join(sorted(designs))}{hint(against, designs)}"
        )


def _chosen(
    selection: RunSelection,
    readable: Sequence[Run],
    runs: Path,
    problems: Sequence[str],
) -> list[Run]:
    """Return the selected runs; the error of an empty selection names damaged runs."""
    try:
        return select_runs(selection, readable, runs)
    except AffuseError as error:
        if not problems:
            raise
        raise AffuseError(*error.args, *problems) from error


def render(tables: Sequence[ReportTable], format: str, *, width: int = WIDTH) -> str:
    """Return tables in a format, such as text or csv, with a line break at the end.

    Args:
        tables: of `collect`
        format: name of a module of `affuse.fuse.reporting.formats` or of a plug-in
        width: columns of the page, for formats with lines of limited length

    Raises:
        OptionError: if there is no such format; the message lists the choices
    """
    with as_option_errors():
        form = load_format(format)
    return form.render(tables, width=width)


def write(tables: Sequence[ReportTable], format: str, output: TextIO) -> None:
    """Write tables in a format; lines fit the page if the output is a terminal.

    Args:
        tables: of `collect`
        format: as of `render`
        output: to write to
    """
    output.write(render(tables, format, width=page_width(output, WIDTH)))


def _kind(run: Run) -> tuple[str, str, str]:
    """Return corpus, kind of ratings and protocol, which runs of a table share."""
    return run.info.corpus, run.info.nature, run.info.protocol
