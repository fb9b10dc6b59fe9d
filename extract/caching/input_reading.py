"""Reads one input of a corpus, and lets its encoder prepare it."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from affuse.data.modality import Modality, UnreadableInputError
from affuse.extract.audio import decoder_pool
from affuse.extract.audio.refusal import Unusable
from affuse.extract.audio.sample_digest import fingerprint
from affuse.extract.caching.encoder_inputs import InputSource
from affuse.extract.encoding.protocol import Encoder


@dataclass(frozen=True)
class PreparedInput:
    """What of one utterance goes through the encoder."""

    source: InputSource
    blocks: tuple[np.ndarray, ...]
    notes: tuple[str, ...]
    samples: str = (
        ""  # digest of the decoded samples, see `affuse.extract.audio.sample_digest`
    )


@dataclass(frozen=True)
class InputReader:
    """Reads inputs of one modality for one encoder."""

    modality: Modality
    root: Path  # of the corpus
    encoder: Encoder
    longest: float  # seconds; longer recordings are refused

    def read(self, source: InputSource) -> PreparedInput | str:
        """Return an input as the encoder takes it, or why it cannot be encoded."""
        try:
            return (
                self._decode(source) if self.modality.has_times else self._load(source)
            )
        except (Unusable, UnreadableInputError) as error:
            return str(error)

    def _decode(self, source: InputSource) -> PreparedInput:
        """Decode the stretch of a recording that an utterance spans."""
        u = source.utterance
        path = self.modality.source(u, self.root)
        wave = decoder_pool.load(path, u.span, longest=self.longest)
        samples = fingerprint(wave.samples)  # before they are changed
        ready = self.encoder.prepare(wave.samples)
        return PreparedInput(source, ready.blocks, (*wave.notes, *ready.notes), samples)

    def _load(self, source: InputSource) -> PreparedInput:
        """Read an input that is no recording."""
        value = self.modality.load(self.modality.source(source.utterance, self.root))
        ready = self.encoder.prepare(value)
        return PreparedInput(source, ready.blocks, ready.notes)
