"""Compares the recordings of a corpus with its utterances, by the headers of the files.

Nothing is decoded: samples that are no numbers, for example, are found by `extract`.
"""

from collections.abc import Iterator
from pathlib import Path

from joblib import cpu_count

from data.utterance import Corpus, Problem
from extract import audio, bounds, sources

DELAY = 2.0  # seconds before there is a progress bar
MOST = 8  # files that are opened at once, each in a process of its own


def faults(corpus: Corpus) -> Iterator[Problem]:
    """Yield what keeps `extract` from an utterance, and notes on files that it mends.

    Args:
        corpus: of any reader
    """
    files = {u.audio for u in corpus.utterances if u.audio}
    threads = min(MOST, cpu_count(), max(1, len(files)))
    found = sources.probes(files, threads, progress=True, delay=DELAY)
    noted = set[Path]()
    for u in corpus.utterances:
        if u.audio:
            name = sources.file_name(u, corpus.root)
            if u.audio not in noted:
                yield from _repairs(found[u.audio], name, u.id)
                noted.add(u.audio)
            if reason := _reason(found[u.audio], u.span):
                yield Problem(name, reason, id=u.id)


def _repairs(probe: audio.Probe | str, name: str, first: str) -> Iterator[Problem]:
    """Yield a note on all that is mended in a file, under its first utterance."""
    for note in probe.repairs if isinstance(probe, audio.Probe) else ():
        yield Problem(name, note, id=first, fatal=False)


def _reason(probe: audio.Probe | str, span: bounds.Span) -> str:
    """Return why a stretch of a file cannot be encoded; "" if it can."""
    if isinstance(probe, str):
        return probe
    try:
        bounds.frames(probe.frames, probe.rate, probe.channels, span, bounds.LONGEST)
    except bounds.Unusable as error:
        return str(error)
    return bounds.CUT_OFF if probe.cut_off and bounds.reaches_end(span) else ""
