"""Corpus whose texts are recognised transcripts, for the text encoders of stage one."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from affuse.data.reading import transcript_rule
from affuse.data.records import Corpus
from affuse.data.tables.cell_values import clean_transcript
from affuse.extract.caching import encoder_inputs
from affuse.extract.caching.encoder_inputs import InputSource
from affuse.extract.encoding.choices import Machine
from affuse.extract.transcription.transcript_file import (
    TranscriptFile,
    find_transcripts,
)


@dataclass(frozen=True)
class RecognisedCorpus:
    """Corpus with recognised texts, and the label of its transcripts."""

    corpus: Corpus
    label: str
    missing: int  # utterances with a recording and without a transcript


def recognised_texts(
    sources: Iterable[InputSource], file: TranscriptFile
) -> dict[str, str]:
    """Return the recognised text of each utterance that has one, by its id.

    A text is cleaned as texts of a corpus are. It is "" if no words were recognised.

    Args:
        sources: recordings of utterances
        file: of transcripts
    """
    return {
        source.utterance.id: clean_transcript(file.transcripts[source.content].text)
        for source in sources
        if source.content in file.transcripts
    }


def with_recognised_texts(
    corpus: Corpus, name: str, cache: Path, machine: Machine
) -> RecognisedCorpus:
    """Return a corpus whose texts are recognised transcripts.

    An utterance without a recognised transcript has no text, so no text encoder
    encodes it. Its recording is still encoded.

    Args:
        corpus: as its reader returned it
        name: of the transcripts, see `find_transcripts`
        cache: folder of all caches
        machine: number of threads that open recordings

    Raises:
        OptionError: if no transcripts, or several, have this name
        DamagedFileError: if their file is damaged
    """
    file = find_transcripts(cache, corpus.name, name)
    sources, _ = encoder_inputs.find(
        corpus, "audio", limit=None, threads=machine.threads, progress=machine.progress
    )
    texts = recognised_texts(sources, file)
    utterances = tuple(
        replace(u, transcript=texts.get(u.id), text=texts.get(u.id))
        for u in corpus.utterances
    )
    changed = transcript_rule.apply_rule(
        replace(corpus, utterances=utterances, problems=())
    )
    return RecognisedCorpus(changed, file.identity.label, len(sources) - len(texts))
