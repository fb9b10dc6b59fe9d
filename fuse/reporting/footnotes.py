"""Footnotes of a table: data, speakers, encoders, intervals and limits of figures."""

from collections.abc import Iterator, Sequence
from itertools import combinations

from affuse.data.records import WORST_FIRST, Member
from affuse.data.runs.fold_table import PARTS
from affuse.data.runs.run_predictions import Run
from affuse.fuse.reporting import (
    interval_notes,
    rating_versions,
    run_cautions,
    untried_choices,
)
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
    runs: Sequence[Run],
    rows: Sequence[TableRow],
    *,
    imported: Sequence[TableRow] = (),
    by: str = "",
) -> tuple[str, ...]:
    """Return the footnotes of one table.

    Args:
        runs: of a table
        rows: of the runs, in the same order
        imported: rows of other systems
        by: column of the requested groups, which may have no values
    """
    sentences = [
        *run_cautions.leaks(runs, rows),
        *run_cautions.failures(runs, rows),
        *natures(runs[0].info.nature, runs[0].info.members),
        *run_cautions.checkpoints(runs),
        speakers(shared_speakers(runs)),
        *run_cautions.assumptions(runs),
        *interval_notes.notes([*rows, *imported]),
        _unknown(rows, by),
        _unequal(runs, rows),
        *rating_versions.other_ratings(runs, rows),
        *sorted({_partial(run) for run in runs}),
        *layer_weight_files.notes(runs, [row.name for row in rows]),
        untried_choices.sentence(runs),
        run_cautions.note_missing_code(runs, rows),
        run_cautions.note_missing_digests(runs, rows),
    ]
    return tuple(sentence for sentence in sentences if sentence)


def natures(nature: str, members: Sequence[Member]) -> Iterator[str]:
    """Yield a footnote on each kind of ratings of a training set; "" for human ones.

    Args:
        nature: of all its corpora, or the worst of them
        members: of a training set of several corpora
    """
    for kind in WORST_FIRST:
        names = [member.name for member in members if member.nature == kind]
        if names:
            yield f"{', '.join(names)}: {NATURES[kind]}" if NATURES[kind] else ""
        elif kind == nature:
            yield NATURES[kind]


def encoders(runs: Sequence[Run]) -> tuple[str, ...]:
    """Return the encoders of a table in words, each once.

    Args:
        runs: of the table
    """
    words = {
        describe(modality, encoder)
        for run in runs
        for modality, encoder in run.info.encoders.items()
    }
    return tuple(sorted(words))


def shared_speakers(runs: Sequence[Run]) -> tuple[str, ...] | None:
    """Return the pairs of parts that share speakers, such as ``train+validation``.

    Args:
        runs: of a table

    Returns:
        () if no parts of a fold share a speaker, None if no speaker is known
    """
    pairs, has_speakers = set(), False
    for run in runs:
        speakers: dict[tuple[str, str], set[str]] = {}
        for row in run.folds:
            if row.speaker:
                speakers.setdefault((row.fold, row.part), set()).add(row.speaker)
        has_speakers = has_speakers or bool(speakers)
        for fold in {row.fold for row in run.folds}:
            for pair in combinations(PARTS, 2):
                a, b = (speakers.get((fold, part), set()) for part in pair)
                if a & b:
                    pairs.add(pair)
    return tuple("+".join(p) for p in combinations(PARTS, 2) if p in pairs) or (
        () if has_speakers else None
    )


def speakers(shared: Sequence[str] | None) -> str:
    """Return the footnote on shared speakers.

    Args:
        shared: result of `shared_speakers`
    """
    if shared is None:
        return "Speakers: unknown, so parts may share speakers"
    if not shared:
        return "Speakers: no speaker is in two parts of a fold"
    pairs = ", ".join(pair.replace("+", " and ") for pair in shared)
    pairs = pairs.replace("train ", "training ")
    end = "; not a speaker-independent test" if any("test" in p for p in shared) else ""
    return f"Speakers: shared between {pairs}{end}"


def _unknown(rows: Sequence[TableRow], by: str) -> str:
    """Return a footnote if the requested groups are unknown, or ""."""
    names = (name for row in rows for name in row.sections)
    if by and not any(name.startswith(f"{by} ") for name in names):
        return f"No {by} is known, so there are no groups by {by}"
    return ""


def _partial(run: Run) -> str:
    """Return a footnote if the corpus was incomplete, or ""."""
    lacking = run.info.shortfall
    return f"Partial corpus: {lacking}" if lacking else ""


def _unequal(runs: Sequence[Run], rows: Sequence[TableRow]) -> str:
    """Return a footnote if rows are scored on different utterances, or ""."""
    ids = [
        set(zip(p.fold.tolist(), p.id.tolist(), strict=True))
        for p in (run.predictions for run in runs)
    ]
    if all(each == ids[0] for each in ids):
        return ""
    return "Not on the same utterances: " + ", ".join(_sizes(rows))


def _sizes(rows: Sequence[TableRow]) -> Iterator[str]:
    """Yield each row with its number of test utterances."""
    for row in rows:
        yield f"{row.name} {row.sections['all'].utterances:,}"
