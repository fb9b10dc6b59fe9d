"""Rows of other systems in a table, from their predictions for its test utterances.

An imported system is scored and tested like a design. Nothing is known of its training,
so no leak rule is applied to it, and a footnote says so.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from affuse.data.errors import OptionError
from affuse.data.runs.imported_predictions import ImportedPredictions
from affuse.data.runs.run_predictions import Predictions, Run
from affuse.data.scale_columns import format_scale
from affuse.data.terminal import printable
from affuse.fuse.models.trainable.design_registry import design_names
from affuse.fuse.reporting.common_utterances import LEAST_COMMON, is_enough
from affuse.fuse.reporting.scored_rows import estimate_sections
from affuse.fuse.reporting.sections import sections
from affuse.fuse.reporting.table_records import ReportTable, TableRow
from affuse.fuse.scoring.clusters import ClusterUnit
from affuse.fuse.wording import count

DETAIL = "imported"  # detail in the name of an imported system's row
DIGITS = 12  # of a digest
NEGATIVE = 0.1  # share of ratings below 0, from which a system should predict some


@dataclass(frozen=True)
class ImportedRows:
    """Rows of imported systems with the predictions that they score."""

    rows: tuple[TableRow, ...] = ()
    parts: tuple[Mapping[str, Run], ...] = ()  # for each row, section -> run
    notes: tuple[str, ...] = ()


def score_imported(
    systems: Sequence[ImportedPredictions],
    runs: Sequence[Run],
    unit: ClusterUnit,
    *,
    unit_name: str = "",
    by: str = "",
) -> ImportedRows:
    """Return the rows of imported systems in one table.

    Args:
        systems: other systems
        runs: of the table; that with the most test utterances has the ratings
        unit: of the intervals of the table
        unit_name: of the clusters of subgroups; "" lets each have its own
        by: column whose groups are scored separately

    Raises:
        OptionError: if a system has the name of a design
    """
    reference = max(runs, key=lambda run: len(_first_seeds(run)))
    rows, parts, notes = list[TableRow](), list[Mapping[str, Run]](), list[str]()
    for system in systems:
        if system.label in {*design_names(), *(run.info.design for run in runs)}:
            raise OptionError(
                f"'{system.label}' is the name of a design; name the system of "
                f"{system.path} with --label"
            )
        run = _as_run(system, reference)
        if run is None:
            continue
        by_section = sections(run, by)
        scored = estimate_sections(by_section, unit, unit_name)
        rows.append(TableRow(system.label, DETAIL, scored, is_imported=True))
        parts.append(by_section)
        notes += _notes(system, run, reference)
    return ImportedRows(tuple(rows), tuple(parts), tuple(notes))


def check_all_scored(
    systems: Sequence[ImportedPredictions], tables: Sequence[ReportTable]
) -> None:
    """Raise an error if a system has a row in none of the tables.

    Args:
        systems: whose predictions were requested
        tables: of the report

    Raises:
        OptionError: with examples of the ids in the file and in the tables
    """
    scored = {r.design for table in tables for r in table.rows if r.is_imported}
    for system in systems:
        if system.label not in scored:
            sources = [table.sources for table in tables if table.sources]
            expected = [str(s.parts[0]["all"].predictions.id[0]) for s in sources]
            raise OptionError(
                f"{system.path} has no prediction for any test utterance: its first id "
                f"is '{printable(next(iter(system.values)))}', and the tables have ids "
                f"such as '{printable(expected[0])}'; or it has none of their ratings"
            )


def _first_seeds(run: Run) -> np.ndarray:
    """Return the rows of each fold's first seed, as indices of shape (n,)."""
    p = run.predictions
    first = {fold: p.seed[p.fold == fold].min() for fold in np.unique(p.fold).tolist()}
    wanted = np.array([first[fold] for fold in p.fold.tolist()])
    return np.flatnonzero(p.seed == wanted)


def _as_run(system: ImportedPredictions, reference: Run) -> Run | None:
    """Return predictions of a system with the ratings and folds of a run, or None.

    The result is None if they share no utterance or no rating.
    """
    p = reference.predictions
    rows = [i for i in _first_seeds(reference) if p.id[i] in system.values]
    shared = [name for name in reference.info.targets if name in system.targets]
    if not rows or not shared:
        return None
    truth = [reference.info.targets.index(name) for name in shared]
    columns = [system.targets.index(name) for name in shared]
    predictions = Predictions(
        id=p.id[rows],
        fold=p.fold[rows],
        seed=np.zeros(len(rows), np.int64),
        truth=p.truth[rows][:, truth],
        predicted=np.stack([system.values[id_][columns] for id_ in p.id[rows]]),
    )
    info = replace(
        reference.info,
        name=system.label,
        design=system.label,
        targets=tuple(shared),
        encoders={},
        settings={},
        code="",
    )
    return replace(reference, info=info, predictions=predictions, is_imported=True)


def _scale_notes(system: ImportedPredictions, run: Run) -> Iterator[str]:
    """Yield footnotes on predictions that may be on another scale, which lowers CCC."""
    name = printable(system.label)
    values = system.stacked()
    if outside := int((np.abs(values) > 1).sum()):
        yield (
            f"{name}: {outside:,} of {count(values.size, 'prediction')} are outside "
            f"the scale, and are scored as they are; if their scale is another, name "
            f"it with --scale"
        )
    below = float((run.predictions.truth < 0).mean())
    if system.scale is None and values.min() >= 0 and below >= NEGATIVE:
        yield (
            f"{name}: no prediction is below 0, but {below:.0%} of the ratings are; if "
            f"the system predicts from 0 to 1, its CCC is too low here: add --scale 0 1"
        )


def _compared(scored: int, tested: int) -> str:
    """Return a clause on the comparisons of a system that lacks some predictions."""
    if is_enough(scored, tested):
        return f"differences to other rows are on the {scored:,} that both have"
    return (
        f"not compared with rows that have all of them, because less than "
        f"{LEAST_COMMON:.0%} are common"
    )


def _notes(system: ImportedPredictions, run: Run, reference: Run) -> Iterator[str]:
    """Yield the footnotes on one system."""
    name = printable(system.label)
    low, high = system.used_range()
    scale = (
        f"mapped from the scale {format_scale(system.scale)}"
        if system.scale
        else "read as being on [-1, 1]"
    ) + f", of which they take {low:.3g} to {high:.3g}"
    yield (
        f"{name}: predictions imported from {system.path} (SHA-256 "
        f"{system.digest[:DIGITS]}), {scale}. How the system was trained is not known, "
        f"so no leak rule was applied, and its interval does not cover the variation "
        f"between seeds. By default it is compared with the models of the highest CCC "
        f"on the test parts, which favours them"
    )
    scored, tested = (
        set(run.predictions.id.tolist()),
        set(reference.predictions.id.tolist()),
    )
    yield from _scale_notes(system, run)
    if lacking := sorted(tested - scored):
        yield (
            f"{name}: no prediction for {len(lacking):,} of "
            f"{count(len(tested), 'test utterance')}, for example '{lacking[0]}'; the "
            f"row is scored on the others, and {_compared(len(scored), len(tested))}"
        )
    if more := len(system.values) - len(scored):
        yield (
            f"{name}: {count(more, 'prediction')} for other utterances than those of "
            f"the test parts {'is' if more == 1 else 'are'} not used"
        )
    if missing := [t for t in reference.info.targets if t not in run.info.targets]:
        yield (
            f"{name}: the file has no column {', '.join(missing)}, so the mean is over "
            f"the other ratings"
        )
    if system.unread:
        columns = printable(", ".join(system.unread))
        yield f"{name}: columns that are not read: {columns}"
