"""Wav2Vec2 (Baevski et al., 2020) and its family: HuBERT, WavLM, Data2Vec, SEW.

16 kHz speech to one hidden state every 20 ms. Encoders whose first convolution is
group-normalised (the base models) normalise over time, so the last samples of a
waveform count in every frame; all others ignore samples after the last whole frame,
which are cut off here so that more utterances have equal length.

SEW (Wu et al., 2022) joins two frames in front of its blocks and parts them behind.
Where their number is odd, transformers adds a frame of zeros, which is left out here.
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
HEADED = "wav2vec2"  # model type of the checkpoints with a head for ratings
PREPROCESSORS = ("preprocessor_config.json", "processor_config.json")


class Encoder:
    """Hidden states of a speech encoder.

    Args:
        checkpoint: a model that has ``conv_kernel`` and ``conv_stride``
        normalise: bring each utterance to zero mean and unit variance first
        head: the checkpoint's own regression head, or None
        layers: ``last``, ``all``, or numbers
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
        self.window = trial_pass.receptive_field(
            self.config
        )  # samples that one frame sees
        self.joined = trial_pass.joined(self.config)  # frames in one step of the blocks
        guard(self.model)
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
                f"leave it at last"
            )
        self.regressor = head
        self.head = head_names(self.config) if head is not None else ()
        frames = int(block_seconds * SAMPLE_RATE) // self.hop
        self.block = frames // self.joined * self.joined
        if self.block < 1:
            raise AffuseError(
                f"--block-seconds {block_seconds:g} is shorter than one frame; take 10 "
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
        """Load from the hub or a folder; with `head`, its regression head as well."""
        origin = checkpoint_files.find(checkpoint, revision, MODALITY)
        kind = checkpoint_files.kind(origin)
        if kind != "whisper":
            encoder_families.demand(origin, MODALITY)
        if head and kind not in ("", HEADED):
            raise AffuseError(
                f"checkpoint {origin.name!r} is a {kind} model and lacks the head that "
                f"{HEADED} models of audEERING have; it has no such head: leave out "
                f"--head"
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
        """Seeded random weights: the same code, no download."""
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
        """Whole frames in so many samples: 49 in a second, for the usual front end."""
        frames = (samples - self.window) // self.hop + 1
        return frames // self.joined * self.joined

    def prepare(self, source: np.ndarray) -> Prepared:
        """(samples,) at 16 kHz -> model input, in blocks if it is long.

        Args:
            source: standardised where it is, and not copied

        Raises:
            Unusable: if it is shorter than one frame
        """
        frames = self.count_frames(len(source))
        if frames < 1:
            raise Unusable(
                f"has {len(source)} samples at 16 kHz, under the "
                f"{self._span(self.joined)} that one frame needs"
            )
        samples = standardise(source, out=source) if self.normalise else source
        if getattr(self.config, "feat_extract_norm", "layer") != "group":
            samples = samples[: self._span(frames)]
        if frames <= self.block:
            return Prepared((samples,))
        starts = range(0, frames, self.block)
        cut = [samples[i * self.hop :][: self._span(self.block)] for i in starts]
        return Prepared(tuple(cut), (f"encoded in {len(cut)} blocks",))

    def _span(self, frames: int) -> int:
        """Samples that so many frames see."""
        return self.window + (frames - 1) * self.hop

    def __call__(self, batch: np.ndarray, each: Callable[[Tensor], T]) -> list[T]:
        """(n, samples) -> what `each` makes of (n, frames, dim) of every layer"""
        waves = send(batch, self.model.device).to(self.dtype)
        frames = self.count_frames(batch.shape[1])
        return self._run(lambda h: each(h[:, :frames]), input_values=waves)

    def _packed(self, batch: Sequence[np.ndarray], each: Callable[..., T]) -> list[T]:
        """(samples,) of any lengths -> what `each` makes of (1, all frames, dim)"""
        counts = [self.count_frames(len(wave)) for wave in batch]
        with self._line.laid(batch, counts) as line:
            return self._run(
                partial(each, counts=counts), input_values=line.to(self.dtype)
            )

    def compile(self) -> None:
        """Compile what gains by it: on a GPU, where inputs stand end to end."""
        if self.packed:
            self._line.compile()

    @torch.inference_mode()
    def regress(self, mean: np.ndarray) -> np.ndarray:
        """(dim,) mean of the last layer -> (ratings,), about 0..1, named by `head`."""
        if self.regressor is None:
            raise AffuseError("the checkpoint was loaded without its head")
        found: np.ndarray = self.regressor(torch.from_numpy(mean)).numpy()
        return found


def _normalises(origin: Origin, config: Any) -> bool:
    """Return True if the checkpoint was trained on standardised waveforms.

    Raises:
        AffuseError: if its feature extractor is damaged, or for another sampling rate
    """
    usual = getattr(config, "feat_extract_norm", "layer") == "layer"
    if not any((origin.folder / name).is_file() for name in PREPROCESSORS):
        return usual
    with told(f"cannot read {PREPROCESSORS[0]} of checkpoint {origin.name!r}"):
        extractor = AutoFeatureExtractor.from_pretrained(
            origin.folder, trust_remote_code=False
        )
    rate = getattr(extractor, "sampling_rate", None)
    if rate != SAMPLE_RATE:
        raise AffuseError(
            f"checkpoint {origin.name!r} wants speech at {rate} Hz, "
            f"this pipeline feeds {SAMPLE_RATE} Hz"
        )
    return bool(getattr(extractor, "do_normalize", usual))
