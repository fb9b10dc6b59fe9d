"""w2v-BERT 2.0 (Barrault et al., 2023): conformers on normalised log-mel bands.

16 kHz speech to one hidden state every 20 ms. Its feature extractor makes 80 log-mel
bands every 10 ms, brings each band of an utterance to zero mean and unit variance, and
joins two neighbours. So the waveform itself is not standardised. The statistics are of
all frames of the utterance, and of nothing else, for no input is padded.
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
# Attention adds a number for each pair of frames and each head: 144 MB of them in a
# block of this length, and four times as much in one of a minute.
SECONDS = 30.0


class Encoder(HeadlessEncoder):
    """Hidden states of w2v-BERT 2.0.

    Args:
        checkpoint: a ``Wav2Vec2BertModel``
        extractor: makes its log-mel bands
        layers: ``last``, ``all``, or numbers
        block_seconds: longer utterances are encoded in blocks of this length, at most
            thirty seconds
    """

    NO_HEAD = "no head for ratings of w2v-BERT is known"

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
        self.stride: int = extractor.stride  # mel frames that are joined
        self.width: int = self.stride * extractor.num_mel_bins
        self.hop = self.stride * HOP * _reduction(config)
        self.window = WINDOW + (self.stride - 1) * HOP
        seconds = min(block_seconds, SECONDS)
        self.block = int(seconds * SAMPLE_RATE) // (self.stride * HOP)  # frames
        if seconds < 1:
            raise AffuseError(
                f"--block-seconds {block_seconds:g} is shorter than a second; take 30"
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
        """Load from the hub or a folder, with its feature extractor."""
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
        """Seeded random weights: the same code, no download."""
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
        """(samples,) at 16 kHz -> its frames as numbers in a row, block by block.

        A second is 8,000 of them, half as many as samples, so that a batch holds twice
        as many seconds as one of waveforms does.

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
        """(n, frames * width) -> what `each` makes of (n, frames, dim) of each layer"""
        rows = send(batch, self.model.device).to(self.dtype)
        return self._run(each, input_features=rows.unflatten(1, (-1, self.width)))


def _reduction(config: Any) -> int:
    """Return how many frames make one hidden state of the last layer.

    Checkpoints that were made for speech recognition often end with convolutions, the
    adapter, which leave one in two.
    """
    layers: int = config.num_adapter_layers if config.add_adapter else 0
    return int(config.adapter_stride**layers)


def _extractor(origin: Origin, config: Any) -> Any:
    """Load what makes the log-mel bands of a checkpoint.

    Raises:
        AffuseError: if it is missing, damaged, or belongs to another checkpoint
    """
    with told(
        f"checkpoint {origin.name!r} has no readable preprocessor_config.json, which "
        f"says how its log-mel bands are made"
    ):
        found = AutoFeatureExtractor.from_pretrained(
            origin.folder, trust_remote_code=False
        )
    if not isinstance(found, SeamlessM4TFeatureExtractor):
        raise AffuseError(
            f"checkpoint {origin.name!r}: its preprocessor_config.json names a "
            f"{type(found).__name__}, and w2v-BERT takes a "
            f"SeamlessM4TFeatureExtractor; take both files from one checkpoint"
        )
    width = found.num_mel_bins * found.stride
    if found.sampling_rate != SAMPLE_RATE:
        raise AffuseError(
            f"checkpoint {origin.name!r} wants speech at {found.sampling_rate} Hz, "
            f"this pipeline feeds {SAMPLE_RATE} Hz"
        )
    if width != config.feature_projection_input_dim:
        raise AffuseError(
            f"checkpoint {origin.name!r}: its preprocessor_config.json makes frames of "
            f"{width} numbers ({found.num_mel_bins} bands, {found.stride} joined), and "
            f"its model takes {config.feature_projection_input_dim}; take both files "
            f"from one checkpoint"
        )
    return found
