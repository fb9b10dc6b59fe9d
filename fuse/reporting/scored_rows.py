"""The rows of one table: its runs, networks after an affine map, and ensembles, scored.

Mapped networks and ensembles are derived from what a run folder holds. Each follows the
row of its run, is scored like any other row, and is compared with rows of its own kind
(`affuse.fuse.reporting.comparison_rows`).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from affuse.data.options.report_options import TableContents
from affuse.data.runs.run_predictions import Run
from affuse.fuse.models.trainable.design_registry import trainable
from affuse.fuse.reporting import ensembles, map_notes, mapped_networks
from affuse.fuse.reporting.encoder_groups import headings
from affuse.fuse.reporting.mapped_networks import Labelled
from affuse.fuse.reporting.row_labels import details
from affuse.fuse.reporting.sections import sections
from affuse.fuse.reporting.table_records import SECTIONS, TableRow
from affuse.fuse.scoring.clusters import ClusterUnit, choose
from affuse.fuse.scoring.statistics import estimate

FIRST = ("ridge", "pcaridge", "svr", "early", "late")  # among designs of their place


@dataclass(frozen=True)
class Scored:
    """The rows of one table, and what they were scored from."""

    rows: Sequence[TableRow]
    parts: Sequence[Mapping[str, Run]]  # of each row the runs that its sections score
    unit: ClusterUnit  # of intervals and tests
    notes: tuple[str, ...]  # sentences on mapped networks and ensembles
    damaged: tuple[str, ...]  # sentences on networks that could not be mapped

    @property
    def runs(self) -> list[Run]:
        """All test predictions of each row."""
        return [each["all"] for each in self.parts]


def score(group: Sequence[Run], wanted: TableContents) -> Scored:
    """Return the rows of runs of one corpus and protocol.

    Raises:
        AffuseError: if there is no unit or group as it is wanted
    """
    shown = mapped_networks.with_networks(_ordered(group), every=wanted.mapped)
    named = wanted.unit or ""
    unit = choose(shown.runs[0].run, named)
    parts = [sections(one.run, wanted.by) for one in shown.runs]
    rows = [
        _row(one, each, unit, named)
        for one, each in zip(shown.runs, parts, strict=True)
    ]
    said = map_notes.notes(shown, [row.name for row in rows])
    found = Scored(rows, parts, unit, tuple(said), shown.damaged)
    return _with_ensembles(found) if wanted.ensemble else found


def _with_ensembles(found: Scored) -> Scored:
    parts, rows = ensembles.added(found.parts, found.rows)
    said = (*found.notes, *ensembles.notes(rows))
    return Scored(rows, parts, found.unit, said, found.damaged)


def _row(
    one: Labelled, parts: Mapping[str, Run], unit: ClusterUnit, wanted: str
) -> TableRow:
    """Return a scored row; groups of utterances have a unit of their own."""
    return TableRow(
        one.run.info.design,
        one.detail,
        {
            name: estimate(part, unit=unit if name in SECTIONS else wanted)
            for name, part in parts.items()
        },
        one.run.info,
        group=one.group,
        mapped=one.mapped,
    )


def _ordered(group: Sequence[Run]) -> list[Labelled]:
    """Return runs with what tells them apart, in the order of their rows."""
    heads = headings([run.info for run in group])
    found = map(Labelled, group, details(group), heads)
    return sorted(found, key=_rank)


def _rank(one: Labelled) -> tuple[str, int, int, str, list[str | float]]:
    """Return what orders rows: encoders, baselines, single modalities, fusion, others.

    Numbers in details count as numbers, so that latent=64 comes before latent=128.
    """
    design = one.run.info.design
    place = FIRST.index(design) if design in FIRST else len(FIRST)
    words = re.split(r"(\d+(?:\.\d+)?)", one.detail)  # every second one is a number
    numbers = [float(n) if i % 2 else n for i, n in enumerate(words)]
    return one.group, trainable(design).row_place, place, design, numbers
