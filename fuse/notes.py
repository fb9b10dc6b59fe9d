"""What stands below a table, so that no figure is taken for more than it is."""

from collections.abc import Iterator, Sequence
from itertools import combinations

from data.folds import PARTS
from data.plugins import names
from data.predictions import Run
from fuse import cautions, layers
from fuse.details import describe
from fuse.figures import (
    ALPHA,
    MARKS,
    SECTIONS,
    Row,
    Versus,
    bounds,
    count,
    figure,
    probability,
)
from fuse.intervals import LEVEL
from fuse.paired import PERMUTATIONS
from fuse.statistics import Estimate

FEW = 6  # clusters in a fold; tests/test_coverage.py simulates as many and more
UNTRAINED = (*names("fuse.references"), "zeroshot")  # the same for every seed
NATURES = {
    "human": "",
    "synthetic": "Synthetic data: the figures show that the pipeline works, not how "
    "well it recognises people",
    "proxy": "Proxy ratings: nobody rated these utterances on these scales; do not "
    "compare with figures on human ratings",
}


def notes(
    runs: Sequence[Run], rows: Sequence[Row], *, unit: str = "", by: str = ""
) -> tuple[str, ...]:
    """Sentences for one table; `rows` belong to `runs`, in the same order.

    Args:
        runs, rows: of the table
        unit, by: what was asked for, which need not be what is known
    """
    found = [
        *cautions.leaks(runs, rows),
        NATURES[runs[0].info.nature],
        *cautions.checkpoints(runs),
        speakers(shared_speakers(runs)),
        *cautions.decisions(runs),
        _significance(rows),
        _interval(rows),
        _unknown(rows, unit, by),
        *_few(rows),
        _one_seed(rows),
        _unequal(runs, rows),
        *sorted({_partial(run) for run in runs}),
        *layers.notes(runs, [row.name for row in rows]),
        cautions.unrecorded(runs, rows),
        cautions.undigested(runs, rows),
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


def comparisons(rows: Sequence[Row]) -> Iterator[str]:
    """Whether each row beats the best single modality, a line for every section."""
    for section in SECTIONS:
        for row in rows:
            if section in row.versus:
                where = "" if section == "all" else f"{section}: "
                yield where + comparison(row.name, row.versus[section])


def comparison(name: str, versus: Versus) -> str:
    """Whether a row beats a single modality, in one line."""
    difference = versus.difference
    range_ = bounds(difference, digits=3, sign=True)
    words = f"{figure(difference.value, sign=True)} {range_}".rstrip()
    if versus.verdict == "unknown":
        return f"{name} - {versus.name}: {words}, p unknown"
    p = f"p {probability(versus.p)}, Holm {probability(versus.adjusted)}"
    return f"{name} - {versus.name}: {words}, {p}, {versus.verdict}"


def _most(rows: Sequence[Row]) -> Estimate:
    """The figures of the row that rests on most clusters."""
    return max((row.sections["all"] for row in rows), key=lambda e: e.clusters)


def _significance(rows: Sequence[Row]) -> str:
    """What the marks mean, and what was tested."""
    tested = [v for row in rows for v in row.versus.values() if v.p == v.p]
    if not tested:
        return ""
    marks = ", ".join(f"{mark} {verdict}" for verdict, mark in MARKS.items())
    return (
        f"{marks} than the row it is compared with: p < {figure(ALPHA, digits=2)}, "
        f"permutation test over {_most(rows).unit}s, {PERMUTATIONS:,} exchanges, "
        f"adjusted by Holm over {count(len(tested), 'comparison')}"
    )


def _interval(rows: Sequence[Row]) -> str:
    """How the intervals were made."""
    most = _most(rows)
    if all(
        row.sections["all"].mean.low != row.sections["all"].mean.low for row in rows
    ):
        return f"Intervals: unknown, because a fold has only one {most.unit}"
    seeds = " and seeds" if any(r.sections["all"].seeds > 1 for r in rows) else ""
    return (
        f"Intervals: {LEVEL:.0%}, jackknife over {count(most.clusters, most.unit)}"
        f"{seeds}, Student's t on the scale of Fisher's z"
    )


def _unknown(rows: Sequence[Row], unit: str, by: str) -> str:
    """Says so if what was asked for is not known."""
    used, words = _most(rows).unit, []
    if unit and unit != used:
        words.append(f"No {unit} is known, so the intervals are over {used}s")
    if by and not any(name.startswith(f"{by} ") for r in rows for name in r.sections):
        words.append(f"No {by} is known, so none is scored apart")
    return "; ".join(words)


def _few(rows: Sequence[Row]) -> Iterator[str]:
    """Says so if there is too little to rest on."""
    most = _most(rows)
    for section in SECTIONS:
        found = [row.sections[section] for row in rows if section in row.sections]
        fewest = min((estimate.fewest for estimate in found), default=0)
        where = "" if section == "all" else f"{section}: "
        if 1 < fewest < FEW:
            yield (
                f"{where}Only {fewest} {most.unit}s in a fold: the intervals are wide, "
                f"and still too narrow if one {most.unit} is unlike all others"
            )
    tests = sum(v.p == v.p for row in rows for v in row.versus.values())
    least = 2 / 2**most.clusters
    if tests and least * tests > ALPHA:
        yield (
            f"With {count(most.clusters, most.unit)} no p can be much below "
            f"{figure(least)}, so {count(tests, 'comparison')} cannot be significant"
        )


def _one_seed(rows: Sequence[Row]) -> str:
    """Says so if another training may turn out otherwise."""
    if all(r.sections["all"].seeds > 1 or r.design in UNTRAINED for r in rows):
        return ""
    return (
        "One seed: intervals and p are of the trained models; what other seeds would "
        "give is not in them (--seeds)"
    )


def _partial(run: Run) -> str:
    """Says so if the corpus was not whole."""
    lacking = run.info.shortfall
    return f"Partial corpus: {lacking}" if lacking else ""


def _unequal(runs: Sequence[Run], rows: Sequence[Row]) -> str:
    """Says so if the figures are not on the same utterances."""
    ids = [
        set(zip(p.fold.tolist(), p.id.tolist(), strict=True))
        for p in (run.predictions for run in runs)
    ]
    if all(found == ids[0] for found in ids):
        return ""
    return "Not on the same utterances: " + ", ".join(_sizes(rows))


def _sizes(rows: Sequence[Row]) -> Iterator[str]:
    """Each row and its number of test utterances."""
    for row in rows:
        yield f"{row.name} {row.sections['all'].utterances:,}"
