"""The train, sweep and predict commands: choose caches and settings, then work."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TextIO

from affuse.data.cache import cache_selection
from affuse.data.cache.store import Embeddings
from affuse.data.command_lines import Ablate, Predict, Report, next_line
from affuse.data.errors import OptionError, options_at_fault
from affuse.data.splits import protocol_assumptions
from affuse.data.system.device_names import choose
from affuse.fuse import settings as options
from affuse.fuse.calibration.applying import columns
from affuse.fuse.commands import prediction_table
from affuse.fuse.commands.design_training import run_all
from affuse.fuse.commands.requested_designs import designs, needs
from affuse.fuse.commands.sweep_command import sweep as search
from affuse.fuse.inputs import input_selection, omissions
from affuse.fuse.inputs.input_selection import Sources
from affuse.fuse.linting.linter import check_plans
from affuse.fuse.models.trainable.design_registry import trainable
from affuse.fuse.robustness import ablation
from affuse.fuse.scoring.failure_notes import unrated
from affuse.fuse.settings import Settings
from affuse.fuse.sweep.search_space import candidates
from affuse.fuse.trained import layer_weight_files, prediction
from affuse.fuse.training import finetuned_heads
from affuse.fuse.training import run_plan as plans
from affuse.fuse.training.alignment import decisions
from affuse.fuse.training.parameter_budget import InputSizes, match_all
from affuse.fuse.training.run_description import summary
from affuse.fuse.training.setting_resolution import unused
from affuse.fuse.training.training_request import TrainingData, TrainingSetup

Say = Callable[[str], object]

log = logging.getLogger(__name__)


def train(say: Say, **found: Any) -> dict[str, Path]:
    """Train every design that was asked for on the one choice of caches.

    Args:
        say: told each line
        found: the options of the command line, by name

    Returns:
        the run folder of each design
    """
    device = compute(found)
    settings = _settings(found)
    own = finetuned_heads.chosen(settings, found)
    settings = own.settings if own else settings
    given = input_selection.find(found, needs(found["designs"]))
    _introduce(say, given)
    if own:
        say(f"and the heads of {found['finetuned']}, with all settings of theirs")
    head = any(c.recipe.head for c in given.embeddings.values())
    _demand_layers([settings], given.embeddings)
    wanted = designs(found["designs"], list(given.embeddings), head=head)
    sized = match_all(
        [name for name in wanted if trainable(name).has_settings],
        InputSizes.of(given.corpus, given.embeddings),
        settings,
        parameters=found["match_parameters"],
        say=say,
    )
    setup = TrainingSetup(
        settings=settings,
        sized=sized,
        seeds=range(found["seed"], found["seed"] + found["seeds"]),
        runs=found["runs"],
        device=device,
        label=Path(found["experiment"]).stem,
        allow=found["allow"],
    )
    data = TrainingData(given.corpus, given.embeddings, given.own)
    folders = run_all(data, wanted, setup, heads=own)
    for sentence in dict.fromkeys(s for folder in folders for s in decisions(folder)):
        say(sentence)
    for fusion, folder in zip(wanted, folders, strict=True):
        say(f"{fusion}: {folder}; {summary(folder)}")
        if words := layer_weight_files.describe(folder):
            say(f"{fusion}: mean weights of layers: {words}")
    say(next_line(Report(runs=found["runs"])))
    return dict(zip(wanted, folders, strict=True))


def _demand_layers(
    tried: Sequence[Settings], embeddings: Mapping[str, Embeddings]
) -> None:
    """Refuse to weigh layers where there is only one of each modality."""
    weighted = any(settings.layers == "weighted" for settings in tried)
    if weighted and all(len(c.recipe.layers) == 1 for c in embeddings.values()):
        raise OptionError(
            "layers='weighted' needs a cache of several layers, and these hold one "
            "each; extract again with --layers all"
        )


def sweep(say: Say, **found: Any) -> None:
    """Search settings of every design that was asked for, on validation parts alone.

    Args:
        say: told each line
        found: the options of the command line, by name
    """
    asked = [name for name in found["designs"] if name != "all"]
    if fixed := [name for name in asked if not trainable(name).has_settings]:
        raise OptionError(
            f"{fixed[0]} has no settings to search; name a design, or all"
        )
    device = compute(found)
    tried = candidates(
        _settings(found),
        grid=found["grid"],
        space=found["space"],
        draws=found["random"],
        seed=found["search_seed"],
    )
    given = input_selection.find(found, needs(found["designs"]))
    _introduce(say, given)
    _demand_layers(tried, given.embeddings)
    data = TrainingData(given.corpus, given.embeddings, given.own)
    known = designs(found["designs"], list(given.embeddings), head=False)
    wanted = [name for name in known if trainable(name).has_settings]  # of "all", some
    for sentence in unused(tried, wanted):
        log.warning("%s", sentence)
    for fusion in wanted:
        plan = plans.make(
            data,
            fusion=fusion,
            settings=tried[0],
            runs=found["runs"],
            device=device,
            label="",
        )
        if data.aligned is None:
            for sentence in omissions.sentences(plan.common.left_out):
                say(sentence)
            for sentence in omissions.wordless_sentences(plan.wordless):
                say(sentence)
            for sentence in protocol_assumptions.sentences(plan.division):
                say(sentence)
        data = replace(data, aligned=plan.aligned)
        check_plans([plan], given.corpus, given.embeddings, allow=found["allow"])
        seeds = range(found["seed"], found["seed"] + found["seeds"])
        search(say, plan, tried, seeds=seeds, sweeps=found["sweeps"], found=found)


def _introduce(say: Say, given: Sources) -> None:
    """What is trained on."""
    if given.corpus.shortfall:
        say(f"corpus '{given.corpus.name}' is not complete: {given.corpus.shortfall}")
    for cache in given.caches.values():
        say(f"using {cache_selection.describe(cache)}")
    if given.own:
        say(f"and so for each of {len(given.own)} folds, with encoders of its own")


def predict(run_folder: Path, output: TextIO, **found: Any) -> None:
    """Write what the models of a run say of cached utterances, one row each."""
    device = compute(found)
    again = Predict.of(found, run=run_folder, output=_file(output))
    given = input_selection.alike(found, prediction.recipes(run_folder), again)
    applied = prediction.apply(
        run_folder, given.embeddings, own=given.own, device=device
    )
    for there, count in applied.partial.items():
        log.warning("%d utterances are predicted from %s alone", count, there)
    for sentence in omissions.sentences(applied.left_out):
        log.warning(
            "%s; a run that was trained with --set modality_dropout=0.3 predicts them",
            sentence,
        )
    empty = omissions.wordless(given.embeddings, applied.ids)
    for sentence in omissions.wordless_sentences(empty):
        log.warning("%s", sentence)
    for sentence in unrated(applied.said, applied.targets):
        log.warning("%s", sentence)
    more = columns(run_folder, applied) if found["calibrated"] else {}
    context = prediction_table.gather(run_folder, applied, given, found["cache"])
    prediction_table.write(output, applied, context, more)


def _file(output: TextIO) -> str:
    """Return the file that is written, as it was typed; "-" for the screen."""
    name = str(getattr(output, "name", "-"))
    return "-" if name.startswith("<") else name


def ablate(say: Say, run_folder: Path, *, seed: int, **found: Any) -> None:
    """Say what each modality contributes to a run."""
    device = compute(found)
    recipes = prediction.recipes(run_folder)
    any_ = next(r for each in recipes.values() for r in each.values())
    found["corpus"] = found["corpus"] or any_.corpus
    again = Ablate.of(found, run=run_folder, seed=seed)
    given = input_selection.alike(found, recipes, again)
    done = ablation.ablate(
        run_folder, given.embeddings, own=given.own, seed=seed, device=device
    )
    for line in done.lines():
        say(line)


def compute(found: Mapping[str, Any]) -> str:
    """Set the threads and choose the device."""
    import torch

    if found["threads"]:
        torch.set_num_threads(found["threads"])
    cards = torch.cuda.device_count() if torch.cuda.is_available() else 0
    return choose(str(found["device"]), cards=cards)


def _settings(found: Mapping[str, Any]) -> Settings:
    """Defaults, changed by the experiment, then by --set, then by options."""
    experiment = found["experiment"]
    with options_at_fault():
        path = options.find(experiment) if experiment else None
    settings = options.load(path) if path else Settings()
    settings = options.override(settings, found["changes"])
    names = ("protocol", "folds", "reduce", "out_of_range")
    with options_at_fault():
        return options.change(settings, {n: found[n] for n in names if found[n]})
