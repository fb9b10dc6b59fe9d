"""Scores of a table's rows: runs, networks after an affine map, and ensembles.

Mapped networks and ensembles are derived from the files of a run. Each follows the row
of its run and is scored like any other row. `affuse.fuse.reporting.comparison_rows`
compares it with rows of the same kind.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from affuse.data.options.report_options import TableContents
from affuse.data.runs.run_predictions import Run
from affuse.fuse.models.trainable.design_registry import find_trainable
from affuse.fuse.reporting import ensembles, map_notes, mapped_networks
from affuse.fuse.reporting.encoder_groups import headings
from affuse.fuse.reporting.mapped_networks import LabelledRun
from affuse.fuse.reporting.row_labels import row_details
from affuse.fuse.reporting.sections import notes, sections
from affuse.fuse.reporting.table_records import SECTIONS, TableRow
from affuse.fuse.scoring.clusters import ClusterUnit, choose
from affuse.fuse.scoring.statistics import Estimate, estimate

# The first rows among designs of the same kind.
FIRST_DESIGNS = ("ridge", "pcaridge", "svr", "early", "late")


@dataclass(frozen=True)
class ScoredRows:
    """Rows of one table with the runs that they score, and footnotes on them."""

    rows: Sequence[TableRow]
    parts: Sequence[Mapping[str, Run]]  # for each row, section -> run
    unit: ClusterUnit  # of intervals and tests
    notes: tuple[str, ...]  # on small sections, mapped networks and ensembles
    damaged: tuple[str, ...]  # sentences on networks that could not be mapped

    @property
    def runs(self) -> list[Run]:
        """Runs with all test predictions of each row."""
        return [each["all"] for each in self.parts]


def score_runs(group: Sequence[Run], contents: TableContents) -> ScoredRows:
    """Return the scored rows of runs of one corpus and protocol.

    Args:
        group: finished runs
        contents: options of the report

    Raises:
        AffuseError: if the unit of the intervals or the groups are not available
    """
    table = mapped_networks.add_mapped_networks(_ordered(group), every=contents.mapped)
    unit_name = contents.unit or ""
    unit = choose(table.runs[0].run, unit_name)
    parts = [sections(labelled.run, contents.by) for labelled in table.runs]
    rows = [
        _row(labelled, by_section, unit, unit_name)
        for labelled, by_section in zip(table.runs, parts, strict=True)
    ]
    sentences = (
        *notes([labelled.run for labelled in table.runs]),
        *map_notes.notes(table, [row.name for row in rows]),
    )
    scored = ScoredRows(rows, parts, unit, sentences, table.damaged)
    return _with_ensembles(scored) if contents.ensemble else scored


def _with_ensembles(scored: ScoredRows) -> ScoredRows:
    """Return rows with the ensembles of their seeds."""
    parts, rows = ensembles.add_ensembles(scored.parts, scored.rows)
    sentences = (*scored.notes, *ensembles.notes(rows))
    return ScoredRows(rows, parts, scored.unit, sentences, scored.damaged)


def _row(
    labelled: LabelledRun, parts: Mapping[str, Run], unit: ClusterUnit, unit_name: str
) -> TableRow:
    """Return a scored row; the unit of subgroups may differ from that of the table."""
    return TableRow(
        labelled.run.info.design,
        labelled.detail,
        estimate_sections(parts, unit, unit_name),
        labelled.run.info,
        group=labelled.group,
        mapped=labelled.mapped,
    )


def estimate_sections(
    parts: Mapping[str, Run], unit: ClusterUnit, unit_name: str
) -> dict[str, Estimate]:
    """Return the CCC of each section with its interval.

    Args:
        parts: section -> run
        unit: of the clusters of the table's sections
        unit_name: of the clusters of subgroups; "" lets each have its own
    """
    return {
        name: estimate(part, unit=unit if name in SECTIONS else unit_name)
        for name, part in parts.items()
    }


def _ordered(group: Sequence[Run]) -> list[LabelledRun]:
    """Return labelled runs in the order of their rows."""
    heads = headings([run.info for run in group])
    return sorted(map(LabelledRun, group, row_details(group), heads), key=_rank)


def _rank(labelled: LabelledRun) -> tuple[str, int, int, str, list[str | float]]:
    """Return the sort key: encoders, baselines, single modalities, fusion, others.

    Numbers in details are compared as numbers, so latent=64 comes before latent=128.
    """
    design = labelled.run.info.design
    place = (
        FIRST_DESIGNS.index(design) if design in FIRST_DESIGNS else len(FIRST_DESIGNS)
    )
    words = re.split(r"(\d+(?:\.\d+)?)", labelled.detail)  # odd indices hold numbers
    numbers = [float(n) if i % 2 else n for i, n in enumerate(words)]
    return labelled.group, find_trainable(design).row_position, place, design, numbers
