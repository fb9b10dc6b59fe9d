"""Random training task of the benchmark: encoders with random weights, and noise.

Recordings and texts have lengths as in IEMOCAP. Both are drawn independently, so a long
text may belong to a short recording.
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
from affuse.extract.finetune.backbone import NO_RANDOMNESS, Backbone, Encoders
from affuse.extract.finetune.fold_inputs import FEWEST_UTTERANCES, FoldPart, Material
from affuse.extract.finetune.trainable_modalities import modalities_to_train
from affuse.extract.finetune.training_task import FinetuningTask
from affuse.extract.finetune.tuning_settings import Tuning
from affuse.fuse import experiment_files
from affuse.fuse.losses import SMALLEST_BATCH
from affuse.fuse.settings import Settings

EXPERIMENT = "finetune"  # default experiment of the command `finetune`
MODELS = {  # encoders of `affuse.extract.bench.random_models`, by modality
    "large12": {"audio": "large12", "text": "base"},
    "large24": {"audio": "large24", "text": "base"},
    "base": {"audio": "base", "text": "base"},
    "small": {"audio": "small", "text": "small"},
    "tiny": {"audio": "tiny", "text": "tiny"},
}


@dataclass(frozen=True)
class TaskSize:
    """Model, data and training that are measured."""

    model: str  # name in MODELS
    fusion: str
    batch: int  # number of utterances in a pass through the encoders
    loss_batch: int  # number of utterances in the data, and in a step of `finetune`
    steps: int  # number of timed steps
    dtype: str  # of the computation in encoders
    hold: bool  # True to hold the activations of a batch
    checkpointing: bool
    layers_trained: int  # number of top blocks; -1 for all but the convolutions
    seed: int

    def __post_init__(self) -> None:
        if self.model not in MODELS:
            raise AffuseError(f"--model {self.model}: take {', '.join(MODELS)}")

    @property
    def tuning(self) -> Tuning:
        """Return the settings of the default experiment with this precision."""
        changes = {"dtype": self.dtype, "layers_trained": self.layers_trained}
        return tuning_settings.load(EXPERIMENT, changes)

    @property
    def settings(self) -> Settings:
        """Return the settings of stage two, with one batch per epoch.

        There is an epoch for each timed step, and one before for the warm-up.
        """
        default = experiment_files.load(EXPERIMENT)
        batch = max(self.loss_batch, SMALLEST_BATCH)  # Fewer rows are one batch too.
        return replace(default, batch=batch, epochs=self.steps + 1)


def make_task(size: TaskSize, device: str, work: Path) -> FinetuningTask:
    """Return the training task, which is equal in every call.

    Args:
        size: model, data and training
        device: torch device
        work: an empty folder for files of the Trainer

    Raises:
        AffuseError: if the model has fewer blocks than are to be trained
    """
    encoders = backbones(size)
    train = utterances(size)
    material = Material(train, _first(train, FEWEST_UTTERANCES["validation"]), RATINGS)
    module = _module(size, encoders, train, device)
    if size.checkpointing:
        for backbone in encoders.values():
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
    """Return the configurations of the encoders of the design, by modality.

    Args:
        size: with model and design
    """
    needed = modalities_to_train(size.fusion)
    kinds: dict[str, Any] = {
        "audio": lambda name: Wav2Vec2Config(**SPEECH[name], **NO_RANDOMNESS),
        "text": lambda name: DistilBertConfig(**TEXT[name]),
    }
    chosen = MODELS[size.model]
    return {m: kinds[m](name) for m, name in chosen.items() if m in needed}


def backbones(size: TaskSize) -> dict[str, Backbone]:
    """Return the encoders with random weights, by modality.

    Args:
        size: with model, design and number of trained blocks
    """
    kinds: dict[str, Any] = {"audio": Wav2Vec2Model, "text": DistilBertModel}
    encoders = {}
    for modality, config in configurations(size).items():
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(size.seed)
            model = kinds[modality](config)
        name = f"random {MODELS[size.model][modality]}"
        encoders[modality] = Backbone(
            modality,
            Checkpoint(model, name, "", f"seed {size.seed}"),
            folder=Path(),  # The model has no files.
            prepare=lambda source: source,
            frames=partial(encoder_flops.frames, config)
            if modality == "audio"
            else None,
        )
        trained = size.layers_trained
        encoders[modality].freeze(layers_trained=trained, convolutions=False)
    return encoders


def utterances(size: TaskSize) -> FoldPart:
    """Return the utterances of a batch, with random inputs and ratings.

    Recordings are truncated as in fine-tuning.

    Args:
        size: with the number of utterances
    """
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
    """Return the operations (FLOP) of a forward and a backward pass of the encoders.

    Padding and the second forward pass are excluded, and so is the head, which is
    small.

    Args:
        size: with the model and the number of trained blocks
        part: with the utterances
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


def _first(part: FoldPart, count: int) -> FoldPart:
    """Return the first utterances of a part."""
    inputs = {m: x[:count] for m, x in part.inputs.items()}
    return FoldPart(part.utterances[:count], inputs, part.truth[:count])


def _module(
    size: TaskSize, models: Mapping[str, Backbone], train: FoldPart, device: str
) -> joint_system.JointModule:
    """Return the joint module with a random head, scaled to a few utterances."""
    encoders = Encoders(models, dtype=size.dtype).to(device)
    sample = _first(train, FEWEST_UTTERANCES["train"])
    features = joint_system.embed(encoders, sample, size=size.batch, device=device)
    module = joint_system.build(
        encoders,
        joint_system.rows(sample, features, RATINGS),
        None,
        fusion=size.fusion,
        settings=size.settings,
        seed=size.seed,
        head_first=False,
    )
    return module.to(device)
