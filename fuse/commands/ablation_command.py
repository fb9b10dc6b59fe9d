"""Command ablate: the CCC of a run with modalities removed and permuted.

`affuse.fuse.commands.cached_facts` measures the same for every fusion design of a page.
"""

from collections.abc import Callable
from dataclasses import replace

from affuse.data.options.run_options import Ablate
from affuse.fuse.commands.computing_device import compute
from affuse.fuse.inputs.joint_selection import select_for_run
from affuse.fuse.models.design_files import use_run_files
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
