"""The finetune command: what was asked for, fold by fold."""

import os
from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import torch

from affuse.data.command_lines import (
    Command,
    Extract,
    Reading,
    RunCommand,
    next_line,
)
from affuse.data.errors import options_at_fault
from affuse.data.finetune_line import Finetune
from affuse.data.reading import corpus_checks, corpus_reading
from affuse.data.records import Corpus
from affuse.data.runs.finetuning_folder import FinetuningFolder
from affuse.data.splits import protocol_assumptions
from affuse.extract.encoding.choices import Machine
from affuse.extract.encoding.gemm_throughput import choose_dtype
from affuse.extract.finetune import adapters, backbone, finetuning_plan, tuning_settings
from affuse.extract.finetune.adapters import demand_accelerate
from affuse.extract.finetune.finetuning_plan import FinetuningPlan
from affuse.fuse import settings as stage_two
from affuse.fuse.inputs import omissions
from affuse.fuse.settings import Settings
from affuse.fuse.training.setting_resolution import unused

TUNING = (
    *("audio_rate", "text_rate", "warmup", "layers_trained", "convolutions"),
    *("max_seconds", "adapters", "averaging"),
)


def finetune(say: Callable[[str], object], **found: Any) -> Path:
    """Fine-tune the encoders of a design on the folds that were asked for.

    Args:
        say: told each line; of several processes, the first one's alone
        found: the options of the command line, by name

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
    corpus = corpus_reading.read_aloud(told, **found)
    for line in corpus_checks.problem_lines(corpus.problems):
        told(line)
    made = prepare(corpus, found)
    torch.set_num_threads(made.threads)
    for sentence in unused([_settings(found)], [made.fusion]):
        told(sentence)
    told(f"fine-tuning {', '.join(made.backbones)} on {made.device} in {made.folder}")
    for sentence in omissions.sentences(made.aligned.left_out):
        told(sentence)
    for sentence in protocol_assumptions.sentences(made.division):
        told(sentence)
    for fold in made.folds:
        fold_training.run(made, fold, told, first=first, progress=True)
    for command in following(made, found):
        told(next_line(command))
    return made.folder


def following(made: FinetuningPlan, found: dict[str, Any]) -> Iterator[Command]:
    """Yield the commands that come next.

    Once every fold of the protocol is fine-tuned, `run` encodes the corpus with the
    encoders of each and trains. Before, the first fold that was asked for can be
    encoded, and the first one that is missing is fine-tuned in the same way.
    """
    corpus = {each.name: found.get(each.name) for each in fields(Reading)}
    run = FinetuningFolder(made.folder)
    missing = [name for name in made.every if not run.fold(name).mark.is_file()]
    if not missing:
        usual, settings = Settings(), made.settings
        rule = settings.out_of_range
        yield RunCommand.of(
            {**found, **corpus},
            finetuned=made.folder,
            designs=(made.fusion,),
            protocol=settings.protocol,
            folds=None if settings.folds == usual.folds else settings.folds,
            out_of_range=None if rule == usual.out_of_range else rule,
        )
        return
    place = made.folder / made.folds[0].name
    encoders = {f"{m}_checkpoint": str(place / m) for m in made.backbones}
    few = tuple(made.backbones) if len(made.backbones) == 1 else ()
    yield Extract.of({**corpus, **encoders, "modalities": few})
    yield Finetune.of({**found, **corpus}, fold=missing[0])


def prepare(corpus: Corpus, found: dict[str, Any]) -> FinetuningPlan:
    """The plan of the command line; what was not given is the experiment's."""
    machine = Machine.of(found["device"], threads=found["threads"])
    device = machine.device
    if device == "cuda" and "LOCAL_RANK" in os.environ:
        device = f"cuda:{os.environ['LOCAL_RANK']}"
    dtype = found["dtype"]
    if dtype == "auto":  # a CPU gains too little by it to train with less precision
        cuda = device.startswith("cuda")
        dtype = choose_dtype(dtype, device) if cuda else "float32"
    with options_at_fault():
        stage_two.find(found["experiment"])
    changes = {name: found[name] for name in TUNING}
    tuned = tuning_settings.load(found["experiment"], {**changes, "dtype": dtype})
    adapters.demand(tuned)
    return finetuning_plan.make(
        corpus,
        backbone.open_all(found["fusion"], found, max_seconds=tuned.max_seconds),
        fusion=found["fusion"],
        fold=found["fold"],
        settings=_settings(found),
        tuning=tuned,
        seed=found["seed"],
        output=found["output"],
        size=found["batch"],
        hold=found["hold"],
        checkpointing=found["checkpointing"],
        device=device,
        threads=machine.threads,
    )


def _settings(found: dict[str, Any]) -> Settings:
    """Of stage two: an experiment, then what the user changes."""
    settings = stage_two.load(found["experiment"])
    named = {k: found[k] for k in ("protocol", "folds") if found[k]}
    with options_at_fault():
        settings = stage_two.change(settings, named)
    return stage_two.override(settings, found["changes"])


def _nothing(line: str) -> None:
    """What processes say beside the first one."""
