"""Start of an extraction: recordings are listed while libraries and weights load.

This module imports neither torch nor transformers.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from joblib import cpu_count

from affuse.data.options.extraction_options import Extract
from affuse.data.reading import corpus_reading
from affuse.data.records import Corpus
from affuse.extract.caching import encoder_inputs
from affuse.extract.caching.recording_listing import RecordingListing

RECORDED = "audio"  # modality whose recordings are listed early


def run(options: Extract, say: Callable[[str], object]) -> int:
    """Read and encode a corpus; return the number of problems that left inputs out.

    Args:
        options: of the command line
        say: prints a line
    """
    corpus = corpus_reading.read_and_describe(say, options)
    with early_listing(corpus, options) as listing:
        from affuse.extract.commands import extract_command

        return extract_command.encode(corpus, options, say, listing)[0]


@contextmanager
def early_listing(
    corpus: Corpus, options: Extract
) -> Iterator[RecordingListing | None]:
    """Yield the listing of the recordings of a command; None if it encodes none.

    Args:
        corpus: as its reader returned it
        options: modalities, number of utterances, threads and cache
    """
    if options.modalities and RECORDED not in options.modalities:
        yield None
        return
    threads = options.threads or cpu_count()
    with encoder_inputs.list_recordings(
        corpus, RECORDED, options.cache, options.limit, threads
    ) as listing:
        yield listing
