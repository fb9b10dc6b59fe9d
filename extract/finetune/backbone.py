"""One pretrained encoder as it is trained: batches padded, masked and pooled.

The mean over frames or tokens is that of stage one. Padding must not change it, so only
encoders that ignore masked samples get padded batches: text encoders, and speech
encoders whose convolutions normalise each frame for itself. The base models of
Wav2Vec2 and its family normalise over time (``feat_extract_norm = "group"``), so for
them, and for Data2Vec, only inputs of equal length share a batch.
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
from affuse.extract.encoding.encoder_loading import load, suited
from affuse.extract.finetune.trainable_modalities import trainable
from affuse.extract.networks.hidden_layers import blocks

MASKABLE = ("wav2vec2", "hubert", "wavlm")  # whose padding is zero wherever it matters
FROZEN = ("sew", "sew-d")  # whose last frame may be of zeros, which counts in the mean
# All that would be random beside dropout: layers that are left out get no gradient,
# which several GPUs do not bear, and stretches of short speech cannot be masked.
PLAIN = {"layerdrop": 0.0, "apply_spec_augment": False}


@dataclass(frozen=True)
class EncoderInput:
    """An utterance as an encoder that is trained takes it."""

    values: np.ndarray  # (samples,) float32 or (tokens,) int64
    cut: bool  # whether it was longer, and only its beginning is here
    digests: tuple[str, ...] = ()  # of the input, and of its decoded samples


@dataclass(frozen=True)
class Backbone:
    """An encoder that can be trained, and what its inputs are made with."""

    modality: str
    checkpoint: Checkpoint  # with the model that is trained, once it is `fresh`
    folder: Path  # where it came from
    prepare: Callable[[Any], Any]  # as of `affuse.extract.encoding.protocol.Encoder`
    frames: Callable[[int], int] | None = None  # of samples; None for tokens
    adapters: Any = None  # peft's, if these are trained in place of the weights

    @property
    def model(self) -> Any:
        """The transformers model."""
        return self.checkpoint.model

    @property
    def equal(self) -> bool:
        """Whether only inputs of equal length may share a batch."""
        config = self.model.config
        return self.modality == "audio" and not (
            config.model_type in MASKABLE
            and config.feat_extract_norm == "layer"
            and not getattr(config, "conv_pos_batch_norm", False)
            and not getattr(config, "add_adapter", False)
        )

    def input(self, source: InputSource, *, longest: float) -> EncoderInput:
        """One utterance, or the beginning of one that is too long.

        Raises:
            affuse.extract.audio.decoding.Unusable: if nothing can be encoded
        """
        utterance, digests = source.utterance, [source.content]
        if self.modality == "text":
            found = self.prepare(utterance.text or "")
        else:
            # `affuse.extract.caching.encoder_inputs` saw to it
            assert utterance.audio is not None
            heard = decoder_pool.load(utterance.audio, utterance.span, longest=longest)
            digests.append(fingerprint(heard.samples))  # before they are changed
            found = self.prepare(heard.samples)
        # nothing is done to an input that is worth a note, but that it is cut
        return EncoderInput(found.blocks[0], bool(found.notes), tuple(digests))

    def collate(self, inputs: Sequence[np.ndarray]) -> dict[str, Tensor]:
        """Inputs of any lengths as (n, longest), with a mask where something is padded.

        Raises:
            AffuseError: if the lengths differ and must not
        """
        lengths = [len(x) for x in inputs]
        longest = max(lengths)
        if min(lengths) == longest:
            return {self._name: torch.from_numpy(np.stack(inputs))}
        if self.equal:
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
        """(n, steps, dim), (n, inputs) -> (n, dim), float32; the mean of what is real

        Args:
            mask: of samples or tokens; None if nothing is padded
        """
        hidden = hidden.float()
        if mask is None:
            return hidden.mean(dim=1)
        counts = mask.sum(dim=1)
        if self.frames:
            counts = torch.tensor([self.frames(n) for n in counts.tolist()])
        steps = torch.arange(hidden.shape[1], device=hidden.device)
        counts = counts.to(hidden.device)[:, None]
        real = (steps < counts)[..., None]
        return hidden.where(real, 0.0).sum(dim=1) / counts

    def freeze(self, *, layers_trained: int, convolutions: bool) -> None:
        """Choose what is trained.

        Args:
            layers_trained: top blocks, with the norm above them; -1 for everything
            convolutions: whether those before the blocks are trained as well

        Raises:
            AffuseError: if there are not so many blocks
        """
        found = blocks(self.model)
        count = self.model.config.num_hidden_layers
        if found is None or layers_trained > count:
            raise OptionError(
                f"checkpoint {self.checkpoint.name!r} has {count} blocks; take "
                f"--layers-trained 0 to {count}"
            )
        self.model.requires_grad_(layers_trained < 0)
        if layers_trained > 0:
            found[count - layers_trained :].requires_grad_(True)
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
    """The encoders that a design takes, still without weights; see `fresh`.

    Args:
        fusion: name of the design
        options: the checkpoint of each modality
        max_seconds: of an utterance that are heard

    Raises:
        AffuseError: if a checkpoint cannot be fine-tuned
    """
    needed = trainable(fusion)
    commits = per_modality(options.revision, needed, "revision")
    return {
        m: _open(m, options.checkpoint(m), commits.get(m, ""), max_seconds)
        for m in needed
    }


def _open(modality: str, name: str, commit: str, max_seconds: float) -> Backbone:
    if name == TINY:
        raise OptionError(
            f"the checkpoint '{TINY}' is random weights without files, which cannot be "
            f"saved for stage one; take 'mini' to try fine-tuning"
        )
    kind = suited(modality, name, commit)
    default = plugins.load(plugin_kinds.ENCODER_KIND, kind).CHECKPOINT
    origin = checkpoint_files.find(name or default, commit, modality)
    record = modality_named(modality)
    if kind != record.encoder or checkpoint_files.kind(origin) in FROZEN:
        kind = checkpoint_files.kind(origin)
        raise AffuseError(
            f"checkpoint {name!r} is a {kind} model, which cannot be fine-tuned; take "
            f"one of the Wav2Vec2 family, or a BERT-like text encoder"
        )
    options = dict.fromkeys(record.options, max_seconds)
    choice = Choice(modality, kind, name, commit, options=options)
    # it prepares inputs; its model was rewritten for speed, so `fresh` loads another
    encoder = load(choice, Machine(threads=1))
    encoder.checkpoint.model.to("meta")  # which frees its memory
    frames = encoder.count_frames if isinstance(encoder, SpeechEncoder) else None
    checkpoint, folder = encoder.checkpoint, origin.folder
    return Backbone(modality, checkpoint, folder, encoder.prepare, frames)


class Encoders(nn.Module):
    """Encoders side by side.

    Args:
        backbones: {modality: one}
        dtype: of the arithmetic of the encoders
    """

    def __init__(self, backbones: Mapping[str, Backbone], *, dtype: str = "float32"):
        super().__init__()
        self.backbones = dict(backbones)
        self.models = nn.ModuleDict({m: b.model for m, b in backbones.items()})
        self.dtype = getattr(torch, dtype)

    def forward(self, inputs: Mapping[str, Mapping[str, Tensor]]) -> dict[str, Tensor]:
        """{modality: as `Backbone.collate`} -> {modality: (n, dim)}, float32"""
        found = {}
        for modality, backbone in self.backbones.items():
            given = inputs[modality]
            device = next(iter(given.values())).device
            half = self.dtype != torch.float32
            with torch.autocast(device.type, dtype=self.dtype, enabled=half):
                hidden = self.models[modality](**given).last_hidden_state
            found[modality] = backbone.pool(hidden, given.get("attention_mask"))
        return found


def fresh(backbone: Backbone) -> Backbone:
    """The same encoder with its first weights, for one fold."""
    known = backbone.checkpoint
    loaded = checkpoint_files.load(Origin(backbone.folder, known.name, known.revision))
    for key, value in PLAIN.items():
        if hasattr(loaded.model.config, key):
            setattr(loaded.model.config, key, value)
    return replace(backbone, checkpoint=loaded)
