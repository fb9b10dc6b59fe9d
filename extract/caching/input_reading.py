"""Reading of inputs of a corpus, and their preparation by the encoder."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from joblib import Parallel, delayed

from affuse.data.modality import Modality, UnreadableInputError
from affuse.extract.audio import decoder_pool
from affuse.extract.audio.decoding import Waveform
from affuse.extract.audio.refusal import Unusable
from affuse.extract.audio.sound_requests import SoundRequest
from affuse.extract.caching.encoder_inputs import InputSource
from affuse.extract.caching.recording_listing import file_status
from affuse.extract.degradations.degraded_recordings import Degrade
from affuse.extract.encoding.protocol import (
    Encoder,
    PrepareAll,
    prepares_all,
    prepares_standardised,
)

CHANGED = "changed while the corpus was read; repeat the command"


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
    threads: int  # number of files that are read at the same time
    degrade: Degrade | None = None  # changes the samples of recordings

    def read(self, sources: Sequence[InputSource]) -> list[PreparedInput | str]:
        """Return each input for the encoder, or the reason why it cannot be encoded.

        Args:
            sources: utterances to read
        """
        if self.modality.has_times:
            return self._decode(sources)
        prepare_all = prepares_all(self.encoder)
        if self.modality.in_memory and prepare_all is not None:
            return self._prepare_all(sources, prepare_all)
        tasks = (delayed(self._load)(source) for source in sources)
        return list(Parallel(n_jobs=self.threads, prefer="threads")(tasks))

    def _decode(self, sources: Sequence[InputSource]) -> list[PreparedInput | str]:
        """Decode the span and the channel of a recording that each utterance has.

        The decoding process standardises samples if the encoder takes them like that.
        """
        degrade = self.degrade
        standardised = None if degrade else prepares_standardised(self.encoder)
        prepare = standardised or self.encoder.prepare

        def use(place: int, wave: Waveform) -> PreparedInput:
            check_unchanged(requests[place].path, sources[place])
            heard = wave.samples
            if degrade is not None:
                heard = degrade(heard, sources[place].content)
            ready = prepare(heard)
            notes = (*wave.notes, *ready.notes)
            return PreparedInput(sources[place], ready.blocks, notes, wave.digest)

        requests = [self._request(s, standardised is not None) for s in sources]
        results: list[PreparedInput | str] = [""] * len(sources)
        for place, result in decoder_pool.load_all(requests, self.threads, use):
            results[place] = str(result) if isinstance(result, Unusable) else result
        return results

    def _request(self, source: InputSource, standardised: bool) -> SoundRequest:
        u = source.utterance
        return SoundRequest(
            self.modality.source(u, self.root),
            u.span,
            longest=self.longest,
            channel=u.channel,
            standardised=standardised,
            has_digest=True,
            seconds=source.size,
        )

    def _prepare_all(
        self, sources: Sequence[InputSource], prepare_all: PrepareAll
    ) -> list[PreparedInput | str]:
        """Prepare inputs that are in memory by one call of the encoder."""
        results: dict[int, PreparedInput | str] = {}
        values: dict[int, Any] = {}
        for i, source in enumerate(sources):
            try:
                place = self.modality.source(source.utterance, self.root)
                values[i] = self.modality.load(place)
            except UnreadableInputError as error:
                results[i] = str(error)
        prepared = prepare_all(list(values.values()))
        for i, ready in zip(values, prepared, strict=True):
            results[i] = (
                str(ready)
                if isinstance(ready, Unusable)
                else PreparedInput(sources[i], ready.blocks, ready.notes)
            )
        return [results[i] for i in range(len(sources))]

    def _load(self, source: InputSource) -> PreparedInput | str:
        """Read an input of a modality without recordings."""
        try:
            value = self.modality.load(
                self.modality.source(source.utterance, self.root)
            )
            ready = self.encoder.prepare(value)
        except (Unusable, UnreadableInputError) as error:
            return str(error)
        return PreparedInput(source, ready.blocks, ready.notes)


def check_unchanged(path: Path, source: InputSource) -> None:
    """Raise `Unusable` if a recording is no longer the one whose digest was computed.

    Otherwise its row would be cached as that of the earlier content. It is called
    after the recording was decoded.

    Args:
        path: of the recording
        source: with its digest, and its status before that was computed
    """
    status = file_status(path) if source.status else ""
    if status == source.status:
        return
    # A changed status alone, as of permissions, leaves the content as it was.
    wanted = source.stretch and source.stretch.file
    if _digest(path, status) != wanted:
        raise Unusable(CHANGED)


@lru_cache(maxsize=1024)
def _digest(path: Path, status: str) -> str:
    """Return the digest of a file; it is read once for all spans of a long recording.

    Args:
        path: of the file
        status: of the file now
    """
    return decoder_pool.probe(path).digest
