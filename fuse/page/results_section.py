"""Section of the CCC tables, with facts on the data and the results of leak rules."""

from collections.abc import Iterator

from affuse.data.options.run_options import Lint
from affuse.data.runs.leak_record import rule_states
from affuse.data.runs.run_predictions import Run
from affuse.fuse.page.page_records import (
    MissingData,
    PageCell,
    PageSection,
    PageTable,
    block_table,
    scored_rows,
    trained_rows,
)
from affuse.fuse.reporting.blocks import blocks
from affuse.fuse.reporting.layout import Section, sections
from affuse.fuse.reporting.table_records import ReportTable
from affuse.fuse.wording import count


def caveats_section(table: ReportTable) -> PageSection:
    """Return the caveats of a table and the results of the leak rules.

    Args:
        table: of a report
    """
    rows = trained_rows(table)
    unchecked = [each for each in rows if not rule_states(each.run.path)]
    missing = (
        MissingData(
            f"The leak rules were not checked on {count(len(unchecked), 'run')}.",
            str(Lint(folders=tuple(each.run.path for each in unchecked))),
        ),
    )
    return PageSection(
        name="caveats",
        title="Before you read the figures",
        sentences=table.notes,
        tables=(*_facts(table), *_rules(table)),
        missing=missing if unchecked else (),
    )


def _facts(table: ReportTable) -> Iterator[PageTable]:
    """Yield the table of corpus, protocol and sample sizes."""
    facts = {
        "corpus": table.corpus,
        "kind of ratings": table.kind,
        "protocol": table.protocol,
        "ratings": ", ".join(table.targets),
        "encoders": "; ".join(table.encoders),
    }
    rows = list(scored_rows(table))
    if rows:
        seeds = sorted({each.row.sections["all"].seeds for each in rows})
        facts |= _sizes(rows[0].run)
        facts["seeds"] = " to ".join(map(str, dict.fromkeys((seeds[0], seeds[-1]))))
        facts["trained runs"] = str(len(trained_rows(table)))
    cells = ((PageCell(name), PageCell(value)) for name, value in facts.items())
    yield PageTable("Data and protocol", ("fact", "value"), tuple(cells))


def _sizes(run: Run) -> dict[str, str]:
    """Return the numbers of test utterances, speakers, dialogues and folds."""
    tested = [row for row in run.folds if row.part == "test"]
    numbers = {
        "test utterances": len({row.id for row in tested}),
        "speakers in the test parts": len({row.speaker for row in tested} - {""}),
        "dialogues in the test parts": len({row.dialogue for row in tested} - {""}),
        "folds": len(set(run.predictions.fold.tolist())),
    }
    return {name: f"{n:,}" if n else "unknown" for name, n in numbers.items()}


def _rules(table: ReportTable) -> Iterator[PageTable]:
    """Yield the table of the leak rules' results, one row for each run."""
    rows = []
    for each in trained_rows(table):
        states = rule_states(each.run.path)
        if states:
            names: dict[str, list[str]] = {}
            for name, state in states.items():
                names.setdefault(state, []).append(name)
            words = (
                f"{state}: {len(found)}"
                + ("" if state == "ok" else f" ({', '.join(sorted(found))})")
                for state, found in sorted(names.items())
            )
            cells = (each.row.name, str(len(states)), "; ".join(words))
            rows.append(tuple(map(PageCell, cells)))
    if rows:
        yield PageTable("Leak rules", ("run", "rules checked", "results"), tuple(rows))


def results_section(table: ReportTable) -> PageSection:
    """Return the CCC tables of all sections, which can be sorted.

    Args:
        table: of a report
    """
    heads, groups = sections(table)
    others = (b for b in blocks(table) if not b.heading.startswith("all pairs"))
    return PageSection(
        name="results",
        title="CCC of all designs",
        sentences=(
            "Each figure is the mean over folds and seeds, with a 95 % interval. A "
            "button in the head of a column sorts the table.",
        ),
        tables=(
            *(_results(table, heads, group) for group in groups),
            *map(block_table, others),
        ),
    )


def _results(table: ReportTable, heads: tuple[str, ...], group: Section) -> PageTable:
    """Return one section of the CCC table."""
    has_groups = any(line.row.group for line in group.lines)
    varying = heads[len(table.targets) + 1 :]
    rows = []
    for line in group.lines:
        estimate = line.row.sections[group.name]
        intervals = [*map(estimate.ratings.get, table.targets), estimate.mean]
        figures = (
            PageCell(f"{value} {range_}".strip(), interval.value if interval else None)
            for (value, range_), interval in zip(line.cells, intervals, strict=True)
        )
        counts = (
            PageCell(text, float(getattr(estimate, name)) if text else None)
            for name, text in zip(varying, line.counts, strict=True)
        )
        encoders = [PageCell(line.row.group)] if has_groups else []
        rows.append((PageCell(line.row.name), *encoders, *figures, *counts))
    names = ("design", *(["encoders"] if has_groups else []), *heads)
    return PageTable(group.heading, names, tuple(rows), sortable=True)
