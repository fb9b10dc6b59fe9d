"""Fine-tuning command: plans from the options and trains fold by fold."""

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import torch

from affuse.data.errors import as_option_errors
from affuse.data.options.command_record import Command, next_line
from affuse.data.options.extraction_options import Extract, checkpoints
from affuse.data.options.finetuning_options import Finetune
from affuse.data.options.pipeline_options import RunCommand
from affuse.data.options.shared_options import ComputeOptions
from affuse.data.options.source_options import CorpusSource
from affuse.data.reading import corpus_checks, corpus_reading
from affuse.data.records import Corpus
from affuse.data.runs.finetuning_folder import FinetuningFolder
from affuse.data.splits import protocol_assumptions
from affuse.data.system.work_log import log_work
from affuse.extract.encoding.choices import Machine
from affuse.extract.encoding.gemm_throughput import choose_dtype
from affuse.extract.finetune import adapters, backbone, finetuning_plan, tuning_settings
from affuse.extract.finetune.adapters import demand_accelerate
from affuse.extract.finetune.finetuning_plan import FinetuningPlan
from affuse.extract.finetune.tuning_settings import Tuning
from affuse.fuse import experiment_files
from affuse.fuse import settings as stage_two
from affuse.fuse.inputs import omissions
from affuse.fuse.settings import Settings
from affuse.fuse.training.setting_resolution import unused_setting_notes


def finetune(say: Callable[[str], object], options: Finetune) -> Path:
    """Fine-tune the encoders of a design on the chosen folds.

    Args:
        say: prints a line; called only in the first of several processes
        options: of the command line

    Returns:
        the folder of all folds

    Raises:
        AffuseError: if accelerate or peft is missing, or as
            `affuse.extract.finetune.fold_training.run`
    """
    demand_accelerate()
    from affuse.extract.finetune import fold_training  # This module needs accelerate.

    is_first = int(os.environ.get("RANK", "0")) == 0  # set by torchrun
    report = say if is_first else _discard
    corpus = corpus_reading.read_and_describe(report, options)
    for line in corpus_checks.problem_lines(corpus.problems):
        report(line)
    plan, machine = prepare(corpus, options), Machine.of(options)
    torch.set_num_threads(plan.threads)
    for sentence in unused_setting_notes([_settings(options)], [plan.fusion]):
        report(sentence)
    report(f"fine-tuning {', '.join(plan.backbones)} on {plan.device} in {plan.folder}")
    for sentence in omissions.sentences(plan.aligned.left_out):
        report(sentence)
    for sentence in protocol_assumptions.sentences(plan.division):
        report(sentence)
    output = FinetuningFolder(plan.folder)
    with log_work("finetune", device=machine.device_name, unit="folds") as clock:
        for fold in plan.folds:
            is_missing = is_first and not output.fold(fold.name).mark.is_file()
            if is_missing:
                clock.begin(output.steps)  # so that it is known if this is killed
            fold_training.run(plan, fold, report, first=is_first, progress=True)
            clock.count(output.steps, int(is_missing))
    for command in next_commands(plan, options):
        report(next_line(command))
    return plan.folder


def next_commands(plan: FinetuningPlan, options: Finetune) -> Iterator[Command]:
    """Yield the commands that come next.

    If every fold of the protocol is fine-tuned, the next command is `run`, which
    encodes the corpus with the encoders of each fold and trains. Otherwise, the first
    chosen fold can be encoded, and the first missing fold is fine-tuned next.

    Args:
        plan: of the folds that are fine-tuned
        options: of the command line
    """
    run = FinetuningFolder(plan.folder)
    missing = [name for name in plan.fold_names if not run.fold(name).mark.is_file()]
    if not missing:
        usual, settings = Settings(), plan.settings
        rule = settings.out_of_range
        yield RunCommand.from_command(
            options,
            CorpusSource,
            ComputeOptions,
            finetuned=plan.folder,
            designs=(plan.fusion,),
            protocol=settings.protocol,
            folds=None if settings.folds == usual.folds else settings.folds,
            out_of_range=None if rule == usual.out_of_range else rule,
        )
        return
    folder = plan.folder / plan.folds[0].name
    modalities = tuple(plan.backbones) if len(plan.backbones) == 1 else ()
    yield Extract.from_command(
        options,
        CorpusSource,
        modalities=modalities,
        **checkpoints({m: folder / m for m in plan.backbones}),
    )
    yield replace(options, fold=missing[0])


def prepare(corpus: Corpus, options: Finetune) -> FinetuningPlan:
    """Return the plan for the options; the experiment sets those that are absent.

    Args:
        corpus: as its reader returned it
        options: of the command line

    Raises:
        AffuseError: if the options contradict each other or do not fit the corpus
    """
    machine = Machine.of(options)
    device = machine.device
    if device == "cuda" and "LOCAL_RANK" in os.environ:
        device = f"cuda:{os.environ['LOCAL_RANK']}"
    with as_option_errors():
        experiment_files.find(options.experiment)
    tuning = _tuning(options, device)
    adapters.demand(tuning)
    return finetuning_plan.make(
        corpus,
        backbone.open_all(options.fusion, options, max_seconds=tuning.max_seconds),
        options,
        settings=_settings(options),
        tuning=tuning,
        device=device,
        threads=machine.threads,
    )


def _tuning(options: Finetune, device: str) -> Tuning:
    """Return the settings of the encoders: the experiment's, changed by options."""
    dtype = options.dtype
    if dtype == "auto":  # On a CPU, lower precision gains too little speed.
        cuda = device.startswith("cuda")
        dtype = choose_dtype(dtype, device) if cuda else "float32"
    changes = {
        "audio_rate": options.audio_rate,
        "text_rate": options.text_rate,
        "warmup": options.warmup,
        "layers_trained": options.layers_trained,
        "convolutions": options.convolutions,
        "max_seconds": options.max_seconds,
        "adapters": options.adapters,
        "averaging": options.averaging,
        "dtype": dtype,
    }
    return tuning_settings.load(options.experiment, changes)


def _settings(options: Finetune) -> Settings:
    """Return the settings of stage two: the experiment's, changed by options."""
    settings = experiment_files.load(options.experiment)
    division = {"protocol": options.protocol, "folds": options.folds}
    with as_option_errors():
        settings = stage_two.change(settings, {k: v for k, v in division.items() if v})
    return stage_two.override(settings, options.changes)


def _discard(line: str) -> None:
    """Ignore a line, as all processes but the first one do."""
