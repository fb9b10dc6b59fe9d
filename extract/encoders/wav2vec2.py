"""Wav2Vec2 (Baevski et al., 2020) and its family: HuBERT, WavLM, Data2Vec, SEW.

They compute one hidden state every 20 ms from speech at 16 kHz. Encoders with group
normalisation in the first convolution (the base models) normalise over time, so the
last samples of a waveform affect every frame. All others ignore samples after the last
complete frame. These are cut off here, so that more utterances have equal lengths.

SEW (Wu et al., 2022) joins pairs of frames before its blocks and separates them after.
If the number of frames is odd, transformers adds a frame of zeros, which is left out.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Self, TypeVar

import numpy as np
import torch
from torch import Tensor, nn
from transformers import AutoFeatureExtractor, Wav2Vec2Config, Wav2Vec2Model

from affuse.data.errors import AffuseError
from affuse.extract.audio.decoding import SAMPLE_RATE, Unusable
from affuse.extract.audio.waveform_standardisation import standardise
from affuse.extract.checkpoints import checkpoint_files, encoder_families
from affuse.extract.checkpoints.checkpoint_files import Checkpoint, Origin
from affuse.extract.checkpoints.library_failures import told
from affuse.extract.encoding.protocol import Packed, Prepared
from affuse.extract.networks import convolutions, packing, trial_pass
from affuse.extract.networks.hidden_layers import Layers, send
from affuse.extract.networks.position_embeddings import guard
from affuse.extract.networks.regression_head import Wav2Vec2Regressor, head_names

T = TypeVar("T")

MODALITY = "audio"
CHECKPOINT = checkpoint_files.SHORT["audeering"]
HEADED = "wav2vec2"  # model type of checkpoints with a regression head
PREPROCESSORS = ("preprocessor_config.json", "processor_config.json")


class Encoder:
    """Hidden states of a speech encoder.

    Args:
        checkpoint: a model that has ``conv_kernel`` and ``conv_stride``
        normalise: True to standardise each waveform to zero mean and unit variance
        head: regression head of the checkpoint, or None
        layers: ``last``, ``all``, or numbers
        device: torch device
        dtype: of the model, ``float32``, ``bfloat16`` or ``float16``
        block_seconds: longer utterances are encoded in blocks of this length
    """

    def __init__(
        self,
        checkpoint: Checkpoint,
        *,
        normalise: bool,
        head: nn.Module | None = None,
        layers: str = "last",
        device: str = "cpu",
        dtype: str = "float32",
        block_seconds: float = 60.0,
    ):
        self.checkpoint = checkpoint
        self.config = checkpoint.model.config
        top = self.config.num_hidden_layers
        self.layers = checkpoint_files.choose_layers(
            layers, top, f"the {MODALITY} checkpoint {checkpoint.name!r}"
        )
        self.normalise = normalise
        self.dtype = getattr(torch, dtype)
        self.model = checkpoint.model.to(device, self.dtype)
        convolutions.fold(self.model)
        self.hop: int = math.prod(self.config.conv_stride)  # samples between frames
        # samples in the receptive field of one frame
        self.window = trial_pass.receptive_field(self.config)
        self.joined = trial_pass.joined(self.config)  # frames in one step of the blocks
        guard(self.model)
        # The decoding process may standardise waveforms.
        self.prepare_standardised = self._blocks if normalise else None
        self.packed: Packed | None = None
        if packing.packs(self.model):
            self._line = packing.PackedLine(
                self.model, hop=self.hop, window=self.window
            )
            self.packed = self._packed
        elif self.model.device.type == "cpu" and self.dtype == torch.float32:
            convolutions.rewrite(self.model)
        self._run = Layers(self.model.eval(), self.layers, top)
        if head is not None and top not in self.layers:
            raise AffuseError(
                f"--head works on the last layer; let --layers end with {top}, or "
                f"leave --layers out"
            )
        self.regressor = head
        self.head = head_names(self.config) if head is not None else ()
        frames = int(block_seconds * SAMPLE_RATE) // self.hop
        self.block = frames // self.joined * self.joined
        if self.block < 1:
            raise AffuseError(
                f"--block-seconds {block_seconds:g} is shorter than one frame; use 10 "
                f"or more"
            )
        self.inputs: Mapping[str, Any] = {
            "sample_rate": SAMPLE_RATE,
            "normalised": normalise,
            "block_seconds": block_seconds,
        }

    @classmethod
    def pretrained(
        cls, checkpoint: str, *, revision: str = "", head: bool = False, **options: Any
    ) -> Self:
        """Load from the hub or a folder; with `head`, load its regression head too."""
        origin = checkpoint_files.find(checkpoint, revision, MODALITY)
        kind = checkpoint_files.kind(origin)
        if kind != "whisper":
            encoder_families.demand(origin, MODALITY)
        if head and kind not in ("", HEADED):
            raise AffuseError(
                f"checkpoint {origin.name!r} is a {kind} model and has no head like "
                f"that of the {HEADED} models of audEERING; leave out --head"
            )
        loaded = checkpoint_files.load(
            origin, headed=Wav2Vec2Regressor if head else None
        )
        model = loaded.model
        if not hasattr(model.config, "conv_stride"):
            raise AffuseError(
                f"checkpoint {origin.name!r} is a {model.config.model_type} model, not "
                f"of the Wav2Vec2 family; {encoder_families.advice(MODALITY)}"
            )
        part = loaded.of(model.wav2vec2) if head else loaded
        trial_pass.demand_states(part, input_values=trial_pass.frame(part))
        return cls(
            part,
            normalise=_normalises(origin, model.config),
            head=model.classifier if head else None,
            **options,
        )

    @classmethod
    def tiny(cls, **options: Any) -> Self:
        """Return an encoder with small, seeded random weights."""
        config = Wav2Vec2Config(
            hidden_size=32,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=64,
            conv_dim=(16,) * 7,
            conv_bias=True,
            feat_extract_norm="layer",
            do_stable_layer_norm=True,
            num_conv_pos_embeddings=16,
            num_conv_pos_embedding_groups=2,
        )
        return cls(
            checkpoint_files.random_checkpoint(lambda: Wav2Vec2Model(config)),
            normalise=True,
            **options,
        )

    def count_frames(self, samples: int) -> int:
        """Return the number of complete frames in a waveform, often 49 per second."""
        frames = (samples - self.window) // self.hop + 1
        return frames // self.joined * self.joined

    def prepare(self, source: np.ndarray) -> Prepared:
        """Return the input of the model for a waveform, in blocks if it is long.

        Args:
            source: (samples,) at 16 kHz, which is standardised in place

        Raises:
            Unusable: if it is shorter than one frame
        """
        if self.normalise and self.count_frames(len(source)) > 0:
            source = standardise(source, out=source)
        return self._blocks(source)

    def _blocks(self, samples: np.ndarray) -> Prepared:
        """Return the input of the model for samples as it takes them."""
        frames = self.count_frames(len(samples))
        if frames < 1:
            raise Unusable(
                f"has {len(samples)} samples at 16 kHz, under the "
                f"{self._span(self.joined)} that one frame needs"
            )
        if getattr(self.config, "feat_extract_norm", "layer") != "group":
            samples = samples[: self._span(frames)]
        if frames <= self.block:
            return Prepared((samples,))
        starts = range(0, frames, self.block)
        cut = [samples[i * self.hop :][: self._span(self.block)] for i in starts]
        return Prepared(tuple(cut), (f"encoded in {len(cut)} blocks",))

    def _span(self, frames: int) -> int:
        """Return the number of samples in the receptive fields of some frames."""
        return self.window + (frames - 1) * self.hop

    def __call__(self, batch: np.ndarray, each: Callable[[Tensor], T]) -> list[T]:
        """Return the results of `each` for the layers, (n, frames, dim) each."""
        waves = send(batch, self.model.device).to(self.dtype)
        frames = self.count_frames(batch.shape[1])
        return self._run(lambda h: each(h[:, :frames]), input_values=waves)

    def _packed(self, batch: Sequence[np.ndarray], each: Callable[..., T]) -> list[T]:
        """Return the results of `each` for the layers, (1, all frames, dim) each."""
        counts = [self.count_frames(len(wave)) for wave in batch]
        with self._line.laid(batch, counts) as line:
            return self._run(
                partial(each, counts=counts), input_values=line.to(self.dtype)
            )

    def compile(self) -> None:
        """Compile the model if it takes packed inputs, as on a GPU."""
        if self.packed:
            self._line.compile()

    @torch.inference_mode()
    def regress(self, mean: np.ndarray) -> np.ndarray:
        """Return (ratings,), about 0 to 1, named by `head`, for a (dim,) mean."""
        if self.regressor is None:
            raise AffuseError("the checkpoint was loaded without its head")
        ratings: np.ndarray = self.regressor(torch.from_numpy(mean)).numpy()
        return ratings


def _normalises(origin: Origin, config: Any) -> bool:
    """Return True if the checkpoint was trained on standardised waveforms.

    Raises:
        AffuseError: if its feature extractor is damaged, or has another sampling rate
    """
    default = getattr(config, "feat_extract_norm", "layer") == "layer"
    if not any((origin.folder / name).is_file() for name in PREPROCESSORS):
        return default
    with told(f"cannot read {PREPROCESSORS[0]} of checkpoint {origin.name!r}"):
        extractor = AutoFeatureExtractor.from_pretrained(
            origin.folder, trust_remote_code=False
        )
    rate = getattr(extractor, "sampling_rate", None)
    if rate != SAMPLE_RATE:
        raise AffuseError(
            f"checkpoint {origin.name!r} needs speech at {rate} Hz, and this program "
            f"decodes to {SAMPLE_RATE} Hz; choose another checkpoint"
        )
    return bool(getattr(extractor, "do_normalize", default))
