"""Inputs of a corpus for one modality, with their digests and sizes.

This module examines the files that hold the inputs. It does not encode them.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from joblib import Parallel, delayed

from affuse.data.cache.cache_folder import CorpusFolder
from affuse.data.cache.recording_spans import RecordingSpan
from affuse.data.modality import InputFacts, Modality, modality_named
from affuse.data.records import Corpus, Problem, Utterance
from affuse.data.records import file_name as file_name  # exported for other modules
from affuse.data.system.progress import bar
from affuse.extract.audio import decoder_pool, decoding
from affuse.extract.caching import recording_listing
from affuse.extract.caching.recording_listing import RecordingListing


@dataclass(frozen=True, slots=True)
class InputSource:
    """Input of one utterance in one modality."""

    utterance: Utterance
    content: str  # digest of the input, 32 hexadecimal digits
    size: float  # in the unit of the modality, such as seconds of audio
    stretch: RecordingSpan | None = (
        None  # span of a recording; None in other modalities
    )
    # of the recording before it was listed, see `recording_listing.file_status`
    status: str = ""


def find(
    corpus: Corpus,
    modality: str,
    *,
    limit: int | None,
    threads: int,
    progress: bool,
    listing: RecordingListing | None = None,
) -> tuple[list[InputSource], list[Problem]]:
    """Return the inputs of one modality, and the problems of unusable utterances.

    An utterance without an input in this modality, such as a recording or a
    transcript, is left out, and a note names it. A transcript without words is encoded
    as the empty sentence, see `affuse.data.reading.transcript_rule`.

    Args:
        corpus: as its reader returned it
        modality: name of a file in data/modalities
        limit: number of utterances to take, evenly spaced over the corpus; None for all
        threads: number of files that are opened at the same time
        progress: True to show a progress bar
        listing: of the recordings; None to open all of them here

    Returns:
        the inputs in the order of the corpus, and a problem for each utterance that has
        no usable input
    """
    kind, root = modality_named(modality), corpus.root
    present, problems = [], list[Problem]()
    for u in spread(corpus.utterances, limit):
        if kind.has(u, root):
            present.append(u)
            continue
        file = file_name(u, root)
        problems.append(Problem(file, kind.lacking, id=u.id, fatal=False))
    results: Iterator[tuple[Utterance, InputSource | str]]
    if kind.has_times:
        files = {kind.source(u, root) for u in present}
        found = listing.probes(progress) if listing else {}
        if files - found.keys():
            found = {**found, **probes(files - found.keys(), threads, progress)}
        located = ((u, kind.source(u, root)) for u in present)
        results = (
            (u, _stretch(u, found[file], listing.status(file) if listing else ""))
            for u, file in located
        )
    else:
        results = _inputs(present, kind, root, threads, progress)
    sources = []
    for u, result in results:
        if isinstance(result, str):
            problems.append(Problem(kind.file(u, root), result, id=u.id))
        else:
            sources.append(result)
    return sources, problems


def _inputs(
    present: Sequence[Utterance],
    kind: Modality,
    root: Path,
    threads: int,
    progress: bool,
) -> Iterator[tuple[Utterance, InputSource | str]]:
    """Yield each utterance with its input, or the reason why it cannot be read."""
    results: Iterable[InputFacts | str] = (kind.facts(u, root) for u in present)
    if not kind.in_memory:  # Threads open several files at the same time.
        tasks = (delayed(kind.facts)(u, root) for u in present)
        pool = Parallel(n_jobs=threads, prefer="threads", return_as="generator")
        total = len(present)
        results = bar(
            pool(tasks), total=total, name="files", unit="file", show=progress
        )
    for u, facts in zip(present, results, strict=True):
        yield (
            u,
            facts
            if isinstance(facts, str)
            else InputSource(u, facts.content, facts.size),
        )


def spread(utterances: Sequence[Utterance], limit: int | None) -> list[Utterance]:
    """Return at most `limit` utterances, evenly spaced, so that all sessions occur.

    Args:
        utterances: in the order of the corpus
        limit: largest number of utterances; None for all
    """
    if limit is None or limit >= len(utterances):
        return list(utterances)
    places = np.linspace(0, len(utterances) - 1, limit).round().astype(int)
    return [utterances[i] for i in places]


def digest(sources: Sequence[InputSource]) -> str:
    """Return 16 hexadecimal digits of all ids and inputs, regardless of their order."""
    total = hashlib.sha256()
    for line in sorted(f"{s.utterance.id}\t{s.content}\n" for s in sources):
        total.update(line.encode())
    return total.hexdigest()[:16]


def probes(
    files: set[Path], threads: int, progress: bool, delay: float = 0.0
) -> dict[Path, decoding.Probe | str]:
    """Return the properties of each sound file, or the reason why it is unreadable.

    Args:
        files: sound files
        threads: number of files that are opened at the same time
        progress: True to show a progress bar
        delay: seconds until the progress bar appears
    """

    paths = sorted(files)
    answers = decoder_pool.probe_all(paths, threads)
    return recording_listing.gather(answers, paths, progress, delay)


def list_recordings(
    corpus: Corpus, modality: str, cache: Path, limit: int | None, threads: int
) -> RecordingListing:
    """Return the listing of the recordings of a corpus, which begins at once.

    Args:
        corpus: as its reader returned it
        modality: of recordings
        cache: the folder of all caches
        limit: number of utterances to take, evenly spaced over the corpus; None for all
        threads: number of files that are opened at the same time
    """
    kind, root = modality_named(modality), corpus.root
    sources = (kind.source(u, root) for u in spread(corpus.utterances, limit))
    files = {source for source in sources if source is not None}
    return RecordingListing(files, root, CorpusFolder(cache / corpus.name), threads)


def recording_content(
    file: str, span: tuple[float, float | None] | None, channel: int | None
) -> str:
    """Return the digest of a span of a recording as the input of an encoder.

    Args:
        file: digest of its bytes
        span: start and end in seconds (None: end of the file); None for all of it
        channel: counted from 1; None for the mean of all channels

    Returns:
        32 hexadecimal digits; without a channel, those of older versions
    """
    chosen = "" if channel is None else f" channel {channel}"
    return hashlib.sha256(f"{file} {span}{chosen}".encode()).hexdigest()[:32]


def _stretch(
    u: Utterance, probe: decoding.Probe | str, status: str
) -> InputSource | str:
    """Return the input of an utterance, or the reason why its recording has none."""
    if isinstance(probe, str):
        return probe
    begin, end = u.span or (0.0, None)
    content = recording_content(probe.digest, u.span, u.channel)
    until = probe.seconds if end is None else min(end, probe.seconds)
    stretch = RecordingSpan(probe.digest, begin, max(begin, until))
    return InputSource(u, content, max(0.0, until - begin), stretch, status)
