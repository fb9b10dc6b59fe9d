"""Hugging Face Trainer with exact gradients of large batches, and CCC as its score.

The order of batches and dropout depend on seed, epoch and step, not on the state of a
generator. So an interrupted training that resumes has the same result.
"""

import math
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from transformers import EarlyStoppingCallback, PrinterCallback, Trainer

from affuse.data.errors import AffuseError
from affuse.extract.finetune.fold_inputs import collate, group_rows
from affuse.extract.finetune.gradient_accumulation import BatchShare, backward
from affuse.extract.finetune.training_task import (
    SCORE,
    FinetuningTask,
    arguments,
    groups,
)
from affuse.extract.finetune.weight_averaging import Averaging
from affuse.fuse import losses
from affuse.fuse.scoring.metrics import ccc
from affuse.fuse.settings import Settings
from affuse.fuse.training.grouped import batches

OPTIMIZERS = {"adamw": torch.optim.AdamW, "adam": torch.optim.Adam}


class Epochs:
    """Data loader of the row numbers of each batch, shuffled by seed and epoch.

    Args:
        rows: number of rows of the training part
        settings: with the batch size
        seed: of the order
    """

    def __init__(self, rows: int, settings: Settings, seed: int):
        self.dataset = range(rows)
        self._settings, self._seed, self._epoch = settings, seed, 0

    def set_epoch(self, epoch: int) -> None:
        """Set the epoch of the next pass, as the Trainer does.

        Args:
            epoch: counted from 0
        """
        self._epoch = epoch

    def __len__(self) -> int:
        return batches.batch_shape(len(self.dataset), self._settings)[0]

    def __iter__(self) -> Iterator[dict[str, Tensor]]:
        order = torch.Generator().manual_seed(self._seed * 1_000_003 + self._epoch)
        rows = torch.arange(len(self.dataset))
        for batch in batches.divide_into_batches(rows, self._settings, order):
            yield {"rows": batch}


class FineTuner(Trainer):
    """Trainer of a `JointModule` with the exact gradient of each batch.

    Args:
        task: module, data and settings
        callbacks: of the Trainer, besides early stopping and the EMA of the weights
    """

    def __init__(self, task: FinetuningTask, callbacks: Sequence[Any] = ()):
        patience = EarlyStoppingCallback(task.settings.patience)
        super().__init__(
            task.module,
            arguments(task),
            train_dataset=range(len(task.material.train)),
            eval_dataset=range(len(task.material.validation)),
            callbacks=[patience, *callbacks],
        )
        self.remove_callback(PrinterCallback)  # `EpochLogger` prints instead.
        self.task = task
        material, settings = task.material, task.settings
        self._epochs = Epochs(len(material.train), settings, task.seed)
        horizon = task.tuning.averaging * len(self._epochs)
        self.add_callback(Averaging(task.module, horizon))
        self._loss = losses.loss(settings.loss, mix=settings.mix)
        self._truth = material.train.truth.to(self.args.device)
        self._restored: list[float] = []  # of the batches since the last log
        least = min(len(material.train) // len(self._epochs), len(material.validation))
        if least < self.args.world_size:
            raise AffuseError(
                f"batches of {least} utterances cannot be shared by "
                f"{self.args.world_size} processes; start fewer of them"
            )

    def get_train_dataloader(self) -> Any:
        """Return the row numbers of all batches; `training_step` takes a share."""
        return self._epochs

    def create_optimizer(self, model: nn.Module | None = None) -> Any:
        """Create the optimiser, with a rate for each encoder and one for the rest.

        Args:
            model: ignored
        """
        chosen = self.task.settings
        self.optimizer: Any = OPTIMIZERS[chosen.optimizer](
            groups(self.task), weight_decay=chosen.weight_decay, fused=True
        )  # The fused kernel passes over the weights once, the default many times.
        return self.optimizer

    def training_step(
        self, model: nn.Module, inputs: dict[str, Tensor], *_: Any, **__: Any
    ) -> Tensor:
        """Compute the gradients of one batch, and return its loss over all processes.

        Args:
            model: to train
            inputs: row numbers of the batch

        Raises:
            AffuseError: if the loss is not finite
        """
        model.train()
        task, args = self.task, self.args
        part, backbones = task.material.train, task.module.encoders.backbones
        local = inputs["rows"].tolist()[args.process_index :: args.world_size]

        def predict(rows: Sequence[int]) -> tuple[Tensor, Tensor]:
            output: tuple[Tensor, Tensor] = model(
                collate(part, rows, backbones, args.device)
            )
            return output

        losses_of_batch = backward(
            predict,
            group_rows(part, local, backbones, size=task.size),
            self._truth,
            self._loss,
            weight=task.settings.reconstruction,
            seed=(task.seed, self.state.global_step),
            hold=task.hold and args.world_size == 1,
            share=self._share(model),
        )
        if not math.isfinite(losses_of_batch.total):
            raise AffuseError(
                f"the loss is not finite at step {self.state.global_step + 1}; take "
                f"smaller rates: --audio-rate, --text-rate, --set learning_rate=..."
            )
        self._restored.append(losses_of_batch.reconstruction)
        return torch.tensor(losses_of_batch.total, device=args.device)

    def log(self, logs: dict[str, float], *rest: Any) -> None:
        """Log values with the mean reconstruction loss since the last log.

        Args:
            logs: values by name
            rest: passed on to the Trainer
        """
        if "loss" in logs and self._restored:
            logs["reconstruction"] = sum(self._restored) / len(self._restored)
            self._restored = []
        super().log(logs, *rest)

    def _share(self, model: nn.Module) -> BatchShare:
        """Return rank and communication of this process."""
        if self.args.world_size == 1:
            return BatchShare()
        return BatchShare(
            self.args.process_index,
            self.args.world_size,
            self._gather,
            partial(self.accelerator.no_sync, model),
        )

    def _gather(self, rows: Tensor) -> list[Tensor]:
        """Return the rows of every process, by rank; their numbers may differ."""
        from accelerate.utils import gather_object

        by_rank = gather_object([rows.cpu()]) if self.args.world_size > 1 else [rows]
        return [x.to(rows.device) for x in by_rank]

    def evaluate(self, *_: Any, **__: Any) -> dict[str, float]:
        """Return and log the CCC of the validation part, by rating and their mean."""
        material = self.task.material
        with self.task.module.with_averages():
            predictions = self.predict_validation().double().cpu().numpy()
        truth = material.validation.truth.double().numpy()
        scores = {
            f"eval_ccc_{name}": ccc(truth[:, k], predictions[:, k])
            for k, name in enumerate(material.targets)
        }
        scores[SCORE] = sum(scores.values()) / len(scores)
        self.log(scores)
        self.control: Any = self.callback_handler.on_evaluate(
            self.args, self.state, self.control, scores
        )
        return scores

    @torch.no_grad()
    def predict_validation(self) -> Tensor:
        """Return the predictions of the validation part, (rows, targets).

        All processes share the work, and each gets all predictions.
        """
        task, args = self.task, self.args
        task.module.eval()
        part, backbones = task.material.validation, task.module.encoders.backbones
        local = range(len(part))[args.process_index :: args.world_size]
        order, predictions = group_rows(part, local, backbones, size=task.size), []
        for rows in order:
            inputs = collate(part, rows, backbones, args.device)
            predictions.append(task.module(inputs)[0].float())
        places = torch.tensor([row for rows in order for row in rows])
        gathered = torch.cat(self._gather(torch.cat(predictions)))
        return gathered[torch.cat(self._gather(places)).argsort().to(gathered.device)]
