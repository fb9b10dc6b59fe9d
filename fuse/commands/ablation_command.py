"""Command ablate: the CCC of a run with modalities removed and permuted.

`report --cache` measures the same for every fusion design of its tables.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from affuse.data.errors import AffuseError
from affuse.data.options.run_options import Ablate
from affuse.data.runs.run_predictions import Run
from affuse.data.terminal import printable
from affuse.fuse.commands.computing_device import compute
from affuse.fuse.inputs.joint_selection import select_for_run
from affuse.fuse.models.design_files import use_run_files
from affuse.fuse.reporting.table_records import ReportTable
from affuse.fuse.robustness import ablation
from affuse.fuse.robustness.ablation import Ablation
from affuse.fuse.trained import prediction


def ablate(say: Callable[..., object], options: Ablate) -> None:
    """Print how much each modality contributes to a run.

    Args:
        say: prints a line
        options: of the command line
    """
    for line in measure_ablation(options).lines():
        say(line)


def measure_ablation(options: Ablate) -> Ablation:
    """Return how much each modality contributes to a run.

    Args:
        options: of the command line

    Raises:
        FileNotFoundError: if the run is not finished, or there is no cache
        AffuseError: if the run has one modality only, or does not fit the cache
    """
    use_run_files(options.run, options.design_files)
    device = compute(options)
    recipes = prediction.recipes(options.run)
    any_ = next(r for by_name in recipes.values() for r in by_name.values())
    options = replace(options, corpus=options.corpus or any_.corpus)
    sources = select_for_run(options, recipes)
    return ablation.ablate(
        options.run,
        sources.embeddings,
        fold_embeddings=sources.fold_embeddings,
        seed=options.seed,
        device=device,
    )


def add_ablations(
    tables: Sequence[ReportTable], cache: Path, damaged: Callable[[str], object]
) -> tuple[ReportTable, ...]:
    """Return tables with the contribution of each modality to each fusion design.

    Args:
        tables: of a report, with their predictions
        cache: folder of all caches
        damaged: is called with a sentence on every run that cannot be measured
    """
    found = []
    for table in tables:
        runs = [each["all"] for each in table.sources.parts] if table.sources else []
        ablations = tuple(_ablations(runs, cache, damaged))
        found.append(replace(table, ablations=ablations))
    return tuple(found)


def _ablations(
    runs: Sequence[Run], cache: Path, damaged: Callable[[str], object]
) -> Iterator[Ablation]:
    """Yield the contributions to each run of several modalities, each run once."""
    for path in dict.fromkeys(r.path for r in runs if len(r.info.encoders) > 1):
        try:
            yield measure_ablation(Ablate(run=path, cache=cache))
        except (AffuseError, OSError) as error:
            damaged(printable(f"not measured without a modality: {path}: {error}"))
