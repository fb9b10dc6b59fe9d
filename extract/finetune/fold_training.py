"""One fold, from its inputs to a finished folder; taken up again where it was left."""

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
from affuse.extract.finetune.backbone import Backbone, Encoders, fresh
from affuse.extract.finetune.finetuning_plan import FinetuningPlan
from affuse.extract.finetune.fold_inputs import FoldMaterial, Material
from affuse.extract.finetune.fold_remarks import remarks
from affuse.extract.finetune.trainer import FineTuner
from affuse.extract.finetune.training_log import Watch, course
from affuse.extract.finetune.training_task import FinetuningTask
from affuse.fuse.models.fitted import Fitted
from affuse.fuse.seeds import derived

BEGUN = Record({"content": Text(100)})
FINISHED = Record({"content": Text(100)}, others=Plain(depth=6, most=1_000_000))
STEP = Record({"global_step": Whole()}, others=Plain(depth=6, most=1_000_000))
FULL = ("not enough memory", "can't allocate memory", "out of memory")

Say = Callable[[str], object]


def run(
    plan: FinetuningPlan, fold: Fold, say: Say, *, first: bool, progress: bool
) -> None:
    """Fine-tune on one fold, unless that is done.

    Args:
        first: whether this process writes; others only compute
        progress: show a bar

    Raises:
        AffuseError: if another process is at it, the folder holds a training on other
            inputs, memory runs out, or the loss is not finite
    """
    tuned = FinetuningFolder(plan.folder)
    target, work = tuned.fold(fold.name).path, tuned.work(fold.name)
    needed = tuple(plan.backbones)
    found = fold_inputs.find(
        plan.corpus,
        plan.aligned,
        fold,
        needed,
        threads=plan.threads,
        progress=progress and first,
    )
    if (mark := tuned.fold(fold.name).mark).exists():
        finished = read_json(mark, FINISHED, advice=f"delete {target}")
        if finished["content"] != found.content:
            raise AffuseError(
                f"{target} was trained on other texts or recordings under the same "
                f"ids; choose another --output"
            )
        say(f"{fold.name}: {target} is finished; nothing was left to do")
        return
    lock = tuned.lock(fold.name)
    with claim(lock, wait=False) if first else contextlib.nullcontext(True) as mine:
        if not mine:
            raise AffuseError(
                f"another process fine-tunes {target}; wait for it, or name another "
                f"--fold"
            )
        with _memory(plan):
            _train(plan, found, target, work, say, first=first, progress=progress)


def _train(
    plan: FinetuningPlan,
    found: FoldMaterial,
    target: Path,
    work: UnfinishedFold,
    say: Say,
    *,
    first: bool,
    progress: bool,
) -> None:
    """As `run`, with the fold to itself."""
    name = found.fold.name
    backbones = {m: fresh(b) for m, b in plan.backbones.items()}
    material = fold_inputs.gather(
        found, plan.corpus, plan.aligned, backbones, threads=plan.threads
    )
    for line in remarks(material, longest=plan.tuning.max_seconds):
        say(f"{name}: {line}")
    seed = derived(plan.seed, name)
    module, head = _begin(plan, material, backbones, seed)
    state = _resumable(work, found.content)
    if state:
        say(f"{name}: goes on after {state.name}")
    elif first:
        shutil.rmtree(work.path, ignore_errors=True)
        content = json.dumps({"content": found.content}) + "\n"
        publish(work.identity, content.encode())
    say(f"{name}: validation ccc {head.score:.3f} behind frozen encoders")
    watch = Watch(work.log, name, say, progress=progress)
    trainer = FineTuner(_lesson(plan, module, material, work.path, seed), [watch])
    trainer.train(resume_from_checkpoint=str(state) if state else None)
    if module.averages:
        module.averages.adopt()
    best = _best(trainer)
    if first:
        said = _facts(plan, found, material, head, best)
        fold_publishing.save(target, work, module, plan, material, said)
        shutil.rmtree(work.path, ignore_errors=True)
    trainer.accelerator.wait_for_everyone()
    say(
        f"{name}: validation ccc {best['ccc']:.3f} after epoch {best['epoch']:g}, "
        f"{head.score:.3f} with frozen encoders; {target}"
    )


def _lesson(
    plan: FinetuningPlan,
    module: joint_system.Tuned,
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
    found: FoldMaterial,
    material: Material,
    head: Fitted,
    best: Mapping[str, float],
) -> dict[str, Any]:
    """Where a fold came from, and what it came to."""
    top = max(head.history, key=lambda epoch: epoch.score)
    frozen = dict(zip(material.targets, top.scores, strict=True))
    scores = {target: best[f"ccc_{target}"] for target in material.targets}
    return fold_publishing.facts(
        plan,
        material,
        fold=found.fold.name,
        content=found.content,
        before={**frozen, "mean": head.score},
        after={**scores, "mean": best["ccc"]},
        epoch=best["epoch"],
    )


def _begin(
    plan: FinetuningPlan,
    material: Material,
    backbones: Mapping[str, Backbone],
    seed: int,
) -> tuple[joint_system.Tuned, Fitted]:
    """What is trained, as it begins, and the head behind frozen encoders."""
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
    what: dict[str, Any] = {
        "fusion": plan.fusion,
        "settings": plan.settings,
        "seed": seed,
    }
    head = joint_system.behind(train, validation, **what)
    module = joint_system.build(
        encoders, train, head, head_first=plan.tuning.head_first, **what
    )
    if plan.checkpointing:
        for backbone in backbones.values():
            backbone.model.gradient_checkpointing_enable({"use_reentrant": False})
    return module.to(plan.device), head


def _best(trainer: FineTuner) -> dict[str, float]:
    """The epoch whose weights were kept: the first of the highest CCC."""
    return max(course(trainer.state.log_history), key=lambda row: row["ccc"])


def _resumable(work: UnfinishedFold, content: str) -> Path | None:
    """The newest state of an unfinished training; None if there is none that is whole.

    A state is written in the end of what belongs to it, so where it can be read all of
    it is there.

    Raises:
        AffuseError: if the training is of other inputs
    """
    if not work.identity.exists():
        return None
    begun = read_json(work.identity, BEGUN, advice=f"delete {work.path}")
    if begun["content"] != content:
        raise AffuseError(
            f"{work.path} is an unfinished training on other texts or recordings; "
            f"delete it, or choose another --output"
        )
    states = {}
    for path in work.states():
        with contextlib.suppress(OSError, DamagedFileError):
            found = read_json(path, STEP, advice="")
            states[found["global_step"]] = path.parent
    return states[max(states)] if states else None


@contextlib.contextmanager
def _memory(plan: FinetuningPlan) -> Iterator[None]:
    """What to change where there is not enough of it."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        full = isinstance(error, MemoryError | torch.OutOfMemoryError)
        if not full and not any(words in str(error) for words in FULL):
            raise
        raise AffuseError(
            f"memory ran out with {plan.size} utterances at once; repeat the command, "
            f"which goes on, with a smaller --batch (the gradient stays the same), "
            f"without --hold, with --checkpointing or --layers-trained, or a smaller "
            f"--max-seconds"
        ) from error
