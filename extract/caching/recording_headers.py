"""Comparison of the files of a corpus with its utterances, before extraction.

Only the headers of recordings are read. Nothing is decoded, so errors such as samples
that are not finite are detected by `extract`. Files of other modalities are examined as
`extract` does before it encodes them.
"""

from collections.abc import Iterator
from pathlib import Path

from joblib import cpu_count

from affuse.data.modality import other_modalities
from affuse.data.records import Corpus, Problem, Utterance
from affuse.data.system.progress import DELAY
from affuse.extract.audio import decoding, header_bounds
from affuse.extract.caching import encoder_inputs

FILES_AT_ONCE = 8  # files that are opened at the same time, each in a separate process


def find_problems(corpus: Corpus) -> Iterator[Problem]:
    """Yield the problems that `extract` will have, and notes on files it will repair.

    Args:
        corpus: of any reader
    """
    files = {u.audio for u in corpus.utterances if u.audio}
    threads = min(FILES_AT_ONCE, cpu_count(), max(1, len(files)))
    probes = encoder_inputs.probes(files, threads, progress=True, delay=DELAY)
    noted = set[Path]()
    for u in corpus.utterances:
        if u.audio:
            name = encoder_inputs.file_name(u, corpus.root)
            if u.audio not in noted:
                yield from _repairs(probes[u.audio], name, u.id)
                noted.add(u.audio)
            if reason := _reason(probes[u.audio], u):
                yield Problem(name, reason, id=u.id)
    for kind in other_modalities():
        _, problems = encoder_inputs.find(
            corpus, kind.name, limit=None, threads=FILES_AT_ONCE, progress=True
        )
        yield from (problem for problem in problems if problem.fatal)


def _repairs(probe: decoding.Probe | str, name: str, first: str) -> Iterator[Problem]:
    """Yield a note for each repair of a file, with the id of its first utterance."""
    for note in probe.repairs if isinstance(probe, decoding.Probe) else ():
        yield Problem(name, note, id=first, fatal=False)


def _reason(probe: decoding.Probe | str, u: Utterance) -> str:
    """Return the reason why an utterance cannot be encoded; "" if it can."""
    if isinstance(probe, str):
        return probe
    return unusable_reason(probe, u.span, channel=u.channel)


def unusable_reason(
    probe: decoding.Probe,
    span: header_bounds.Span,
    *,
    channel: int | None = None,
    longest: float | None = None,
) -> str:
    """Return the reason why a span of a file cannot be encoded; "" if it can.

    Args:
        probe: header of the file
        span: start and end in seconds (None: end of the file); None for all of it
        channel: counted from 1; None for the mean of all channels
        longest: seconds that a span may last; None for `header_bounds.LONGEST`
    """
    header = probe.frames, probe.rate, probe.channels
    limit = header_bounds.LONGEST if longest is None else longest
    try:
        header_bounds.check_channel(probe.channels, channel)
        header_bounds.frames(*header, span, limit)
    except header_bounds.Unusable as error:
        return str(error)
    return (
        header_bounds.CUT_OFF
        if probe.cut_off and header_bounds.reaches_end(span)
        else ""
    )
