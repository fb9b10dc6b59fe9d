"""What there is to encode in a corpus: inputs, their digests and their sizes."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from joblib import Parallel, delayed

from affuse.data.cache.recording_spans import Stretch
from affuse.data.reading.transcript_rule import digest as text_digest
from affuse.data.records import Corpus, Problem, Utterance
from affuse.data.records import file_name as file_name  # beside what it names
from affuse.data.system.progress import bar
from affuse.extract.audio import decoder_pool, decoding

LACKING = {
    "audio": "has no recording, so it is not in audio",
    "text": "has no transcript, so it is not in text",
}


@dataclass(frozen=True, slots=True)
class InputSource:
    """One utterance's input in one modality."""

    utterance: Utterance
    content: str  # digest of the input, 32 hexadecimal digits
    size: float  # seconds of audio, or characters of text
    stretch: Stretch | None = None  # of the recording; None for text


def find(
    corpus: Corpus, modality: str, *, limit: int | None, threads: int, progress: bool
) -> tuple[list[InputSource], list[Problem]]:
    """Inputs of one modality, and the files that cannot be among them.

    Utterances without a recording have no place in audio, and those whose transcript is
    missing have none in text; a note names each. What
    `affuse.data.reading.transcript_rule` says of a transcript without words holds: it
    is encoded as the empty sentence.

    Args:
        limit: take so many utterances, evenly spread over the corpus; None for all
    """
    utterances = spread(corpus.utterances, limit)
    present, problems = [], list[Problem]()
    for u in utterances:
        if (u.audio if modality == "audio" else u.text) is not None:
            present.append(u)
            continue
        file = file_name(u, corpus.root)
        problems.append(Problem(file, LACKING[modality], id=u.id, fatal=False))
    if modality == "text":
        return [_text(u) for u in present], problems
    found = probes({u.audio for u in present if u.audio}, threads, progress)
    sources = []
    for u in present:
        probe = found[u.audio] if u.audio else LACKING[modality]
        if isinstance(probe, str):
            problems.append(Problem(file_name(u, corpus.root), probe, id=u.id))
        else:
            sources.append(_audio(u, probe))
    return sources, problems


def spread(utterances: Sequence[Utterance], limit: int | None) -> list[Utterance]:
    """At most `limit` utterances at even distances, so that all sessions take part."""
    if limit is None or limit >= len(utterances):
        return list(utterances)
    places = np.linspace(0, len(utterances) - 1, limit).round().astype(int)
    return [utterances[i] for i in places]


def digest(sources: Sequence[InputSource]) -> str:
    """Sixteen hexadecimal digits of all ids and inputs, in whatever order."""
    found = hashlib.sha256()
    for line in sorted(f"{s.utterance.id}\t{s.content}\n" for s in sources):
        found.update(line.encode())
    return found.hexdigest()[:16]


def probes(
    files: set[Path], threads: int, progress: bool, delay: float = 0.0
) -> dict[Path, decoding.Probe | str]:
    """Return what each file is, or why it cannot be read.

    Args:
        files: sound files
        threads: files that are opened at once
        progress: show a progress bar
        delay: seconds before there is a bar
    """

    def one(path: Path) -> tuple[Path, decoding.Probe | str]:
        try:
            return path, decoder_pool.probe(path)
        except decoding.Unusable as error:
            return path, str(error)

    jobs = (delayed(one)(path) for path in sorted(files))
    found = Parallel(n_jobs=threads, prefer="threads", return_as="generator")(jobs)
    total = len(files)
    return dict(
        bar(found, total=total, name="files", unit="file", show=progress, delay=delay)
    )


def _audio(u: Utterance, probe: decoding.Probe) -> InputSource:
    begin, end = u.span or (0.0, None)
    content = hashlib.sha256(f"{probe.digest} {u.span}".encode()).hexdigest()[:32]
    until = probe.seconds if end is None else min(end, probe.seconds)
    stretch = Stretch(probe.digest, begin, max(begin, until))
    return InputSource(u, content, max(0.0, until - begin), stretch)


def _text(u: Utterance) -> InputSource:
    text = u.text or ""
    return InputSource(u, text_digest(text), float(len(text)))
