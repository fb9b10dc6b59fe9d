"""w2v-BERT 2.0 (Barrault et al., 2023): conformers on normalised log-mel bands.

It computes one hidden state every 20 ms from speech at 16 kHz. The feature extractor
computes 80 log-mel bands every 10 ms, standardises each band of an utterance to zero
mean and unit variance, and joins pairs of neighbouring frames. So the waveform itself
is not standardised. No input is padded, so the statistics are those of the utterance.
"""

from collections.abc import Callable, Mapping
from typing import Any, Self, TypeVar

import numpy as np
import torch
from torch import Tensor
from transformers import (
    AutoFeatureExtractor,
    SeamlessM4TFeatureExtractor,
    Wav2Vec2BertConfig,
    Wav2Vec2BertModel,
)

from affuse.data.errors import AffuseError
from affuse.extract.audio.decoding import SAMPLE_RATE, Unusable
from affuse.extract.checkpoints import checkpoint_files
from affuse.extract.checkpoints.checkpoint_files import Checkpoint, Origin
from affuse.extract.checkpoints.library_failures import told
from affuse.extract.encoding.headless_encoder import HeadlessEncoder
from affuse.extract.encoding.protocol import Prepared
from affuse.extract.networks import relative_attention, trial_pass
from affuse.extract.networks.hidden_layers import Layers, send
from affuse.extract.networks.mel_bands import HOP, WINDOW, bands
from affuse.extract.networks.position_embeddings import guard

T = TypeVar("T")

MODALITY = "audio"
CHECKPOINT = "facebook/w2v-bert-2.0"
KINDS = ("wav2vec2-bert",)  # model types of the checkpoints
# Attention adds a bias for each pair of frames and each head. These need 144 MB for a
# block of this length, and four times as much for a block of a minute.
SECONDS = 30.0


class Encoder(HeadlessEncoder):
    """Hidden states of w2v-BERT 2.0.

    Args:
        checkpoint: a ``Wav2Vec2BertModel``
        extractor: computes its log-mel bands
        layers: ``last``, ``all``, or numbers
        device: torch device
        dtype: of the model, ``float32``, ``bfloat16`` or ``float16``
        block_seconds: longer utterances are encoded in blocks of this length, at most
            30 s
    """

    NO_HEAD = "w2v-BERT has no head for ratings"

    def __init__(
        self,
        checkpoint: Checkpoint,
        *,
        extractor: Any,
        layers: str = "last",
        device: str = "cpu",
        dtype: str = "float32",
        block_seconds: float = SECONDS,
    ):
        self.checkpoint, self.extractor = checkpoint, extractor
        config = checkpoint.model.config
        self.layers = checkpoint_files.choose_layers(
            layers,
            config.num_hidden_layers,
            f"the {MODALITY} checkpoint {checkpoint.name!r}",
        )
        self.dtype = getattr(torch, dtype)
        self.model = checkpoint.model.to(device, self.dtype)
        relative_attention.rewrite(self.model)
        guard(self.model)
        self._run = Layers(self.model.eval(), self.layers, config.num_hidden_layers)
        self.stride: int = extractor.stride  # mel frames joined into one input
        self.width: int = self.stride * extractor.num_mel_bins
        self.hop = self.stride * HOP * _reduction(config)
        self.window = WINDOW + (self.stride - 1) * HOP
        seconds = min(block_seconds, SECONDS)
        self.block = int(seconds * SAMPLE_RATE) // (self.stride * HOP)  # frames
        if seconds < 1:
            raise AffuseError(
                f"--block-seconds {block_seconds:g} is shorter than a second; use 30"
            )
        self.inputs: Mapping[str, Any] = {
            "sample_rate": SAMPLE_RATE,
            "mel_bands": extractor.num_mel_bins,
            "stride": self.stride,
            "block_seconds": seconds,
        }

    @classmethod
    def pretrained(
        cls, checkpoint: str, *, revision: str = "", head: bool = False, **options: Any
    ) -> Self:
        """Load a checkpoint with its feature extractor from the hub or a folder.

        Args:
            checkpoint: name on the hub, or a folder
            revision: commit on the hub; "" for the newest
            head: refused if True, because there is no head
            options: further arguments of the class

        Raises:
            AffuseError: if it cannot be loaded, or is not w2v-BERT
        """
        cls.refuse_head(head)
        origin = checkpoint_files.find(checkpoint, revision, MODALITY)
        loaded = checkpoint_files.load(origin)
        if not isinstance(loaded.model, Wav2Vec2BertModel):
            raise AffuseError(
                f"checkpoint {origin.name!r} is a {loaded.model.config.model_type} "
                f"model, not w2v-BERT"
            )
        extractor = _extractor(origin, loaded.model.config)
        silence = np.zeros(WINDOW + extractor.stride * HOP, np.float32)
        with told(f"the feature extractor of checkpoint {origin.name!r} fails"):
            frames = torch.from_numpy(bands(extractor, silence))
        trial_pass.demand_states(loaded, input_features=frames[None])
        return cls(loaded, extractor=extractor, **options)

    @classmethod
    def tiny(cls, **options: Any) -> Self:
        """Return an encoder with small, seeded random weights.

        Args:
            options: further arguments of the class
        """
        config = Wav2Vec2BertConfig(
            hidden_size=32,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=64,
        )
        return cls(
            checkpoint_files.random_checkpoint(lambda: Wav2Vec2BertModel(config)),
            extractor=SeamlessM4TFeatureExtractor(),
            **options,
        )

    def prepare(self, source: np.ndarray) -> Prepared:
        """Return the log-mel frames of a waveform, flattened, in blocks if it is long.

        One second has 8,000 values, half as many as samples. So a batch of these inputs
        is twice as long in seconds as a batch of waveforms.

        Args:
            source: (samples,) at 16 kHz

        Raises:
            Unusable: if it is shorter than one frame
        """
        if len(source) < self.window:
            raise Unusable(
                f"has {len(source)} samples at 16 kHz, under the {self.window} that "
                f"one frame needs"
            )
        frames = bands(self.extractor, source)
        starts = range(0, len(frames), self.block)
        cut = tuple(frames[i : i + self.block].reshape(-1) for i in starts)
        return Prepared(cut, (f"encoded in {len(cut)} blocks",) if len(cut) > 1 else ())

    def __call__(self, batch: np.ndarray, each: Callable[[Tensor], T]) -> list[T]:
        """Return the results of `each` for the hidden states of every chosen layer.

        Args:
            batch: (n, frames * width)
            each: called with (n, frames, dim)
        """
        rows = send(batch, self.model.device).to(self.dtype)
        return self._run(each, input_features=rows.unflatten(1, (-1, self.width)))


def _reduction(config: Any) -> int:
    """Return the number of frames per hidden state of the last layer.

    Checkpoints for speech recognition often end with strided convolutions (the
    adapter), which halve the frame rate.
    """
    layers: int = config.num_adapter_layers if config.add_adapter else 0
    return int(config.adapter_stride**layers)


def _extractor(origin: Origin, config: Any) -> Any:
    """Load the feature extractor of a checkpoint, which computes its log-mel bands.

    Raises:
        AffuseError: if it is missing, damaged, or belongs to another checkpoint
    """
    with told(
        f"checkpoint {origin.name!r} has no readable preprocessor_config.json, which "
        f"says how its log-mel bands are computed"
    ):
        extractor = AutoFeatureExtractor.from_pretrained(
            origin.folder, trust_remote_code=False
        )
    if not isinstance(extractor, SeamlessM4TFeatureExtractor):
        raise AffuseError(
            f"checkpoint {origin.name!r}: its preprocessor_config.json names a "
            f"{type(extractor).__name__}, and w2v-BERT takes a "
            f"SeamlessM4TFeatureExtractor; take both files from one checkpoint"
        )
    width = extractor.num_mel_bins * extractor.stride
    if extractor.sampling_rate != SAMPLE_RATE:
        raise AffuseError(
            f"checkpoint {origin.name!r} needs speech at {extractor.sampling_rate} Hz, "
            f"and this program decodes to {SAMPLE_RATE} Hz; choose another checkpoint"
        )
    if width != config.feature_projection_input_dim:
        raise AffuseError(
            f"checkpoint {origin.name!r}: its preprocessor_config.json makes frames of "
            f"{width} numbers ({extractor.num_mel_bins} bands, {extractor.stride} "
            f"joined), and its model takes {config.feature_projection_input_dim}; take "
            f"both files from one checkpoint"
        )
    return extractor
