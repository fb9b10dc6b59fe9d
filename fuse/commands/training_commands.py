"""Commands train, sweep, predict and ablate, with the selection of their inputs."""

import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from affuse.data.errors import OptionError, as_option_errors
from affuse.data.options.command_record import next_line
from affuse.data.options.option_fields import SCREEN
from affuse.data.options.prediction_options import Predict
from affuse.data.options.report_options import Report
from affuse.data.options.training_options import Sweep, Train
from affuse.data.splits import protocol_assumptions
from affuse.fuse import experiment_files
from affuse.fuse import settings as stage_two
from affuse.fuse.calibration.applying import calibrated_columns
from affuse.fuse.commands import corpus_testing, prediction_table
from affuse.fuse.commands.cache_remarks import (
    common_choice,
    demand_layers,
    introduce,
)
from affuse.fuse.commands.computing_device import compute
from affuse.fuse.commands.design_training import run_all
from affuse.fuse.commands.requested_designs import (
    expand_designs,
    needed_modalities,
    with_files,
)
from affuse.fuse.commands.sweep_command import sweep as search
from affuse.fuse.inputs import omissions
from affuse.fuse.inputs.feature_choice import FeatureChoice
from affuse.fuse.inputs.joint_selection import select_for_run, select_training_set
from affuse.fuse.linting.linter import check_plans
from affuse.fuse.models.design_files import use_run_files
from affuse.fuse.models.trainable.design_registry import find_trainable
from affuse.fuse.scoring.failure_notes import unrated_sentences
from affuse.fuse.settings import Settings
from affuse.fuse.sweep.search_space import candidates
from affuse.fuse.trained import layer_weight_files, prediction
from affuse.fuse.training import finetuned_heads
from affuse.fuse.training import run_plan as plans
from affuse.fuse.training.alignment import alignment_summary, protocol_decisions
from affuse.fuse.training.parameter_budget import InputSizes, match_all_designs
from affuse.fuse.training.setting_resolution import unused_setting_notes
from affuse.fuse.training.training_request import TrainingData, TrainingSetup
from affuse.fuse.wording import count

Say = Callable[[str], object]

log = logging.getLogger(__name__)


def train(say: Say, options: Train) -> dict[str, Path]:
    """Train all requested designs on the selected caches.

    Args:
        say: prints a line
        options: of the command line

    Returns:
        the run folder of each design
    """
    options = with_files(options)
    device = compute(options)
    settings = _settings(options)
    heads = finetuned_heads.choose_heads(settings, options)
    settings = heads.settings if heads else settings
    choice = FeatureChoice.of(settings)
    needed = needed_modalities(options.designs)
    sources = select_training_set(options, needed, choice)
    introduce(say, sources, choice)
    if heads:
        say(f"using the heads of {options.finetuned}, with all their settings")
    head = any(c.recipe.head for c in sources.embeddings.values())
    demand_layers([settings], sources.embeddings)
    corpus_testing.demand_test_corpora(options, sources)
    names = expand_designs(options.designs, list(sources.embeddings), head=head)
    sized = match_all_designs(
        [name for name in names if find_trainable(name).has_settings],
        InputSizes.of(sources.corpus, sources.embeddings),
        settings,
        parameters=options.match_parameters,
        say=say,
    )
    setup = TrainingSetup(
        settings=settings,
        settings_by_design=sized,
        seeds=range(options.seed, options.seed + options.seeds),
        runs=options.runs,
        device=device,
        label=Path(options.experiment).stem,
        allow=options.allow,
    )
    data = TrainingData(sources.corpus, sources.embeddings, sources.fold_embeddings)
    folders = run_all(data, names, setup, heads=heads, say=say)
    decisions = (s for folder in folders for s in protocol_decisions(folder))
    for sentence in dict.fromkeys(decisions):
        say(sentence)
    for fusion, folder in zip(names, folders, strict=True):
        say(f"{fusion}: {folder}; {alignment_summary(folder)}")
        if words := layer_weight_files.describe(folder):
            say(f"{fusion}: mean weights of layers: {words}")
    trained = dict(zip(names, folders, strict=True))
    corpus_testing.predict_test_corpora(options, trained, sources, device, say)
    say(next_line(Report(runs=options.runs)))
    return trained


def sweep(say: Say, options: Sweep) -> None:
    """Evaluate settings of all requested designs, on validation parts only.

    Args:
        say: prints a line
        options: of the command line
    """
    options = with_files(options)
    fixed = [n for n in options.designs if not find_trainable(n).has_settings]
    if fixed:
        raise OptionError(
            f"{fixed[0]} has no settings to search; name a design, or all"
        )
    device = compute(options)
    tried = candidates(
        _settings(options),
        grid=options.grid,
        space=options.space,
        draws=options.random,
        seed=options.search_seed,
    )
    choice = common_choice(tried)
    needed = needed_modalities(options.designs)
    sources = select_training_set(options, needed, choice)
    introduce(say, sources, choice)
    demand_layers(tried, sources.embeddings)
    data = TrainingData(sources.corpus, sources.embeddings, sources.fold_embeddings)
    requested = expand_designs(options.designs, list(sources.embeddings), head=False)
    names = [
        name for name in requested if find_trainable(name).has_settings
    ]  # of "all", some
    for sentence in unused_setting_notes(tried, names):
        log.warning("%s", sentence)
    for fusion in names:
        plan = plans.plan_run(
            data,
            fusion=fusion,
            settings=tried[0],
            runs=options.runs,
            device=device,
            label="",
        )
        if data.aligned is None:
            for sentence in omissions.sentences(plan.common.left_out):
                say(sentence)
            for sentence in omissions.wordless_sentences(plan.without_words):
                say(sentence)
            for sentence in protocol_assumptions.sentences(plan.division):
                say(sentence)
        data = replace(data, aligned=plan.aligned)
        check_plans([plan], sources.corpus, sources.embeddings, allow=options.allow)
        seeds = range(options.seed, options.seed + options.seeds)
        search(say, plan, tried, seeds=seeds, options=options)


def predict(say: Say, options: Predict) -> None:
    """Write the predictions of a run's models for cached utterances, one row each.

    Args:
        say: prints a line, which is left out if the table is printed
        options: of the command line
    """
    use_run_files(options.run, options.design_files)
    device = compute(options)
    sources = select_for_run(options, prediction.recipes(options.run))
    applied = prediction.predict(
        options.run,
        sources.embeddings,
        fold_embeddings=sources.fold_embeddings,
        device=device,
    )
    for present, number in applied.partial.items():
        log.warning("%d utterances are predicted from %s alone", number, present)
    for sentence in omissions.sentences(applied.left_out):
        others = omissions.runs_without(sources.embeddings)
        log.warning("%s; predict them with %s", sentence, others)
    empty = omissions.count_wordless(sources.embeddings, applied.ids)
    for sentence in omissions.wordless_sentences(empty):
        log.warning("%s", sentence)
    for sentence in unrated_sentences(applied.by_model, applied.targets):
        log.warning("%s", sentence)
    more = calibrated_columns(options.run, applied) if options.calibrated else {}
    context = prediction_table.gather(options.run, applied, sources, options.cache)
    with options.open_output() as output:
        prediction_table.write(output, applied, context, more)
    if options.output != SCREEN:
        total = count(len(sources.corpus.utterances), "utterance")
        say(f"{options.output}: predictions of {len(applied.ids):,} of {total}")


def _settings(options: Train | Sweep) -> Settings:
    """Return the defaults, changed by the experiment, by --set, and by options."""
    experiment = options.experiment
    with as_option_errors():
        path = experiment_files.find(experiment) if experiment else None
    settings = experiment_files.load(path) if path else Settings()
    settings = stage_two.override(settings, options.changes)
    named = {
        "protocol": options.protocol,
        "folds": options.folds,
        "reduce": options.reduce,
        "out_of_range": options.out_of_range,
    }
    with as_option_errors():
        return stage_two.change(settings, {n: v for n, v in named.items() if v})
