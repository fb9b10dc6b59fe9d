"""The finetune command: what was asked for, fold by fold."""

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import torch

from affuse.data.errors import options_at_fault
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
from affuse.extract.encoding.choices import Machine
from affuse.extract.encoding.gemm_throughput import choose_dtype
from affuse.extract.finetune import adapters, backbone, finetuning_plan, tuning_settings
from affuse.extract.finetune.adapters import demand_accelerate
from affuse.extract.finetune.finetuning_plan import FinetuningPlan
from affuse.extract.finetune.tuning_settings import Tuning
from affuse.fuse import settings as stage_two
from affuse.fuse.inputs import omissions
from affuse.fuse.settings import Settings
from affuse.fuse.training.setting_resolution import unused


def finetune(say: Callable[[str], object], options: Finetune) -> Path:
    """Fine-tune the encoders of a design on the folds that were asked for.

    Args:
        say: told each line; of several processes, the first one's alone
        options: of the command line

    Returns:
        the folder of all folds

    Raises:
        AffuseError: if accelerate or peft is missing, or as
            `affuse.extract.finetune.fold_training.run`
    """
    demand_accelerate()
    from affuse.extract.finetune import fold_training  # which needs it

    first = int(os.environ.get("RANK", "0")) == 0  # as torchrun numbers processes
    told = say if first else _nothing
    corpus = corpus_reading.read_aloud(told, options)
    for line in corpus_checks.problem_lines(corpus.problems):
        told(line)
    made = prepare(corpus, options)
    torch.set_num_threads(made.threads)
    for sentence in unused([_settings(options)], [made.fusion]):
        told(sentence)
    told(f"fine-tuning {', '.join(made.backbones)} on {made.device} in {made.folder}")
    for sentence in omissions.sentences(made.aligned.left_out):
        told(sentence)
    for sentence in protocol_assumptions.sentences(made.division):
        told(sentence)
    for fold in made.folds:
        fold_training.run(made, fold, told, first=first, progress=True)
    for command in following(made, options):
        told(next_line(command))
    return made.folder


def following(made: FinetuningPlan, options: Finetune) -> Iterator[Command]:
    """Yield the commands that come next.

    Once every fold of the protocol is fine-tuned, `run` encodes the corpus with the
    encoders of each and trains. Before, the first fold that was asked for can be
    encoded, and the first one that is missing is fine-tuned in the same way.
    """
    run = FinetuningFolder(made.folder)
    missing = [name for name in made.every if not run.fold(name).mark.is_file()]
    if not missing:
        usual, settings = Settings(), made.settings
        rule = settings.out_of_range
        yield RunCommand.like(
            options,
            CorpusSource,
            ComputeOptions,
            finetuned=made.folder,
            designs=(made.fusion,),
            protocol=settings.protocol,
            folds=None if settings.folds == usual.folds else settings.folds,
            out_of_range=None if rule == usual.out_of_range else rule,
        )
        return
    place = made.folder / made.folds[0].name
    few = tuple(made.backbones) if len(made.backbones) == 1 else ()
    yield Extract.like(
        options,
        CorpusSource,
        modalities=few,
        **checkpoints({m: place / m for m in made.backbones}),
    )
    yield replace(options, fold=missing[0])


def prepare(corpus: Corpus, options: Finetune) -> FinetuningPlan:
    """The plan of the command line; what was not given is the experiment's."""
    machine = Machine.of(options)
    device = machine.device
    if device == "cuda" and "LOCAL_RANK" in os.environ:
        device = f"cuda:{os.environ['LOCAL_RANK']}"
    with options_at_fault():
        stage_two.find(options.experiment)
    tuned = _tuning(options, device)
    adapters.demand(tuned)
    return finetuning_plan.make(
        corpus,
        backbone.open_all(options.fusion, options, max_seconds=tuned.max_seconds),
        options,
        settings=_settings(options),
        tuning=tuned,
        device=device,
        threads=machine.threads,
    )


def _tuning(options: Finetune, device: str) -> Tuning:
    """Of the encoders: an experiment, then what the user changes."""
    dtype = options.dtype
    if dtype == "auto":  # a CPU gains too little by it to train with less precision
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
    """Of stage two: an experiment, then what the user changes."""
    settings = stage_two.load(options.experiment)
    named = {"protocol": options.protocol, "folds": options.folds}
    with options_at_fault():
        settings = stage_two.change(settings, {k: v for k, v in named.items() if v})
    return stage_two.override(settings, options.changes)


def _nothing(line: str) -> None:
    """What processes say beside the first one."""
