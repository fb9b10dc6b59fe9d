"""What is trained: encoders of random weights, on noise of the lengths of utterances.

Recordings have IEMOCAP's lengths, and so have texts, but each without the other's: a
long text may come with a short recording.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from transformers import (
    DistilBertConfig,
    DistilBertModel,
    Wav2Vec2Config,
    Wav2Vec2Model,
)

from affuse.data.errors import AffuseError
from affuse.data.rating_scales import RATINGS
from affuse.data.records import Utterance
from affuse.extract.audio.decoding import SAMPLE_RATE
from affuse.extract.audio.waveform_standardisation import standardise
from affuse.extract.bench import encoder_flops, random_inputs
from affuse.extract.bench.random_models import SPEECH, TEXT
from affuse.extract.checkpoints.checkpoint_files import Checkpoint
from affuse.extract.finetune import joint_system, tuning_settings
from affuse.extract.finetune.backbone import PLAIN, Backbone, Encoders
from affuse.extract.finetune.fold_inputs import LEAST, FoldPart, Material
from affuse.extract.finetune.trainable_modalities import trainable
from affuse.extract.finetune.training_task import FinetuningTask
from affuse.extract.finetune.tuning_settings import Tuning
from affuse.fuse import settings as stage_two
from affuse.fuse.losses import SMALLEST_BATCH
from affuse.fuse.settings import Settings

EXPERIMENT = "finetune"  # whose settings the command takes, unless told otherwise
MODELS = {  # encoders of `affuse.extract.bench.random_models`, by modality
    "large12": {"audio": "large12", "text": "base"},
    "large24": {"audio": "large24", "text": "base"},
    "base": {"audio": "base", "text": "base"},
    "small": {"audio": "small", "text": "small"},
    "tiny": {"audio": "tiny", "text": "tiny"},
}


@dataclass(frozen=True)
class TaskSize:
    """What is measured."""

    model: str  # of MODELS
    fusion: str
    batch: int  # utterances that go through the encoders at once
    loss_batch: int  # utterances of the loss of a step of ours, which are all
    steps: int  # that are timed
    dtype: str  # of the encoders' arithmetic
    hold: bool  # hold the activations of a whole batch
    checkpointing: bool
    layers_trained: int  # highest blocks; -1 for everything but the convolutions
    seed: int

    def __post_init__(self) -> None:
        if self.model not in MODELS:
            raise AffuseError(f"--model {self.model}: take {', '.join(MODELS)}")

    @property
    def tuning(self) -> Tuning:
        """Of the command's own experiment, with what was chosen here."""
        changes = {"dtype": self.dtype, "layers_trained": self.layers_trained}
        return tuning_settings.load(EXPERIMENT, changes)

    @property
    def settings(self) -> Settings:
        """Likewise; as many epochs of one batch as there are steps, and one before."""
        usual = stage_two.load(EXPERIMENT)
        batch = max(self.loss_batch, SMALLEST_BATCH)  # fewer rows make one batch too
        return replace(usual, batch=batch, epochs=self.steps + 1)


def lesson(size: TaskSize, device: str, work: Path) -> FinetuningTask:
    """Encoders, head and utterances, the same each time.

    Args:
        work: an empty folder, for what the Trainer may write

    Raises:
        AffuseError: if more blocks are to be trained than there are
    """
    found = backbones(size)
    train = utterances(size)
    material = Material(train, _few(train, LEAST["validation"]), RATINGS)
    module = _module(size, found, train, device)
    if size.checkpointing:
        for backbone in found.values():
            backbone.model.gradient_checkpointing_enable({"use_reentrant": False})
    return FinetuningTask(
        module=module,
        material=material,
        settings=size.settings,
        tuning=size.tuning,
        seed=size.seed,
        size=size.batch,
        hold=size.hold,
        device=device,
        work=work,
    )


def configurations(size: TaskSize) -> dict[str, Any]:
    """Of the encoders that the design takes, by modality."""
    needed = trainable(size.fusion)
    kinds: dict[str, Any] = {
        "audio": lambda name: Wav2Vec2Config(**SPEECH[name], **PLAIN),
        "text": lambda name: DistilBertConfig(**TEXT[name]),
    }
    chosen = MODELS[size.model]
    return {m: kinds[m](name) for m, name in chosen.items() if m in needed}


def backbones(size: TaskSize) -> dict[str, Backbone]:
    """Encoders of random weights, frozen as was asked."""
    kinds: dict[str, Any] = {"audio": Wav2Vec2Model, "text": DistilBertModel}
    found = {}
    for modality, config in configurations(size).items():
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(size.seed)
            model = kinds[modality](config)
        name = f"random {MODELS[size.model][modality]}"
        found[modality] = Backbone(
            modality,
            Checkpoint(model, name, "", f"seed {size.seed}"),
            folder=Path(),  # there are no files
            prepare=lambda made: made,
            frames=partial(encoder_flops.frames, config)
            if modality == "audio"
            else None,
        )
        found[modality].freeze(layers_trained=size.layers_trained, convolutions=False)
    return found


def utterances(size: TaskSize) -> FoldPart:
    """As many as the loss has, of random ratings; recordings are cut as usual."""
    count, seed, inputs = size.loss_batch, size.seed, {}
    for modality, config in configurations(size).items():
        if modality == "audio":
            longest = int(size.tuning.max_seconds * SAMPLE_RATE)
            waves = random_inputs.waves(count, seed)
            inputs[modality] = tuple(standardise(x[:longest]) for x in waves)
        else:
            inputs[modality] = tuple(
                random_inputs.tokens(count, config.vocab_size, seed)
            )
    order = torch.Generator().manual_seed(seed)
    truth = torch.rand(count, len(RATINGS), generator=order) * 2 - 1
    return FoldPart(tuple(Utterance(f"u{i}") for i in range(count)), inputs, truth)


def operations(size: TaskSize, part: FoldPart) -> float:
    """Of the encoders for these utterances, once forward and once back.

    No padding counts, and no second pass; the head is too small to count.
    """
    total, trained = 0.0, size.layers_trained
    for modality, config in configurations(size).items():
        for length in map(len, part.inputs[modality]):
            if modality == "audio":
                total += encoder_flops.speech(config, length)
                total += encoder_flops.speech_gradient(config, length, trained)
            else:
                total += encoder_flops.text(config, length)
                total += encoder_flops.text_gradient(config, length, trained)
    return total


def _few(part: FoldPart, count: int) -> FoldPart:
    inputs = {m: x[:count] for m, x in part.inputs.items()}
    return FoldPart(part.utterances[:count], inputs, part.truth[:count])


def _module(
    size: TaskSize, found: Mapping[str, Backbone], train: FoldPart, device: str
) -> joint_system.Tuned:
    """With a head of random weights; a few utterances give the scale."""
    encoders = Encoders(found, dtype=size.dtype).to(device)
    few = _few(train, LEAST["train"])
    features = joint_system.embed(encoders, few, size=size.batch, device=device)
    made = joint_system.build(
        encoders,
        joint_system.rows(few, features, RATINGS),
        None,
        fusion=size.fusion,
        settings=size.settings,
        seed=size.seed,
        head_first=False,
    )
    return made.to(device)
