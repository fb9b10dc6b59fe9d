"""What is trained on what, and as torch and the Trainer take it."""

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from torch import nn
from transformers import TrainingArguments

from affuse.extract.finetune.fold_inputs import Material
from affuse.extract.finetune.joint_system import Tuned
from affuse.extract.finetune.tuning_settings import SCHEDULES, Tuning
from affuse.fuse.settings import Settings

SCORE = "eval_ccc"  # the mean over ratings, which decides


@dataclass(frozen=True)
class FinetuningTask:
    """What is trained, on what, and how."""

    module: Tuned
    material: Material
    settings: Settings
    tuning: Tuning
    seed: int
    size: int  # utterances that go through the encoders at once
    hold: bool  # hold all activations of a batch, rather than compute them twice
    device: str
    work: Path  # folder of an unfinished training


def groups(lesson: FinetuningTask) -> list[dict[str, Any]]:
    """Parameters that are trained, with their rates; matrices alone decay."""
    module, found = lesson.module, []
    parts: list[tuple[nn.Module, float]] = [
        (model, getattr(lesson.tuning, f"{modality}_rate"))
        for modality, model in module.encoders.models.items()
    ]
    parts.append((module.system, lesson.settings.learning_rate))
    for part, rate in parts:
        trained = [p for p in part.parameters() if p.requires_grad]
        matrices = [p for p in trained if p.ndim > 1]
        vectors = [p for p in trained if p.ndim < 2]
        if matrices:
            found.append({"params": matrices, "lr": rate})
        if vectors:
            found.append({"params": vectors, "lr": rate, "weight_decay": 0.0})
    return found


def arguments(lesson: FinetuningTask) -> TrainingArguments:
    """Of the Trainer: one look at the validation part, and one state, an epoch."""
    settings, tuning = lesson.settings, lesson.tuning
    found = TrainingArguments(
        output_dir=str(lesson.work.resolve()),
        num_train_epochs=settings.epochs,
        learning_rate=settings.learning_rate,
        lr_scheduler_type=SCHEDULES[tuning.schedule],
        warmup_steps=tuning.warmup,
        max_grad_norm=tuning.clip,
        seed=lesson.seed,
        use_cpu=lesson.device == "cpu",
        eval_strategy="epoch",
        save_strategy="epoch",
        logging_strategy="epoch",
        save_total_limit=1,
        load_best_model_at_end=True,
        metric_for_best_model=SCORE,
        greater_is_better=True,
        restore_callback_states_from_checkpoint=True,
        logging_nan_inf_filter=False,
        remove_unused_columns=False,
        ddp_broadcast_buffers=False,  # averages: every process has the same
        disable_tqdm=True,
        report_to="tensorboard" if find_spec("tensorboard") else "none",
    )
    # several GPUs in one process would be divided by rows; torchrun gives each its own
    found._n_gpu = min(1, found.n_gpu)
    return found
