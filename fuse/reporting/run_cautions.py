"""Footnotes on runs whose figures are not to be taken at face value."""

from collections.abc import Iterator, Sequence

from affuse.data.options.run_options import Lint
from affuse.data.runs.leak_record import DIVERGENCE, failing
from affuse.data.runs.run_folder import RunFolder
from affuse.data.runs.run_predictions import Run
from affuse.data.splits.protocol_assumptions import sentences
from affuse.data.system import digests
from affuse.fuse.reporting.table_records import TableRow
from affuse.fuse.scoring.failure_notes import sentences as failure_sentences
from affuse.fuse.training.alignment import division

CHECKPOINTS = {
    "mini": "Encoders called mini are small students that come with this project, for "
    "demonstration and constrained devices; no substitute for the default checkpoints",
    "tiny": "Encoders called tiny have random weights: their figures mean nothing",
}


def leaks(runs: Sequence[Run], rows: Sequence[TableRow]) -> Iterator[str]:
    """Name the rows whose run fails the linter."""
    for run, row in zip(runs, rows, strict=True):
        if rules := sorted({*failing(run.path)} - {DIVERGENCE}):  # see `failures`
            yield (
                f"Leak: {row.name} fails the linter ({', '.join(rules)}) and is not to "
                f"be reported as it stands; ask: "
                f"{Lint(folders=(run.path,))}"
            )


def failures(runs: Sequence[Run], rows: Sequence[TableRow]) -> Iterator[str]:
    """Name the rows with models that diverged, that predict a constant, or wildly.

    Rows that are derived from models, as ensembles are, go by the row of their models.
    """
    for run, row in zip(runs, rows, strict=True):
        if row.mapped or row.members > 1:
            continue
        for sentence, wide in failure_sentences(run.predictions, run.info.targets):
            yield f"{'Diverged' if wide else 'Note'}: {row.name}: {sentence}"


def checkpoints(runs: Sequence[Run]) -> Iterator[str]:
    """Say what is to be known of encoders that are no full ones."""
    used = {e.get("checkpoint") for run in runs for e in run.info.encoders.values()}
    yield from (CHECKPOINTS[name] for name in sorted(CHECKPOINTS.keys() & used))


def decisions(runs: Sequence[Run]) -> tuple[str, ...]:
    """Say once what the protocol decided because the corpus does not say it."""
    said = (sentence for run in runs for sentence in sentences(division(run)))
    return tuple(dict.fromkeys(said))


def unrecorded(runs: Sequence[Run], rows: Sequence[TableRow]) -> str:
    """Name the rows whose run does not say which code of the design it is of."""
    names = [r.name for run, r in zip(runs, rows, strict=True) if not run.info.code]
    if not names:
        return ""
    return (
        f"Code not recorded, because an older version made the run, so that an edited "
        f"design is not noticed: {', '.join(names)}"
    )


def undigested(runs: Sequence[Run], rows: Sequence[TableRow]) -> str:
    """Name the rows whose run has no digests, so that damage to it is not noticed."""
    pairs = zip(runs, rows, strict=True)
    names = [
        r.name
        for run, r in pairs
        if not digests.is_listed(RunFolder(run.path).predictions)
    ]
    if not names:
        return ""
    return f"No digests, so that damage is not noticed: {', '.join(names)}"
