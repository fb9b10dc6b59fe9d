"""Trainable pretrained encoder, with padding, masking and pooling of its batches.

Padding must not change the mean over frames or tokens, so only encoders that ignore
masked samples get padded batches: text encoders, and speech encoders whose convolutions
normalise each frame separately. The base models of Wav2Vec2 and its family normalise
over time. For them, and for Data2Vec, only inputs of equal length share a batch.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from affuse.data import plugin_kinds, plugins
from affuse.data.errors import AffuseError, OptionError
from affuse.data.modality import modality_named
from affuse.data.options.extraction_options import CheckpointChoice
from affuse.extract.audio import decoder_pool
from affuse.extract.audio.sample_digest import fingerprint
from affuse.extract.caching.encoder_inputs import InputSource
from affuse.extract.checkpoints import checkpoint_files
from affuse.extract.checkpoints.checkpoint_files import TINY, UNUSED, Checkpoint, Origin
from affuse.extract.encoders.wav2vec2 import Encoder as SpeechEncoder
from affuse.extract.encoding.choices import Choice, Machine, per_modality
from affuse.extract.encoding.encoder_loading import encoder_for_checkpoint, load
from affuse.extract.finetune.trainable_modalities import modalities_to_train
from affuse.extract.networks.hidden_layers import blocks

# Model types that set padding to zero wherever it would affect other frames.
MASKABLE_TYPES = ("wav2vec2", "hubert", "wavlm")
# Model types that may add a frame of zeros, which would change the mean.
UNTRAINABLE_TYPES = ("sew", "sew-d")
# Randomness other than dropout is switched off: layers that are dropped get no
# gradient, which fails on several GPUs, and SpecAugment fails on short speech.
NO_RANDOMNESS = {"layerdrop": 0.0, "apply_spec_augment": False}


@dataclass(frozen=True)
class EncoderInput:
    """Input of one utterance for the training of an encoder."""

    values: np.ndarray  # (samples,) float32 or (tokens,) int64
    cut: bool  # True if only the beginning of a longer utterance is used
    digests: tuple[str, ...] = ()  # of the input, and of its decoded samples


@dataclass(frozen=True)
class Backbone:
    """Trainable encoder, with the functions that prepare its inputs."""

    modality: str
    checkpoint: Checkpoint  # its weights are loaded by `load_weights`
    folder: Path  # of the checkpoint
    prepare: Callable[[Any], Any]  # see `affuse.extract.encoding.protocol.Encoder`
    frames: Callable[[int], int] | None = None  # by number of samples; None for tokens
    adapters: Any = None  # peft model, if adapters are trained instead of the weights

    @property
    def model(self) -> Any:
        """Return the transformers model."""
        return self.checkpoint.model

    @property
    def needs_equal_lengths(self) -> bool:
        """Return True if only inputs of equal length may share a batch."""
        config = self.model.config
        return self.modality == "audio" and not (
            config.model_type in MASKABLE_TYPES
            and config.feat_extract_norm == "layer"
            and not getattr(config, "conv_pos_batch_norm", False)
            and not getattr(config, "add_adapter", False)
        )

    def input(self, source: InputSource, *, longest: float) -> EncoderInput:
        """Return the input of one utterance; of a long one, only its beginning.

        Raises:
            affuse.extract.audio.decoding.Unusable: if the input cannot be encoded
        """
        u, digests = source.utterance, [source.content]
        value: Any = u.text or ""
        if self.modality != "text":
            assert u.audio is not None  # all others were left out by `encoder_inputs`
            value = decoder_pool.load(
                u.audio, u.span, longest=longest, channel=u.channel
            ).samples
            digests.append(fingerprint(value))  # The next step may change it.
        ready = self.prepare(value)
        # Truncation is the only note that `prepare` makes.
        return EncoderInput(ready.blocks[0], bool(ready.notes), tuple(digests))

    def collate(self, inputs: Sequence[np.ndarray]) -> dict[str, Tensor]:
        """Return inputs as one padded tensor (n, longest), with a mask if necessary.

        Raises:
            AffuseError: if the lengths differ, and the encoder does not support masks
        """
        lengths = [len(x) for x in inputs]
        longest = max(lengths)
        if min(lengths) == longest:
            return {self._name: torch.from_numpy(np.stack(inputs))}
        if self.needs_equal_lengths:
            raise AffuseError("these inputs must have equal lengths to share a batch")
        pad = 0 if self.frames else (self.model.config.pad_token_id or 0)
        rows = [np.pad(x, (0, longest - len(x)), constant_values=pad) for x in inputs]
        mask = torch.arange(longest) < torch.tensor(lengths)[:, None]
        return {
            self._name: torch.from_numpy(np.stack(rows)),
            "attention_mask": mask.long(),
        }

    @property
    def _name(self) -> str:
        return "input_values" if self.frames else "input_ids"

    def pool(self, hidden: Tensor, mask: Tensor | None) -> Tensor:
        """Return the mean over frames or tokens without padding, (n, dim), float32.

        Args:
            hidden: (n, steps, dim)
            mask: (n, inputs) of samples or tokens; None if nothing is padded
        """
        hidden = hidden.float()
        if mask is None:
            return hidden.mean(dim=1)
        counts = mask.sum(dim=1)
        if self.frames:
            counts = torch.tensor([self.frames(n) for n in counts.tolist()])
        steps = torch.arange(hidden.shape[1], device=hidden.device)
        counts = counts.to(hidden.device)[:, None]
        is_input = (steps < counts)[..., None]
        return hidden.where(is_input, 0.0).sum(dim=1) / counts

    def freeze(self, *, layers_trained: int, convolutions: bool) -> None:
        """Freeze all weights that are not to be trained.

        Args:
            layers_trained: highest blocks to train, with the norm above; -1 for all
            convolutions: True to train the convolutions before the blocks too

        Raises:
            OptionError: if the model has fewer blocks
        """
        stack = blocks(self.model)
        count = self.model.config.num_hidden_layers
        if stack is None or layers_trained > count:
            raise OptionError(
                f"checkpoint {self.checkpoint.name!r} has {count} blocks; take "
                f"--layers-trained 0 to {count}"
            )
        self.model.requires_grad_(layers_trained < 0)
        if layers_trained > 0:
            stack[count - layers_trained :].requires_grad_(True)
            if getattr(self.model.config, "do_stable_layer_norm", False):
                self.model.encoder.layer_norm.requires_grad_(True)
        front = getattr(self.model, "feature_extractor", None)
        if front is not None and not (convolutions and layers_trained < 0):
            front._freeze_parameters()
        for name, parameter in self.model.named_parameters():
            if not UNUSED.isdisjoint(name.split(".")):
                parameter.requires_grad_(False)


def open_all(
    fusion: str, options: CheckpointChoice, *, max_seconds: float
) -> dict[str, Backbone]:
    """Return the encoders of a design by modality, without weights; see `load_weights`.

    Args:
        fusion: name of the design
        options: with the checkpoint of each modality
        max_seconds: length to which recordings are truncated

    Raises:
        AffuseError: if a checkpoint cannot be fine-tuned
    """
    needed = modalities_to_train(fusion)
    commits = per_modality(options.revision, needed, "revision")
    return {
        m: _open(m, options.checkpoint(m), commits.get(m, ""), max_seconds)
        for m in needed
    }


def _open(modality: str, name: str, commit: str, max_seconds: float) -> Backbone:
    """Return one encoder without weights."""
    if name == TINY:
        raise OptionError(
            f"the checkpoint '{TINY}' is random weights without files, which cannot be "
            f"saved for stage one; take 'mini' to try fine-tuning"
        )
    kind = encoder_for_checkpoint(modality, name, commit)
    default = plugins.load(plugin_kinds.ENCODER_KIND, kind).CHECKPOINT
    origin = checkpoint_files.find(name or default, commit, modality)
    record = modality_named(modality)
    if kind != record.encoder or checkpoint_files.kind(origin) in UNTRAINABLE_TYPES:
        kind = checkpoint_files.kind(origin)
        raise AffuseError(
            f"checkpoint {name!r} is a {kind} model, which cannot be fine-tuned; take "
            f"one of the Wav2Vec2 family, or a BERT-like text encoder"
        )
    options = dict.fromkeys(record.options, max_seconds)
    choice = Choice(modality, kind, name, commit, options=options)
    # Only for preparing inputs. Its model cannot be trained; `load_weights` loads one.
    encoder = load(choice, Machine(threads=1))
    encoder.checkpoint.model.to("meta")  # This frees the memory of the weights.
    frames = encoder.count_frames if isinstance(encoder, SpeechEncoder) else None
    checkpoint, folder = encoder.checkpoint, origin.folder
    return Backbone(modality, checkpoint, folder, encoder.prepare, frames)


class Encoders(nn.Module):
    """Module of the encoders of all modalities.

    Args:
        backbones: by modality
        dtype: of the computation; weights stay in float32
    """

    def __init__(self, backbones: Mapping[str, Backbone], *, dtype: str = "float32"):
        super().__init__()
        self.backbones = dict(backbones)
        self.models = nn.ModuleDict({m: b.model for m, b in backbones.items()})
        self.dtype = getattr(torch, dtype)

    def forward(self, inputs: Mapping[str, Mapping[str, Tensor]]) -> dict[str, Tensor]:
        """Return the embeddings, (n, dim) float32, of batches by `Backbone.collate`."""
        embeddings = {}
        for modality, backbone in self.backbones.items():
            batch = inputs[modality]
            device = next(iter(batch.values())).device
            half = self.dtype != torch.float32
            with torch.autocast(device.type, dtype=self.dtype, enabled=half):
                hidden = self.models[modality](**batch).last_hidden_state
            embeddings[modality] = backbone.pool(hidden, batch.get("attention_mask"))
        return embeddings


def load_weights(backbone: Backbone) -> Backbone:
    """Return the encoder with the weights of its checkpoint, for one fold."""
    base = backbone.checkpoint
    loaded = checkpoint_files.load(Origin(backbone.folder, base.name, base.revision))
    for key, value in NO_RANDOMNESS.items():
        if hasattr(loaded.model.config, key):
            setattr(loaded.model.config, key, value)
    return replace(backbone, checkpoint=loaded)
