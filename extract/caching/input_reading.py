"""Reading of one input of a corpus, and its preparation by the encoder."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from affuse.data.modality import Modality, UnreadableInputError
from affuse.extract.audio import decoder_pool
from affuse.extract.audio.refusal import Unusable
from affuse.extract.audio.sample_digest import fingerprint
from affuse.extract.caching.encoder_inputs import InputSource
from affuse.extract.degradations.degraded_recordings import Degrade
from affuse.extract.encoding.protocol import Encoder


@dataclass(frozen=True)
class PreparedInput:
    """Input of one utterance as the encoder takes it."""

    source: InputSource
    blocks: tuple[np.ndarray, ...]  # one-dimensional, one for each pass
    notes: tuple[str, ...]  # changes to the input
    # digest of the decoded samples, see `affuse.extract.audio.sample_digest`
    samples: str = ""


@dataclass(frozen=True)
class InputReader:
    """Reader of the inputs of one modality for one encoder."""

    modality: Modality
    root: Path  # of the corpus
    encoder: Encoder
    longest: float  # seconds; longer recordings are refused
    degrade: Degrade | None = None  # changes the samples of recordings

    def read(self, source: InputSource) -> PreparedInput | str:
        """Return the input for the encoder, or the reason why it cannot be encoded.

        Args:
            source: utterance to read
        """
        try:
            return (
                self._decode(source) if self.modality.has_times else self._load(source)
            )
        except (Unusable, UnreadableInputError) as error:
            return str(error)

    def _decode(self, source: InputSource) -> PreparedInput:
        """Decode the span and the channel of a recording that an utterance has."""
        u = source.utterance
        path = self.modality.source(u, self.root)
        wave = decoder_pool.load(path, u.span, longest=self.longest, channel=u.channel)
        samples = fingerprint(wave.samples)  # Preparation may change them in place.
        heard = wave.samples
        if self.degrade is not None:
            heard = self.degrade(heard, source.content)
        ready = self.encoder.prepare(heard)
        return PreparedInput(source, ready.blocks, (*wave.notes, *ready.notes), samples)

    def _load(self, source: InputSource) -> PreparedInput:
        """Read an input of a modality without recordings."""
        value = self.modality.load(self.modality.source(source.utterance, self.root))
        ready = self.encoder.prepare(value)
        return PreparedInput(source, ready.blocks, ready.notes)
