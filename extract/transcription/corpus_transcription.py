"""Recognition of the words in all recordings of a corpus, into the cache.

An interrupted command is continued by repeating it: recordings whose transcripts are in
the file are not recognised again.
"""

import time
from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from affuse.data.cache.cache_folder import CorpusFolder
from affuse.data.errors import AffuseError
from affuse.data.modality import modality_named
from affuse.data.records import Corpus, Problem, file_name
from affuse.data.system.atomic_files import claim
from affuse.data.system.prefetching import prefetch
from affuse.data.system.progress import bar
from affuse.extract.audio import decoder_pool
from affuse.extract.audio.refusal import Unusable
from affuse.extract.caching import encoder_inputs
from affuse.extract.caching.encoder_inputs import InputSource
from affuse.extract.encoding.choices import Machine
from affuse.extract.transcription.speech_models import SpeechRecogniser
from affuse.extract.transcription.transcript_file import (
    TranscriptFile,
    open_transcripts,
)


@dataclass(frozen=True)
class TranscriptionOutcome:
    """Result of one command."""

    file: TranscriptFile
    sources: tuple[InputSource, ...]  # recordings of the corpus that can be opened
    recognised: int  # recordings and spans that this command recognised
    seconds: float  # of speech in them
    elapsed: float  # seconds of this command's recognition
    problems: tuple[Problem, ...]


def transcribe_corpus(
    corpus: Corpus, recogniser: SpeechRecogniser, cache: Path, machine: Machine
) -> TranscriptionOutcome:
    """Recognise the words in each recording of a corpus that has no transcript yet.

    Args:
        corpus: as its reader returned it
        recogniser: with its options
        cache: folder of all caches
        machine: number of threads, of utterances, and seconds of the longest recording

    Raises:
        AffuseError: if no utterance has a recording, or another command transcribes
            the same corpus with the same model
        DamagedFileError: if the file of transcripts is damaged
    """
    sources, problems = encoder_inputs.find(
        corpus,
        "audio",
        limit=machine.limit,
        threads=machine.threads,
        progress=machine.progress,
    )
    if not sources and not any(problem.fatal for problem in problems):
        raise AffuseError(
            f"corpus '{corpus.name}' in {corpus.root} has no recordings to transcribe"
        )
    label = recogniser.identity.label
    path = CorpusFolder(cache / corpus.name).transcript_file(label)
    with claim(path.with_name(f".{path.name}.lock"), wait=False) as is_held:
        if not is_held:
            raise AffuseError(
                f"another command is writing {path}; wait until it ends, and repeat "
                f"this one"
            )
        file = open_transcripts(path, recogniser.identity)
        missing = {s.content: s for s in sources if s.content not in file.transcripts}
        began = time.monotonic()
        failed = _recognise([*missing.values()], corpus, recogniser, file, machine)
        elapsed = time.monotonic() - began
    done = [s for content, s in missing.items() if content in file.transcripts]
    return TranscriptionOutcome(
        file=file,
        sources=tuple(sources),
        recognised=len(done),
        seconds=sum(source.size for source in done),
        elapsed=elapsed,
        problems=(*problems, *failed),
    )


def _recognise(
    sources: Sequence[InputSource],
    corpus: Corpus,
    recogniser: SpeechRecogniser,
    file: TranscriptFile,
    machine: Machine,
) -> list[Problem]:
    """Add the transcripts of recordings to a file, and return the problems."""
    problems, total = [], sum(source.size for source in sources)
    show, unit = machine.progress and bool(sources), modality_named("audio").unit
    try:
        with (
            closing(_decoded(sources, machine.longest)) as decoded,
            bar(total=total, name="transcribe", unit=unit, show=show) as progress,
        ):
            for source, samples in decoded:
                if isinstance(samples, str):
                    u = source.utterance
                    problems.append(
                        Problem(file_name(u, corpus.root), samples, id=u.id)
                    )
                else:
                    file.add(source.content, recogniser.transcribe(samples))
                progress.update(source.size)
    finally:  # also after an interruption by the keyboard
        if sources and file.transcripts:
            file.save()
    return problems


def _decoded(
    sources: Sequence[InputSource], longest: float
) -> Generator[tuple[InputSource, np.ndarray | str], None, None]:
    """Return an iterator over samples, or the reason why there are none.

    A thread decodes the next recording.
    """

    def decode(source: InputSource) -> tuple[InputSource, np.ndarray | str]:
        u = source.utterance
        assert u.audio is not None  # an utterance without a recording is no source
        try:
            wave = decoder_pool.load(
                u.audio, u.span, longest=longest, channel=u.channel
            )
        except Unusable as error:
            return source, str(error)
        return source, wave.samples

    return prefetch(iter(sources), decode)
