"""Footnotes on runs with leaks, failed trainings, weak encoders or missing records."""

from collections.abc import Iterator, Sequence

from affuse.data.options.run_options import Lint
from affuse.data.runs.leak_record import DIVERGENCE, failing_rules
from affuse.data.runs.run_folder import RunFolder
from affuse.data.runs.run_predictions import Run
from affuse.data.splits.protocol_assumptions import sentences
from affuse.data.system import digests
from affuse.fuse.reporting.table_records import TableRow
from affuse.fuse.scoring.failure_notes import sentences as failure_sentences
from affuse.fuse.training.alignment import read_division

CHECKPOINTS = {
    "mini": "Encoders called mini are small students that come with this project, for "
    "demonstration and constrained devices; no substitute for the default checkpoints",
    "tiny": "Encoders called tiny have random weights: their figures mean nothing",
}


def leaks(runs: Sequence[Run], rows: Sequence[TableRow]) -> Iterator[str]:
    """Yield a footnote on each row whose run fails the linter.

    Args:
        runs: of the rows
        rows: of a table
    """
    for run, row in zip(runs, rows, strict=True):
        # The footnotes of `failures` report divergence.
        if rules := sorted({*failing_rules(run.path)} - {DIVERGENCE}):
            yield (
                f"Leak: {row.name} fails the linter ({', '.join(rules)}) and is not to "
                f"be reported as it stands; for details: "
                f"{Lint(folders=(run.path,))}"
            )


def failures(runs: Sequence[Run], rows: Sequence[TableRow]) -> Iterator[str]:
    """Yield a footnote on each row with models that diverged or predict a constant.

    Derived rows, such as ensembles, have no footnote; the row of their models has it.

    Args:
        runs: of the rows
        rows: of a table
    """
    for run, row in zip(runs, rows, strict=True):
        if row.mapped or row.members > 1:
            continue
        pairs = failure_sentences(run.predictions, run.info.targets)
        for sentence, is_diverged in pairs:
            yield f"{'Diverged' if is_diverged else 'Note'}: {row.name}: {sentence}"


def checkpoints(runs: Sequence[Run]) -> Iterator[str]:
    """Yield footnotes on encoders for demonstration and for tests.

    Args:
        runs: of a table
    """
    used = {e.get("checkpoint") for run in runs for e in run.info.encoders.values()}
    yield from (CHECKPOINTS[name] for name in sorted(CHECKPOINTS.keys() & used))


def assumptions(runs: Sequence[Run]) -> tuple[str, ...]:
    """Return sentences on assumptions of the protocol that the corpus does not state.

    Args:
        runs: of a table
    """
    assumptions = (
        sentence for run in runs for sentence in sentences(read_division(run))
    )
    return tuple(dict.fromkeys(assumptions))


def note_missing_code(runs: Sequence[Run], rows: Sequence[TableRow]) -> str:
    """Return a footnote on rows without a record of the design's code, or "".

    Args:
        runs: of the rows
        rows: of a table
    """
    names = [r.name for run, r in zip(runs, rows, strict=True) if not run.info.code]
    if not names:
        return ""
    return (
        f"Code not recorded, because an older version trained the run, so a change of "
        f"the design's code cannot be detected: {', '.join(names)}"
    )


def note_missing_digests(runs: Sequence[Run], rows: Sequence[TableRow]) -> str:
    """Return a footnote on rows whose run has no digests, or "".

    Args:
        runs: of the rows
        rows: of a table
    """
    pairs = zip(runs, rows, strict=True)
    names = [
        r.name
        for run, r in pairs
        if not digests.is_listed(RunFolder(run.path).predictions)
    ]
    if not names:
        return ""
    return f"No digests, so damage cannot be detected: {', '.join(names)}"
