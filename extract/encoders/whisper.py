"""Encoder of Whisper (Radford et al., 2022), from complete or encoder-only checkpoints.

It computes one hidden state every 20 ms from speech at 16 kHz. The input of Whisper is
always 30 s long, so silence is appended to an utterance, and its hidden states are cut
off again. Longer utterances are encoded in blocks. The embeddings are not comparable
with those of Wav2Vec2. The main use of this encoder is as a teacher for distillation.
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
SECONDS = 30  # fixed length of the input
SHORTEST = 400  # samples: one window of the spectrogram


class Encoder(HeadlessEncoder):
    """Hidden states of Whisper's encoder.

    Args:
        checkpoint: a ``WhisperEncoder``
        extractor: computes its log-mel spectrograms
        layers: ``last``, ``all``, or numbers
        device: torch device
        dtype: of the model, ``float32``, ``bfloat16`` or ``float16``
        block_seconds: longer utterances are encoded in blocks of this length, at most
            30 s
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
        self.hop, self.window = HOP, 1  # A hidden state is centred on its sample.
        self.block = min(block_seconds, SECONDS) * SAMPLE_RATE // HOP * HOP
        if self.block < SAMPLE_RATE:
            raise AffuseError(
                f"--block-seconds {block_seconds:g} is shorter than a second; use 30"
            )
        self.inputs: Mapping[str, Any] = {
            "sample_rate": SAMPLE_RATE,
            "block_seconds": self.block / SAMPLE_RATE,
        }

    @classmethod
    def pretrained(
        cls, checkpoint: str, *, revision: str = "", head: bool = False, **options: Any
    ) -> Self:
        """Load the encoder of a checkpoint from the hub or a folder.

        Args:
            checkpoint: name on the hub, or a folder
            revision: commit on the hub; "" for the newest
            head: refused if True, because there is no head
            options: further arguments of the class

        Raises:
            AffuseError: if it cannot be loaded, or is not Whisper
        """
        cls.refuse_head(head)
        origin = checkpoint_files.find(checkpoint, revision, MODALITY)
        parts = checkpoint_files.config(origin).get("architectures") or ()
        is_encoder = "WhisperEncoder" in parts
        kind = WhisperEncoder if is_encoder else None
        loaded = checkpoint_files.load(origin, headed=kind)
        if loaded.model.config.model_type != "whisper":
            raise AffuseError(
                f"checkpoint {origin.name!r} is a {loaded.model.config.model_type} "
                f"model, not Whisper"
            )
        model = loaded.model if is_encoder else loaded.model.get_encoder()
        extractor = _extractor(origin, model.config)
        return cls(loaded.of(model), extractor=extractor, **options)

    @classmethod
    def tiny(cls, **options: Any) -> Self:
        """Return an encoder with small, seeded random weights.

        Args:
            options: further arguments of the class
        """
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
        """Return the waveform, in blocks if it is long.

        Args:
            source: (samples,) at 16 kHz

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
            cut.pop()  # This remainder is too short to make a difference.
        notes = (f"encoded in {len(cut)} blocks",) if len(cut) > 1 else ()
        return Prepared(tuple(cut), notes)

    def __call__(self, batch: np.ndarray, each: Callable[[Tensor], T]) -> list[T]:
        """Return the results of `each` for the hidden states of every chosen layer.

        Args:
            batch: (n, samples)
            each: called with (n, frames, dim), one frame every `HOP` samples
        """
        frames = math.ceil(batch.shape[1] / HOP)
        mel = self.extractor(
            list(batch), sampling_rate=SAMPLE_RATE, return_tensors="pt"
        )["input_features"]
        values = mel.to(self.model.device, self.dtype)
        return self._run(lambda h: each(h[:, :frames]), input_features=values)


def _extractor(origin: Origin, config: Any) -> Any:
    """Load the feature extractor of a checkpoint, which computes its spectrograms.

    Raises:
        AffuseError: if it is missing, damaged, or belongs to another checkpoint
    """
    with told(
        f"checkpoint {origin.name!r} has no readable preprocessor_config.json, which "
        f"says how its spectrograms are computed"
    ):
        extractor = WhisperFeatureExtractor.from_pretrained(origin.folder)
    frames = extractor.n_samples // extractor.hop_length
    actual = (extractor.sampling_rate, extractor.feature_size, frames)
    expected = (SAMPLE_RATE, config.num_mel_bins, 2 * config.max_source_positions)
    if actual != expected or 2 * extractor.hop_length != HOP:
        raise AffuseError(
            f"checkpoint {origin.name!r}: its preprocessor_config.json makes "
            f"spectrograms of {actual[1]} bands and {actual[2]} frames at {actual[0]} "
            f"Hz, and its model takes {expected[1]} bands and {expected[2]} frames at "
            f"{expected[0]} Hz; take both files from one checkpoint"
        )
    return extractor
