"""The encoder of Whisper (Radford et al., 2022), and of checkpoints that are only that.

16 kHz speech to one hidden state every 20 ms. Whisper always hears thirty seconds, so
an utterance is followed by silence, whose hidden states are cut off again; longer ones
are encoded in blocks. What it gives is not comparable with Wav2Vec2; it is here as a
teacher, and for whoever wants it.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any, Self, TypeVar

import numpy as np
import torch
from torch import Tensor
from transformers import WhisperConfig, WhisperFeatureExtractor
from transformers.models.whisper.modeling_whisper import WhisperEncoder

from affuse.data.errors import AffuseError
from affuse.extract.audio.decoding import SAMPLE_RATE, Unusable
from affuse.extract.checkpoints import checkpoint_files
from affuse.extract.checkpoints.checkpoint_files import Checkpoint, Origin
from affuse.extract.checkpoints.library_failures import told
from affuse.extract.encoding.headless_encoder import HeadlessEncoder
from affuse.extract.encoding.protocol import Prepared
from affuse.extract.networks.hidden_layers import Layers

T = TypeVar("T")

MODALITY = "audio"
CHECKPOINT = "openai/whisper-tiny.en"
KINDS = ("whisper",)  # model types of the checkpoints
HOP = 320  # samples between hidden states
SECONDS = 30  # heard at once, no more and no less
SHORTEST = 400  # samples: one window of the spectrogram


class Encoder(HeadlessEncoder):
    """Hidden states of Whisper's encoder.

    Args:
        checkpoint: a ``WhisperEncoder``
        extractor: makes its log-mel spectrograms
        layers: ``last``, ``all``, or numbers
        block_seconds: longer utterances are encoded in blocks of this length, at most
            thirty seconds
    """

    NO_HEAD = "Whisper has no head for ratings"

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
        self.checkpoint = checkpoint
        self.extractor = extractor
        top = checkpoint.model.config.encoder_layers
        self.layers = checkpoint_files.choose_layers(
            layers, top, f"the {MODALITY} checkpoint {checkpoint.name!r}"
        )
        self.dtype = getattr(torch, dtype)
        self.model = checkpoint.model.eval().to(device, self.dtype)
        self._run = Layers(self.model, self.layers, top)
        self.hop, self.window = HOP, 1  # a hidden state is centred on its sample
        self.block = min(block_seconds, SECONDS) * SAMPLE_RATE // HOP * HOP
        if self.block < SAMPLE_RATE:
            raise AffuseError(
                f"--block-seconds {block_seconds:g} is shorter than a second; take 30"
            )
        self.inputs: Mapping[str, Any] = {
            "sample_rate": SAMPLE_RATE,
            "block_seconds": self.block / SAMPLE_RATE,
        }

    @classmethod
    def pretrained(
        cls, checkpoint: str, *, revision: str = "", head: bool = False, **options: Any
    ) -> Self:
        """Load from the hub or a folder; of a whole Whisper, its encoder."""
        cls.refuse_head(head)
        origin = checkpoint_files.find(checkpoint, revision, MODALITY)
        parts = checkpoint_files.config(origin).get("architectures") or ()
        alone = "WhisperEncoder" in parts
        loaded = checkpoint_files.load(origin, headed=WhisperEncoder if alone else None)
        if loaded.model.config.model_type != "whisper":
            raise AffuseError(
                f"checkpoint {origin.name!r} is a {loaded.model.config.model_type} "
                f"model, not Whisper"
            )
        model = loaded.model if alone else loaded.model.get_encoder()
        extractor = _extractor(origin, model.config)
        return cls(loaded.of(model), extractor=extractor, **options)

    @classmethod
    def tiny(cls, **options: Any) -> Self:
        """Seeded random weights: the same code, no download."""
        config = WhisperConfig(
            d_model=32,
            encoder_layers=2,
            encoder_attention_heads=2,
            encoder_ffn_dim=64,
            activation_dropout=0.0,
        )
        return cls(
            checkpoint_files.random_checkpoint(lambda: WhisperEncoder(config)),
            extractor=WhisperFeatureExtractor(feature_size=config.num_mel_bins),
            **options,
        )

    def prepare(self, source: np.ndarray) -> Prepared:
        """(samples,) at 16 kHz -> the same, in blocks if it is long.

        Raises:
            Unusable: if it is shorter than one window of the spectrogram
        """
        if len(source) < SHORTEST:
            raise Unusable(
                f"has {len(source)} samples at 16 kHz, under the {SHORTEST} that one "
                f"frame needs"
            )
        size = int(self.block)
        cut = [source[i : i + size] for i in range(0, len(source), size)]
        if len(cut) > 1 and len(cut[-1]) < SHORTEST:
            cut.pop()  # too little to make a difference
        notes = (f"encoded in {len(cut)} blocks",) if len(cut) > 1 else ()
        return Prepared(tuple(cut), notes)

    def __call__(self, batch: np.ndarray, each: Callable[[Tensor], T]) -> list[T]:
        """(n, samples) -> what `each` makes of (n, frames, dim) of every layer

        There is a frame every `HOP` samples.
        """
        frames = math.ceil(batch.shape[1] / HOP)
        mel = self.extractor(
            list(batch), sampling_rate=SAMPLE_RATE, return_tensors="pt"
        )["input_features"]
        values = mel.to(self.model.device, self.dtype)
        return self._run(lambda h: each(h[:, :frames]), input_features=values)


def _extractor(origin: Origin, config: Any) -> Any:
    """Load what makes the spectrograms of a checkpoint.

    Raises:
        AffuseError: if it is missing, damaged, or belongs to another checkpoint
    """
    with told(
        f"checkpoint {origin.name!r} has no readable preprocessor_config.json, which "
        f"says how its spectrograms are made"
    ):
        found = WhisperFeatureExtractor.from_pretrained(origin.folder)
    frames = found.n_samples // found.hop_length
    made = (found.sampling_rate, found.feature_size, frames)
    wanted = (SAMPLE_RATE, config.num_mel_bins, 2 * config.max_source_positions)
    if made != wanted or 2 * found.hop_length != HOP:
        raise AffuseError(
            f"checkpoint {origin.name!r}: its preprocessor_config.json makes "
            f"spectrograms of {made[1]} bands and {made[2]} frames at {made[0]} Hz, "
            f"and its model takes {wanted[1]} bands and {wanted[2]} frames at "
            f"{wanted[0]} Hz; take both files from one checkpoint"
        )
    return found
