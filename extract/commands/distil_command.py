"""Distillation command: teacher embeddings, training, and a Hugging Face folder."""

import json
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import torch

from affuse.data.errors import AffuseError, OptionError
from affuse.data.options.command_record import next_line
from affuse.data.options.distillation_options import Distil
from affuse.data.options.extraction_options import Extract, checkpoints
from affuse.data.runs.checkpoint_folder import CheckpointFolder
from affuse.data.system.atomic_files import claim, publish
from affuse.data.system.documents import read_json
from affuse.data.system.schema import Plain, Record, Text
from affuse.extract.distil import (
    distillation_loop,
    model_card,
    speech_student,
    text_student,
)
from affuse.extract.distil.distillation_loop import Schedule
from affuse.extract.distil.distillation_plan import DistillationPlan
from affuse.extract.distil.student_folder import StudentFolder
from affuse.extract.encoding.choices import Choice, Machine
from affuse.extract.encoding.encoder_loading import encoder_for_checkpoint, load
from affuse.extract.encoding.protocol import Encoder

MODALITIES: dict[str, ModuleType] = {"audio": speech_student, "text": text_student}
KIND = Record({"identity": Text(100)}, others=Plain())  # schema of the settings


def distil(say: Callable[[str], object], options: Distil) -> None:
    """Train a student with the options of the command line; see `plan` and `run`.

    Args:
        say: prints a line
        options: of the command line
    """
    run(plan(options, Machine.of(options)), say)


def run(plan: DistillationPlan, say: Callable[[str], object]) -> None:
    """Train a student, or resume an interrupted training.

    Args:
        plan: teacher, data, student and training
        say: prints a line

    Raises:
        AffuseError: if data or teacher cannot be used, or the output folder holds
            something else or is being filled
    """
    with claim(StudentFolder(plan.output).lock, wait=False) as is_free:
        if not is_free:
            raise AffuseError(
                f"another process distils into {plan.output}; wait for it, or choose "
                f"another --output"
            )
        _distil(plan, say)


def _distil(plan: DistillationPlan, say: Callable[[str], object]) -> None:
    """Train a student while this process holds the lock of the output folder."""
    module = MODALITIES[plan.teacher.modality]
    torch.set_num_threads(plan.machine.threads)
    corpus = module.find(plan.data)
    encoder = _teacher(plan)
    say(f"{len(corpus.utterances):,} inputs; the teacher encodes those not yet cached")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(plan.schedule.seed)
        task, recipes = module.make_task(plan, corpus, encoder, say)
    identity = plan.identity(recipes)
    if StudentFolder(plan.output).weights.exists():
        if _identity(plan.output) != identity:
            raise AffuseError(
                f"{plan.output} holds a model of another teacher, other data or other "
                f"settings; choose another --output"
            )
        say(f"{plan.output} is finished; nothing was left to do")
        say(next_line(next_command(plan)))
        return
    points = distillation_loop.train(
        task,
        plan.schedule,
        plan.output,
        identity=identity,
        progress=plan.machine.progress,
        say=say,
    )
    facts = model_card.Facts(
        plan=plan,
        teacher=encoder.checkpoint.name,
        inputs=len(corpus.utterances),
        parameters=sum(p.numel() for p in task.student.parameters()),
        points=points,
    )
    _save(plan, identity, task, module.files(task), facts)
    say(f"held-out cosine {points[-1].cosine:.3f} after {points[-1].step} steps")
    say(next_line(next_command(plan)))


def next_command(plan: DistillationPlan) -> Extract:
    """Return the command that encodes the demo corpus with the student.

    Args:
        plan: of the finished distillation
    """
    modality = plan.teacher.modality
    student = checkpoints({modality: plan.output})
    return Extract(corpus="demo", modalities=(modality,), cache=plan.cache, **student)


def _teacher(plan: DistillationPlan) -> Encoder:
    """Load the teacher.

    Raises:
        AffuseError: as `load`; an `OptionError` names the option of the layers
    """
    layers = plan.teacher.layers
    try:
        return load(plan.teacher, plan.machine)
    except OptionError as error:
        if layers == "last":
            raise
        raise OptionError(f"--teacher-layers {layers}: {error}") from error


def _identity(folder: Path) -> str:
    """Return the identity of the student in a folder; "" if its settings lack one."""
    try:
        settings = read_json(
            StudentFolder(folder).settings, KIND, advice="choose another --output"
        )
    except (OSError, AffuseError):
        return ""
    return str(settings["identity"])


def _save(
    plan: DistillationPlan,
    identity: str,
    task: Any,
    files: dict[str, bytes],
    facts: model_card.Facts,
) -> None:
    """Write the student as a Hugging Face folder, the weights (float16) last."""
    with tempfile.TemporaryDirectory() as folder:
        task.student.half().save_pretrained(folder)
        model = {path.name: path.read_bytes() for path in Path(folder).iterdir()}
    settings = {"identity": identity, **plan.settings()}
    described = {
        CheckpointFolder.card: model_card.text(facts).encode(),
        StudentFolder.history: model_card.history(facts.points).encode(),
        StudentFolder.settings: (json.dumps(settings, indent=1) + "\n").encode(),
    }
    weights = model.pop(StudentFolder.weights)
    last = {StudentFolder.weights: weights}
    for name, content in {**model, **files, **described, **last}.items():
        publish(plan.output / name, content)
    StudentFolder(plan.output).unfinished.unlink(missing_ok=True)


def plan(options: Distil, machine: Machine) -> DistillationPlan:
    """Return the plan for the options; those that are not set take the defaults.

    Args:
        options: of the command line
        machine: device and threads

    Raises:
        OptionError: if an option does not apply to the modality
    """
    modality = options.modality
    module = MODALITIES[modality]
    if modality == "audio" and options.vocabulary:
        raise OptionError("--vocabulary applies only to text students; leave it out")
    if modality == "text" and options.speeds:
        raise OptionError("--speeds applies only to speech students; leave it out")
    return DistillationPlan(
        teacher=Choice(
            modality,
            encoder=encoder_for_checkpoint(modality, options.teacher, options.revision),
            checkpoint=options.teacher,
            revision=options.revision,
            layers=options.teacher_layers,
            pooling=module.POOLING,
        ),
        data=options.data,
        output=options.output,
        size=replace(module.SIZE, **_size(options)),
        schedule=Schedule(
            steps=options.steps or module.STEPS,
            rate=module.RATE if options.rate is None else options.rate,
            seed=options.seed,
        ),
        batch=options.batch or module.BATCH,
        held_out=options.held_out,
        speeds=_numbers(options.speeds) if options.speeds else module.SPEEDS,
        cache=options.cache,
        machine=machine,
        credits=options.credits,
        licence=options.licence,
    )


def _size(options: Distil) -> dict[str, int]:
    """Return the sizes of the student that the options set, by name."""
    sizes = {
        "layers": options.layers,
        "width": options.width,
        "heads": options.heads,
        "vocabulary": options.vocabulary,
    }
    return {name: size for name, size in sizes.items() if size}


def _numbers(words: str) -> tuple[float, ...]:
    """Return the numbers in a text such as ``0.8,1,1.25``."""
    try:
        return tuple(float(word) for word in words.split(","))
    except ValueError as error:
        raise OptionError(
            f"--speeds {words}: write numbers, as in 0.8,1,1.25"
        ) from error
