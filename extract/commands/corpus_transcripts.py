"""Transcription command: recognises the words of a corpus and reports their errors."""

from collections.abc import Callable, Iterator
from dataclasses import replace

from affuse.data.options.command_record import next_line
from affuse.data.options.extraction_options import Extract
from affuse.data.options.source_options import CorpusSource
from affuse.data.options.transcription_options import Transcribe
from affuse.data.reading import corpus_checks, corpus_reading
from affuse.data.records import Corpus
from affuse.extract.encoding.choices import Machine
from affuse.extract.transcription import faster_whisper_models, word_errors
from affuse.extract.transcription.corpus_transcription import (
    TranscriptionOutcome,
    transcribe_corpus,
)
from affuse.extract.transcription.recognised_corpus import recognised_texts
from affuse.extract.transcription.transcript_records import RecognitionOptions
from affuse.extract.transcription.word_error_table import (
    compare_transcripts,
    describe_errors,
    write_word_errors,
)

Say = Callable[[str], object]


def run(options: Transcribe, say: Say) -> int:
    """Recognise the words of a corpus, and print the word error rate.

    Args:
        options: of the command line
        say: prints a line

    Returns:
        number of recordings that could not be transcribed

    Raises:
        AffuseError: if a package is not installed, or the corpus or the model cannot be
            used
        OptionError: if there is no such model, or it does not know the language
    """
    faster_whisper_models.demand_package()
    word_errors.demand_jiwer()
    corpus = corpus_reading.read_and_describe(say, options)
    machine = replace(Machine.of(options), limit=options.limit)
    recogniser = faster_whisper_models.load_recogniser(
        options.model, RecognitionOptions(options.language), machine
    )
    outcome = transcribe_corpus(corpus, recogniser, options.cache, machine)
    for line in _report(corpus, outcome, options):
        say(line)
    return sum(problem.fatal for problem in outcome.problems)


def _report(
    corpus: Corpus, outcome: TranscriptionOutcome, options: Transcribe
) -> Iterator[str]:
    """Yield the lines on a result, and write the table of word errors."""
    texts = recognised_texts(outcome.sources, outcome.file)
    yield f"{len(texts):,} transcripts in {outcome.file.path}; {_speed(outcome)}"
    yield from corpus_checks.problem_lines(outcome.problems)
    if rows := compare_transcripts(corpus.utterances, texts):
        yield describe_errors(rows)
    else:
        yield "the corpus has no gold transcripts, so there is no word error rate"
    if options.output is not None:
        write_word_errors(options.output, rows)
        yield f"word errors of {len(rows):,} utterances in {options.output}"
    if texts:
        yield next_line(
            Extract.from_command(
                options,
                CorpusSource,
                cache=options.cache,
                transcripts=outcome.file.identity.label,
                modalities=("text",),
            )
        )


def _speed(outcome: TranscriptionOutcome) -> str:
    """Return what this command recognised, and its speed."""
    if not outcome.recognised:
        return "nothing was left to transcribe"
    ratio = outcome.seconds / max(outcome.elapsed, 1e-9)
    return (
        f"{outcome.seconds:.0f} s of speech in {outcome.elapsed:.1f} s "
        f"({ratio:.1f} x real time)"
    )
