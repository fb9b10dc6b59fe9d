"""Training task of one fold: parameter groups and arguments of the Trainer."""

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from torch import nn
from transformers import TrainingArguments

from affuse.extract.finetune.fold_inputs import Material
from affuse.extract.finetune.joint_system import JointModule
from affuse.extract.finetune.tuning_settings import SCHEDULES, Tuning
from affuse.fuse.settings import Settings

SCORE = "eval_ccc"  # mean CCC over ratings, which selects the best checkpoint


@dataclass(frozen=True)
class FinetuningTask:
    """Module, data and settings of one training."""

    module: JointModule
    material: Material
    settings: Settings
    tuning: Tuning
    seed: int
    size: int  # number of utterances in a pass through the encoders
    hold: bool  # True to keep the activations of a batch, not compute them twice
    device: str
    work: Path  # folder of an unfinished training


def groups(task: FinetuningTask) -> list[dict[str, Any]]:
    """Return the trained parameters in groups by learning rate and weight decay.

    Weight decay applies only to matrices.

    Args:
        task: with the module and its settings
    """
    module, parameter_groups = task.module, []
    parts: list[tuple[nn.Module, float]] = [
        (model, getattr(task.tuning, f"{modality}_rate"))
        for modality, model in module.encoders.models.items()
    ]
    parts.append((module.system, task.settings.learning_rate))
    for part, rate in parts:
        trained = [p for p in part.parameters() if p.requires_grad]
        matrices = [p for p in trained if p.ndim > 1]
        vectors = [p for p in trained if p.ndim < 2]
        if matrices:
            parameter_groups.append({"params": matrices, "lr": rate})
        if vectors:
            group = {"params": vectors, "lr": rate, "weight_decay": 0.0}
            parameter_groups.append(group)
    return parameter_groups


def arguments(task: FinetuningTask) -> TrainingArguments:
    """Return the arguments of the Trainer, which evaluates and saves every epoch.

    Args:
        task: with the settings
    """
    settings, tuning = task.settings, task.tuning
    training_arguments = TrainingArguments(
        output_dir=str(task.work.resolve()),
        num_train_epochs=settings.epochs,
        learning_rate=settings.learning_rate,
        lr_scheduler_type=SCHEDULES[tuning.schedule],
        warmup_steps=tuning.warmup,
        max_grad_norm=tuning.clip,
        seed=task.seed,
        use_cpu=task.device == "cpu",
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
        ddp_broadcast_buffers=False,  # The EMA is equal in every process.
        disable_tqdm=True,
        report_to="tensorboard" if find_spec("tensorboard") else "none",
    )
    # With several GPUs, torchrun starts a process for each. In a single process, the
    # Trainer would divide the batch by rows, so it uses only one GPU.
    training_arguments._n_gpu = min(1, training_arguments.n_gpu)
    return training_arguments
