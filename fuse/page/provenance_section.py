"""Section on how the figures were made: settings, encoders, versions and digests."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from affuse.data.errors import AffuseError
from affuse.data.options.report_options import Report
from affuse.data.options.training_options import Train
from affuse.data.runs.run_folder import RunFolder
from affuse.data.system import digests
from affuse.data.system.environment import version
from affuse.data.system.work_log import WorkLog, WorkStep, read_work
from affuse.fuse.page.page_records import (
    MissingData,
    PageCell,
    PageSection,
    PageTable,
    ScoredRow,
    no_predictions,
    trained_rows,
)
from affuse.fuse.reporting.row_labels import describe
from affuse.fuse.reporting.table_records import ReportTable
from affuse.fuse.wording import count

SHOWN = 12  # digits of a digest


def provenance_section(table: ReportTable) -> PageSection:
    """Return how the runs of a table were made.

    Args:
        table: of a report
    """
    rows = trained_rows(table)
    logs = {**table.extractions, **_work_logs(rows)}
    return PageSection(
        name="provenance",
        title="How it was made",
        sentences=(
            f"This page was made by affuse {version()}. Cite the software by the file "
            f"CITATION.cff of its repository, which also names the paper.",
            *_work_notes(logs),
        ),
        tables=(_runs(rows), *_steps(logs), _settings(rows), _versions(rows))
        if rows
        else (),
        missing=tuple(_missing(table, rows)),
    )


def _missing(table: ReportTable, rows: Sequence[ScoredRow]) -> Iterator[MissingData]:
    """Yield the commands that provide what the section lacks."""
    if not rows:
        yield no_predictions()
    elif not table.extractions:
        command = Report(form="html", output="report.html", cache=Path("cache"))
        yield MissingData("Device and time of extraction need the cache.", str(command))


def _work_logs(rows: Sequence[ScoredRow]) -> dict[str, WorkLog]:
    """Return the log of each run, by the name of its folder; damaged ones are empty."""
    logs = {}
    for path in dict.fromkeys(each.run.path for each in rows):
        try:
            logs[path.name] = read_work(RunFolder(path).work)
        except (AffuseError, OSError):
            logs[path.name] = WorkLog(unread=1)
    return logs


def _work_notes(logs: Mapping[str, WorkLog]) -> Iterator[str]:
    """Yield sentences on folders without a log, and on lines that cannot be read."""
    if lacking := [name for name, log in logs.items() if not log.steps]:
        yield (
            f"Device and time are not recorded by {count(len(lacking), 'folder')}, "
            f"made by an older version or moved, for example {lacking[0]}."
        )
    if unread := sum(log.unread for log in logs.values()):
        yield f"{count(unread, 'line')} of {RunFolder.work} cannot be read."


def _steps(logs: Mapping[str, WorkLog]) -> Iterator[PageTable]:
    """Yield the table of device and time of each step, unless none is recorded.

    A command that trains several runs records its time for each of them.
    """
    steps = [(name, step) for name, log in logs.items() for step in log.steps]
    if not steps:
        return
    heads = ("command", "folder", "began (UTC)", "device", "work", "time", "version")
    lines = []
    for name, step in steps:
        cells = (
            *(step.command, name, step.began.removesuffix("+00:00"), step.device),
            *(*_work(step), step.version),
        )
        lines.append(tuple(map(PageCell, cells)))
    caption = (
        "Device and time of each step; a command that trains several runs together "
        "has its whole time in each of their lines"
    )
    yield PageTable(caption, heads, tuple(lines))


def _work(step: WorkStep) -> tuple[str, str]:
    """Return the work and the time of a step in words."""
    work, time = f"{step.unit}: {step.amount:,.0f}", f"{step.seconds:,.1f} s"
    if step.finished:
        return work, time
    return f"interrupted; {work} or more", f"{time} or more"


def _runs(rows: Sequence[ScoredRow]) -> PageTable:
    """Return folder, encoders, size, code, digest and command of each run."""
    heads = ("run", "folder", "encoders", "parameters", "code", "digest", "command")
    lines = []
    for each in rows:
        info = each.run.info
        words = "; ".join(describe(*pair) for pair in info.encoders.items())
        listed = digests.read_or_empty(each.run.path)
        digest = listed.get(RunFolder.predictions, "")[:SHOWN] or "unknown"
        cells = (
            *(each.row.name, each.run.path.name, words, f"{info.parameters:,}"),
            *(info.code or "unknown", digest, _command(each)),
        )
        lines.append(tuple(map(PageCell, cells)))
    caption = (
        f"Runs; the digest is the beginning of the SHA-256 of {RunFolder.predictions}"
    )
    return PageTable(caption, heads, tuple(lines))


def _command(each: ScoredRow) -> str:
    """Return a command that trains the design again with the recorded settings."""
    info = each.run.info
    command = Train(
        designs=(info.design,),
        corpus=info.corpus,
        seeds=len(set(each.run.predictions.seed.tolist())),
        experiment=str(RunFolder(each.run.path).settings),
        runs=each.run.path.parent,
    )
    return str(command)


def _settings(rows: Sequence[ScoredRow]) -> PageTable:
    """Return all recorded settings, one column for each run."""
    return _by_run("Settings", rows, [each.run.info.settings for each in rows])


def _versions(rows: Sequence[ScoredRow]) -> PageTable:
    """Return the versions of packages, one column for each run."""
    return _by_run("Versions", rows, [each.run.info.versions for each in rows])


def _by_run(
    caption: str, rows: Sequence[ScoredRow], records: Sequence[Mapping[str, object]]
) -> PageTable:
    """Return a table with a row for each name, and a column for each run."""
    names = dict.fromkeys(name for record in records for name in record)
    lines = (tuple(map(PageCell, _line(name, records))) for name in names)
    heads = ("name", *(each.row.name for each in rows))
    return PageTable(caption, heads, tuple(lines))


def _line(name: str, records: Sequence[Mapping[str, object]]) -> Iterator[str]:
    """Yield a name and its value in each record, or ""."""
    yield name
    for record in records:
        value = record.get(name, "")
        yield value if isinstance(value, str) else json.dumps(value, default=str)
