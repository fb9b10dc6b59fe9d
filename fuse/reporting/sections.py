"""The parts of a run's test utterances that are scored apart.

Scripted sentences recur in training and a text model may know them, so improvised and
scripted utterances are apart wherever that is known, and so are new sentences: those of
which the run folder says that nobody said them in the fold's training or validation
part. Groups by a column of the corpus are apart on request
(`affuse.fuse.reporting.subgroups`).
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from affuse.data.runs.fold_table import FoldRow
from affuse.data.runs.run_predictions import Predictions, Run
from affuse.data.runs.sentence_overlap import read_sentences
from affuse.fuse.reporting.subgroups import group, groups
from affuse.fuse.reporting.table_records import SECTIONS


def sections(run: Run, by: str = "") -> dict[str, Run]:
    """The run, and the parts of it that are known, by the name of the section.

    Args:
        run: of any corpus
        by: a column of the corpus, whose groups become sections too, e.g. ``gender F``

    Raises:
        AffuseError: if sentences.csv is damaged, or there are too many groups
    """
    new = {place for place, known in read_sentences(run.path).items() if not known}
    wanted: dict[str, Callable[[FoldRow], bool]] = {
        "improvised": lambda row: row.scripted is False,
        "scripted": lambda row: row.scripted is True,
        "new sentences": lambda row: (row.fold, row.id) in new,
    }
    found = {name: subset(run, keep) for name, keep in wanted.items()}
    for name in groups(run, by):
        section = f"{by} {name}"
        if section in (*SECTIONS, *found):  # a column called new, of value sentences
            section = f"{by}: {name}"
        found[section] = subset(run, partial(_belongs, by=by, name=name))
    return {"all": run} | {name: part for name, part in found.items() if part}


def subset(run: Run, keep: Callable[[FoldRow], bool]) -> Run | None:
    """The run with some of its test utterances only; None if there is none."""
    wanted = {(r.fold, r.id) for r in run.folds if r.part == "test" and keep(r)}
    p = run.predictions
    rows = [pair in wanted for pair in zip(p.fold.tolist(), p.id.tolist(), strict=True)]
    if not any(rows):
        return None
    kept = Predictions(
        p.id[rows], p.fold[rows], p.seed[rows], p.truth[rows], p.predicted[rows]
    )
    return replace(run, predictions=kept)


def _belongs(row: FoldRow, *, by: str, name: str) -> bool:
    """Whether an utterance is of a group."""
    return group(row, by) == name
