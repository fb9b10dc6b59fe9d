"""What stands below a table, so that no figure is taken for more than it is."""

from collections.abc import Iterator, Sequence
from itertools import combinations

from affuse.data.runs.fold_table import PARTS
from affuse.data.runs.run_predictions import Run
from affuse.fuse.reporting import interval_notes, run_cautions
from affuse.fuse.reporting.row_labels import describe
from affuse.fuse.reporting.table_records import TableRow
from affuse.fuse.trained import layer_weight_files

NATURES = {
    "human": "",
    "synthetic": "Synthetic data: the figures show that the pipeline works, not how "
    "well it recognises people",
    "proxy": "Proxy ratings: nobody rated these utterances on these scales; do not "
    "compare with figures on human ratings",
}


def notes(
    runs: Sequence[Run], rows: Sequence[TableRow], *, by: str = ""
) -> tuple[str, ...]:
    """Sentences for one table; `rows` belong to `runs`, in the same order.

    Args:
        runs, rows: of the table
        by: groups that were asked for, which need not be known
    """
    found = [
        *run_cautions.leaks(runs, rows),
        *run_cautions.failures(runs, rows),
        NATURES[runs[0].info.nature],
        *run_cautions.checkpoints(runs),
        speakers(shared_speakers(runs)),
        *run_cautions.decisions(runs),
        *interval_notes.notes(rows),
        _unknown(rows, by),
        _unequal(runs, rows),
        *sorted({_partial(run) for run in runs}),
        *layer_weight_files.notes(runs, [row.name for row in rows]),
        run_cautions.unrecorded(runs, rows),
        run_cautions.undigested(runs, rows),
    ]
    return tuple(sentence for sentence in found if sentence)


def encoders(runs: Sequence[Run]) -> tuple[str, ...]:
    """Every encoder of the table in words, once."""
    found = {
        describe(modality, encoder)
        for run in runs
        for modality, encoder in run.info.encoders.items()
    }
    return tuple(sorted(found))


def shared_speakers(runs: Sequence[Run]) -> tuple[str, ...] | None:
    """Pairs of parts that have speakers in common, such as ``train+validation``.

    Returns:
        () if each fold keeps its speakers apart, None if none is known
    """
    found, known = set(), False
    for run in runs:
        speakers: dict[tuple[str, str], set[str]] = {}
        for row in run.folds:
            if row.speaker:
                speakers.setdefault((row.fold, row.part), set()).add(row.speaker)
        known = known or bool(speakers)
        for fold in {row.fold for row in run.folds}:
            for pair in combinations(PARTS, 2):
                a, b = (speakers.get((fold, part), set()) for part in pair)
                if a & b:
                    found.add(pair)
    return tuple("+".join(p) for p in combinations(PARTS, 2) if p in found) or (
        () if known else None
    )


def speakers(shared: Sequence[str] | None) -> str:
    """`shared_speakers` as a sentence."""
    if shared is None:
        return "Speakers: unknown, so nothing keeps them apart"
    if not shared:
        return "Speakers: no speaker is in two parts of a fold"
    pairs = ", ".join(pair.replace("+", " and ") for pair in shared)
    pairs = pairs.replace("train ", "training ")
    end = "; not a speaker-independent test" if any("test" in p for p in shared) else ""
    return f"Speakers: shared between {pairs}{end}"


def _unknown(rows: Sequence[TableRow], by: str) -> str:
    """Says so if what was asked for is not known."""
    words = []
    if by and not any(name.startswith(f"{by} ") for r in rows for name in r.sections):
        words.append(f"No {by} is known, so none is scored apart")
    return "; ".join(words)


def _partial(run: Run) -> str:
    """Says so if the corpus was not whole."""
    lacking = run.info.shortfall
    return f"Partial corpus: {lacking}" if lacking else ""


def _unequal(runs: Sequence[Run], rows: Sequence[TableRow]) -> str:
    """Says so if the figures are not on the same utterances."""
    ids = [
        set(zip(p.fold.tolist(), p.id.tolist(), strict=True))
        for p in (run.predictions for run in runs)
    ]
    if all(found == ids[0] for found in ids):
        return ""
    return "Not on the same utterances: " + ", ".join(_sizes(rows))


def _sizes(rows: Sequence[TableRow]) -> Iterator[str]:
    """Each row and its number of test utterances."""
    for row in rows:
        yield f"{row.name} {row.sections['all'].utterances:,}"
