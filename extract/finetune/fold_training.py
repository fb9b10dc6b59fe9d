"""Fine-tuning on one fold, from its inputs to the finished folder, with resuming."""

import contextlib
import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import torch

from affuse.data.errors import AffuseError, DamagedFileError
from affuse.data.runs.finetuning_folder import FinetuningFolder, UnfinishedFold
from affuse.data.splits.protocols import Fold
from affuse.data.system.atomic_files import claim, publish
from affuse.data.system.documents import read_json
from affuse.data.system.schema import Plain, Record, Text, Whole
from affuse.extract.finetune import adapters, fold_inputs, fold_publishing, joint_system
from affuse.extract.finetune.backbone import Backbone, Encoders, load_weights
from affuse.extract.finetune.finetuning_plan import FinetuningPlan
from affuse.extract.finetune.fold_inputs import FoldMaterial, Material
from affuse.extract.finetune.fold_remarks import remarks
from affuse.extract.finetune.trainer import FineTuner
from affuse.extract.finetune.training_log import EpochLogger, epoch_rows
from affuse.extract.finetune.training_task import FinetuningTask
from affuse.fuse.models.fitted import Fitted
from affuse.fuse.seeds import derive_seed

IDENTITY = Record({"content": Text(100)})
RECORD = Record({"content": Text(100)}, others=Plain(depth=6, most=1_000_000))
STEP = Record({"global_step": Whole()}, others=Plain(depth=6, most=1_000_000))
MEMORY_MESSAGES = ("not enough memory", "can't allocate memory", "out of memory")

Say = Callable[[str], object]


def run(
    plan: FinetuningPlan, fold: Fold, say: Say, *, first: bool, progress: bool
) -> None:
    """Train on one fold, unless it is finished; resume an interrupted training.

    Args:
        plan: of the fine-tuning
        fold: to train and validate on
        say: prints a line
        first: True in the process that writes files; False in all others
        progress: True to show a progress bar

    Raises:
        AffuseError: if another process trains on this fold, the folder has a training
            on other inputs, memory runs out, or the loss is not finite
    """
    output = FinetuningFolder(plan.folder)
    target, work = output.fold(fold.name).path, output.work(fold.name)
    sources = fold_inputs.find(
        plan.corpus,
        plan.aligned,
        fold,
        tuple(plan.backbones),
        threads=plan.threads,
        progress=progress and first,
    )
    if (mark := output.fold(fold.name).mark).exists():
        finished = read_json(mark, RECORD, advice=f"delete {target}")
        if finished["content"] != sources.content:
            raise AffuseError(
                f"{target} was trained on other texts or recordings under the same "
                f"ids; choose another --output"
            )
        say(f"{fold.name}: {target} is finished; nothing was left to do")
        return
    lock = output.lock(fold.name)
    with claim(lock, wait=False) if first else contextlib.nullcontext(True) as is_free:
        if not is_free:
            raise AffuseError(
                f"another process fine-tunes {target}; wait for it, or name another "
                f"--fold"
            )
        with _explain_lack_of_memory(plan):
            _train(plan, sources, target, work, say, first=first, progress=progress)


def _train(
    plan: FinetuningPlan,
    sources: FoldMaterial,
    target: Path,
    work: UnfinishedFold,
    say: Say,
    *,
    first: bool,
    progress: bool,
) -> None:
    """Train on a fold while this process holds its lock."""
    name = sources.fold.name
    backbones = {m: load_weights(b) for m, b in plan.backbones.items()}
    material = fold_inputs.gather(
        sources, plan.corpus, plan.aligned, backbones, threads=plan.threads
    )
    for line in remarks(material, longest=plan.tuning.max_seconds):
        say(f"{name}: {line}")
    seed = derive_seed(plan.seed, name)
    module, head = _begin(plan, material, backbones, seed)
    state = _newest_state(work, sources.content)
    if state:
        say(f"{name}: resumes after {state.name}")
    elif first:
        shutil.rmtree(work.path, ignore_errors=True)
        content = json.dumps({"content": sources.content}) + "\n"
        publish(work.identity, content.encode())
    say(f"{name}: validation ccc {head.score:.3f} behind frozen encoders")
    watch = EpochLogger(work.log, name, say, progress=progress)
    trainer = FineTuner(_make_task(plan, module, material, work.path, seed), [watch])
    trainer.train(resume_from_checkpoint=str(state) if state else None)
    if module.averages:
        module.averages.adopt()
    best = _best(trainer)
    if first:
        record = _facts(plan, sources, material, head, best)
        fold_publishing.save(target, work, module, plan, material, record)
        shutil.rmtree(work.path, ignore_errors=True)
    trainer.accelerator.wait_for_everyone()
    say(
        f"{name}: validation ccc {best['ccc']:.3f} after epoch {best['epoch']:g}, "
        f"{head.score:.3f} with frozen encoders; {target}"
    )


def _make_task(
    plan: FinetuningPlan,
    module: joint_system.JointModule,
    material: Material,
    work: Path,
    seed: int,
) -> FinetuningTask:
    return FinetuningTask(
        module=module,
        material=material,
        settings=plan.settings,
        tuning=plan.tuning,
        seed=seed,
        size=plan.size,
        hold=plan.hold,
        device=plan.device,
        work=work,
    )


def _facts(
    plan: FinetuningPlan,
    sources: FoldMaterial,
    material: Material,
    head: Fitted,
    best: Mapping[str, float],
) -> dict[str, Any]:
    """Return the record of a fold: its provenance and its scores."""
    top = max(head.history, key=lambda epoch: epoch.score)
    frozen = dict(zip(material.targets, top.scores, strict=True))
    scores = {target: best[f"ccc_{target}"] for target in material.targets}
    return fold_publishing.facts(
        plan,
        material,
        fold=sources.fold.name,
        content=sources.content,
        before={**frozen, "mean": head.score},
        after={**scores, "mean": best["ccc"]},
        epoch=best["epoch"],
    )


def _begin(
    plan: FinetuningPlan,
    material: Material,
    backbones: Mapping[str, Backbone],
    seed: int,
) -> tuple[joint_system.JointModule, Fitted]:
    """Return the module to train, and the fitted head behind frozen encoders."""
    for backbone in backbones.values():
        backbone.freeze(
            layers_trained=plan.tuning.layers_trained,
            convolutions=plan.tuning.convolutions,
        )
    if plan.tuning.adapters:
        backbones = adapters.add(backbones, plan.tuning, seed=seed)
    encoders = Encoders(backbones, dtype=plan.tuning.dtype).to(plan.device)
    train, validation = (
        joint_system.rows(
            part,
            joint_system.embed(encoders, part, size=plan.size, device=plan.device),
            material.targets,
        )
        for part in (material.train, material.validation)
    )
    design: dict[str, Any] = {"fusion": plan.fusion, "settings": plan.settings}
    head = joint_system.fit_head(train, validation, seed=seed, **design)
    module = joint_system.build(
        encoders, train, head, head_first=plan.tuning.head_first, seed=seed, **design
    )
    if plan.checkpointing:
        for backbone in backbones.values():
            backbone.model.gradient_checkpointing_enable({"use_reentrant": False})
    return module.to(plan.device), head


def _best(trainer: FineTuner) -> dict[str, float]:
    """Return the log of the epoch of the best checkpoint, the first one on ties."""
    return max(epoch_rows(trainer.state.log_history), key=lambda row: row["ccc"])


def _newest_state(work: UnfinishedFold, content: str) -> Path | None:
    """Return the newest complete state of an unfinished training; None if none exists.

    The Trainer writes the state file last, so a readable one marks a complete state.

    Raises:
        AffuseError: if the training has other inputs
    """
    if not work.identity.exists():
        return None
    begun = read_json(work.identity, IDENTITY, advice=f"delete {work.path}")
    if begun["content"] != content:
        raise AffuseError(
            f"{work.path} is an unfinished training on other texts or recordings; "
            f"delete it, or choose another --output"
        )
    states = {}
    for path in work.states():
        with contextlib.suppress(OSError, DamagedFileError):
            state = read_json(path, STEP, advice="")
            states[state["global_step"]] = path.parent
    return states[max(states)] if states else None


@contextlib.contextmanager
def _explain_lack_of_memory(plan: FinetuningPlan) -> Iterator[None]:
    """Raise an error that says what to change, if memory runs out in the context."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        full = isinstance(error, MemoryError | torch.OutOfMemoryError)
        if not full and not any(words in str(error) for words in MEMORY_MESSAGES):
            raise
        raise AffuseError(
            f"memory ran out with {plan.size} utterances at once; repeat the command "
            f"to resume, with a smaller --batch (the gradient stays the same), without "
            f"--hold, with --checkpointing or --layers-trained, or with a smaller "
            f"--max-seconds"
        ) from error
