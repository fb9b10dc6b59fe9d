"""Scored table of the runs of one corpus, kind of ratings and protocol."""

from collections.abc import Sequence

from affuse.data.options.report_options import ReportContents
from affuse.data.rating_scales import RATINGS
from affuse.data.runs.imported_predictions import ImportedPredictions
from affuse.data.runs.run_predictions import Run
from affuse.data.terminal import printable
from affuse.fuse.inputs.rating_variation import undefined_notes
from affuse.fuse.reporting import (
    footnotes,
    human_rows,
    measures,
    published_figures,
    subgroups,
)
from affuse.fuse.reporting.comparisons import compare_all_pairs, compare_rows
from affuse.fuse.reporting.imported_rows import score_imported
from affuse.fuse.reporting.scored_rows import score_runs
from affuse.fuse.reporting.table_records import ReportTable, TableRow, TableSources
from affuse.fuse.reporting.verdicts import comparisons, untested_pairs


def tabulate(
    group: Sequence[Run],
    contents: ReportContents | None = None,
    systems: Sequence[ImportedPredictions] = (),
) -> tuple[ReportTable, list[str]]:
    """Return the table of runs, and sentences on damaged files.

    Args:
        group: runs of one corpus, kind of ratings and protocol; at least one
        contents: of the table; None for the usual one
        systems: trained elsewhere, whose predictions are scored too

    Raises:
        AffuseError: if `contents` selects something that does not exist
    """
    contents = contents or ReportContents()
    scored = score_runs(group, contents)
    columns = measures.parse_names(contents.columns)
    runs, info = scored.runs, group[0].info
    imported = score_imported(
        systems, group, scored.unit, unit_name=contents.unit or "", by=contents.by
    )
    parts = (*scored.parts, *imported.parts)
    rows: Sequence[TableRow] = (*scored.rows, *imported.rows)
    rows = measures.add_measures(parts, rows, columns) if columns else rows
    rows, missing = compare_rows(
        parts,
        rows,
        against=contents.against,
        unit=scored.unit,
        narrowed=contents.is_filtered,
    )
    pairs = compare_all_pairs(parts, rows, unit=scored.unit) if contents.pairs else ()
    trained = rows[: len(runs)]
    human = human_rows.score_raters(runs, [row.name for row in trained], scored.unit)
    extra = published_figures.rows(info.corpus, info.nature)
    table = ReportTable(
        corpus=info.corpus,
        members=info.members,
        nature=info.nature,
        protocol=info.protocol,
        targets=tuple(t for t in RATINGS if any(t in r.info.targets for r in runs)),
        rows=(*rows, *human.rows, *extra),
        encoders=footnotes.encoders(runs),
        shared=footnotes.shared_speakers(runs),
        pairs=pairs,
        split=contents.split,
        columns=columns,
        comparisons=(*comparisons(rows), *missing, *untested_pairs(pairs)),
        notes=(
            *footnotes.notes(runs, trained, imported=rows[len(runs) :], by=contents.by),
            *imported.notes,
            *subgroups.notes(runs, trained, contents.by),
            *undefined_notes(parts),
            *scored.notes,
            *human.notes,
            *measures.notes(columns),
            *(published_figures.NOTES if extra else ()),
        ),
        sources=TableSources(scored.parts, scored.unit, contents.unit or ""),
    )
    problems = [printable(f"damaged, so not mapped: {s}") for s in scored.damaged]
    return table, problems
