"""Transcripts that an extraction encodes: those of the corpus, or recognised ones."""

from collections.abc import Callable
from dataclasses import replace

from affuse.data.options.extraction_options import GOLD, Extract
from affuse.data.records import Corpus
from affuse.extract.encoding.choices import Machine
from affuse.extract.transcription.recognised_corpus import with_recognised_texts


def with_chosen_transcripts(
    corpus: Corpus,
    options: Extract,
    machine: Machine,
    say: Callable[[str], object],
) -> tuple[Corpus, Extract]:
    """Return a corpus with the chosen transcripts, and options with their label.

    The table and the problems of the corpus are those of its own transcripts.

    Args:
        corpus: as its reader returned it
        options: of the command, with the name of the transcripts
        machine: number of threads that open recordings
        say: prints a line on recognised transcripts

    Raises:
        OptionError: if no transcripts, or several, have this name
        DamagedFileError: if their file is damaged
    """
    if options.transcripts == GOLD:
        return corpus, options
    found = with_recognised_texts(corpus, options.transcripts, options.cache, machine)
    say(f"texts: transcripts of {found.label}")
    if found.missing:
        say(
            f"{found.missing} recordings have no transcript of {found.label}, so they "
            f"are not in text; repeat the transcribe command without --limit"
        )
    return found.corpus, replace(options, transcripts=found.label)
