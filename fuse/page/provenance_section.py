"""Section on how the figures were made: settings, encoders, versions and digests."""

import json
from collections.abc import Iterator, Mapping, Sequence

from affuse.data.options.training_options import Train
from affuse.data.runs.run_folder import RunFolder
from affuse.data.system import digests
from affuse.data.system.environment import version
from affuse.fuse.page.page_records import (
    PageCell,
    PageSection,
    PageTable,
    ScoredRow,
    no_predictions,
    trained_rows,
)
from affuse.fuse.reporting.row_labels import describe
from affuse.fuse.reporting.table_records import ReportTable

SHOWN = 12  # digits of a digest


def provenance_section(table: ReportTable) -> PageSection:
    """Return how the runs of a table were made.

    Args:
        table: of a report
    """
    rows = trained_rows(table)
    return PageSection(
        name="provenance",
        title="How it was made",
        sentences=(
            f"This page was made by affuse {version()}. Cite the software by the file "
            f"CITATION.cff of its repository, which also names the paper.",
            "A run folder records neither the device nor the time of each step.",
        ),
        tables=(_runs(rows), _settings(rows), _versions(rows)) if rows else (),
        missing=() if rows else (no_predictions(),),
    )


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
