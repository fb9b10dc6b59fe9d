"""The Hugging Face Trainer, told how a batch is divided and how it is scored.

Order and dropout follow from seed, epoch and step, not from the state of a generator,
so a training that was killed and taken up again is the one that was not.
"""

import math
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from transformers import EarlyStoppingCallback, PrinterCallback, Trainer

from affuse.data.errors import AffuseError
from affuse.extract.finetune.fold_inputs import collate, together
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
    """Row numbers of each batch, in an order that follows from seed and epoch."""

    def __init__(self, rows: int, settings: Settings, seed: int):
        self.dataset = range(rows)
        self._settings, self._seed, self._epoch = settings, seed, 0

    def set_epoch(self, epoch: int) -> None:
        """Of the next pass; the Trainer calls it."""
        self._epoch = epoch

    def __len__(self) -> int:
        return batches.shape(len(self.dataset), self._settings)[0]

    def __iter__(self) -> Iterator[dict[str, Tensor]]:
        order = torch.Generator().manual_seed(self._seed * 1_000_003 + self._epoch)
        rows = torch.arange(len(self.dataset))
        for found in batches.divide(rows, self._settings, order):
            yield {"rows": found}


class FineTuner(Trainer):
    """Trains `Tuned` with the exact gradient of whole batches."""

    def __init__(self, lesson: FinetuningTask, callbacks: Sequence[Any] = ()):
        patience = EarlyStoppingCallback(lesson.settings.patience)
        super().__init__(
            lesson.module,
            arguments(lesson),
            train_dataset=range(len(lesson.material.train)),
            eval_dataset=range(len(lesson.material.validation)),
            callbacks=[patience, *callbacks],
        )
        self.remove_callback(PrinterCallback)  # `Watch` says it
        self.lesson = lesson
        material, settings = lesson.material, lesson.settings
        self._epochs = Epochs(len(material.train), settings, lesson.seed)
        horizon = lesson.tuning.averaging * len(self._epochs)
        self.add_callback(Averaging(lesson.module, horizon))
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
        """All processes see all row numbers, and each takes its share of them."""
        return self._epochs

    def create_optimizer(self, model: nn.Module | None = None) -> Any:
        """A rate for each encoder, and one for the rest."""
        chosen = self.lesson.settings
        self.optimizer: Any = OPTIMIZERS[chosen.optimizer](
            groups(self.lesson), weight_decay=chosen.weight_decay, fused=True
        )  # one pass over the weights; the default makes many
        return self.optimizer

    def training_step(
        self, model: nn.Module, inputs: dict[str, Tensor], *_: Any, **__: Any
    ) -> Tensor:
        """Gradients of one whole batch; its loss, over all processes."""
        model.train()
        lesson, args = self.lesson, self.args
        part, backbones = lesson.material.train, lesson.module.encoders.backbones
        own = inputs["rows"].tolist()[args.process_index :: args.world_size]

        def predict(rows: Sequence[int]) -> tuple[Tensor, Tensor]:
            found: tuple[Tensor, Tensor] = model(
                collate(part, rows, backbones, args.device)
            )
            return found

        lost = backward(
            predict,
            together(part, own, backbones, size=lesson.size),
            self._truth,
            self._loss,
            weight=lesson.settings.reconstruction,
            seed=(lesson.seed, self.state.global_step),
            hold=lesson.hold and args.world_size == 1,
            share=self._share(model),
        )
        if not math.isfinite(lost.total):
            raise AffuseError(
                f"the loss is not finite at step {self.state.global_step + 1}; take "
                f"smaller rates: --audio-rate, --text-rate, --set learning_rate=..."
            )
        self._restored.append(lost.reconstruction)
        return torch.tensor(lost.total, device=args.device)

    def log(self, logs: dict[str, float], *rest: Any) -> None:
        """With the mean reconstruction loss, where it was trained."""
        if "loss" in logs and self._restored:
            logs["reconstruction"] = sum(self._restored) / len(self._restored)
            self._restored = []
        super().log(logs, *rest)

    def _share(self, model: nn.Module) -> BatchShare:
        if self.args.world_size == 1:
            return BatchShare()
        return BatchShare(
            self.args.process_index,
            self.args.world_size,
            self._gather,
            partial(self.accelerator.no_sync, model),
        )

    def _gather(self, rows: Tensor) -> list[Tensor]:
        """Rows of every process, by rank; they may differ in number."""
        from accelerate.utils import gather_object

        found = gather_object([rows.cpu()]) if self.args.world_size > 1 else [rows]
        return [x.to(rows.device) for x in found]

    def evaluate(self, *_: Any, **__: Any) -> dict[str, float]:
        """The CCC of the whole validation part, by rating and in the mean."""
        material = self.lesson.material
        with self.lesson.module.scored():
            said = self.predicted().double().cpu().numpy()
        truth = material.validation.truth.double().numpy()
        found = {
            f"eval_ccc_{name}": ccc(truth[:, k], said[:, k])
            for k, name in enumerate(material.targets)
        }
        found[SCORE] = sum(found.values()) / len(found)
        self.log(found)
        self.control: Any = self.callback_handler.on_evaluate(
            self.args, self.state, self.control, found
        )
        return found

    @torch.no_grad()
    def predicted(self) -> Tensor:
        """(validation rows, targets), of all processes together."""
        lesson, args = self.lesson, self.args
        lesson.module.eval()
        part, backbones = lesson.material.validation, lesson.module.encoders.backbones
        own = range(len(part))[args.process_index :: args.world_size]
        order, said = together(part, own, backbones, size=lesson.size), []
        for rows in order:
            inputs = collate(part, rows, backbones, args.device)
            said.append(lesson.module(inputs)[0].float())
        places = torch.tensor([row for rows in order for row in rows])
        everyone = torch.cat(self._gather(torch.cat(said)))
        return everyone[torch.cat(self._gather(places)).argsort().to(everyone.device)]
