"""What there is to encode in a corpus: inputs, their digests and their sizes."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from joblib import Parallel, delayed

from affuse.data.cache.recording_spans import Stretch
from affuse.data.modality import InputFacts, Modality, modality_named
from affuse.data.records import Corpus, Problem, Utterance
from affuse.data.records import file_name as file_name  # beside what it names
from affuse.data.system.progress import bar
from affuse.extract.audio import decoder_pool, decoding


@dataclass(frozen=True, slots=True)
class InputSource:
    """One utterance's input in one modality."""

    utterance: Utterance
    content: str  # digest of the input, 32 hexadecimal digits
    size: float  # in the unit of the modality, such as seconds of audio
    stretch: Stretch | None = None  # of the recording; None in other modalities


def find(
    corpus: Corpus, modality: str, *, limit: int | None, threads: int, progress: bool
) -> tuple[list[InputSource], list[Problem]]:
    """Inputs of one modality, and the files that cannot be among them.

    Utterances that lack what the modality takes, such as a recording or a transcript,
    have no place in it; a note names each. What `affuse.data.reading.transcript_rule`
    says of a transcript without words holds: it is encoded as the empty sentence.

    Args:
        modality: a file name in data/modalities
        limit: take so many utterances, evenly spread over the corpus; None for all
    """
    kind, root = modality_named(modality), corpus.root
    present, problems = [], list[Problem]()
    for u in spread(corpus.utterances, limit):
        if kind.has(u, root):
            present.append(u)
            continue
        file = file_name(u, root)
        problems.append(Problem(file, kind.lacking, id=u.id, fatal=False))
    look = _recordings if kind.has_times else _inputs
    sources = []
    for u, found in look(present, kind, root, threads, progress):
        if isinstance(found, str):
            problems.append(Problem(kind.file(u, root), found, id=u.id))
        else:
            sources.append(found)
    return sources, problems


def _recordings(
    present: Sequence[Utterance],
    kind: Modality,
    root: Path,
    threads: int,
    progress: bool,
) -> Iterator[tuple[Utterance, InputSource | str]]:
    """Yield each utterance with the stretch of its recording, or why it has none."""
    paths = [kind.source(u, root) for u in present]
    found = probes(set(paths), threads, progress)
    for u, path in zip(present, paths, strict=True):
        probe = found[path]
        yield u, probe if isinstance(probe, str) else _stretch(u, probe)


def _inputs(
    present: Sequence[Utterance],
    kind: Modality,
    root: Path,
    threads: int,
    progress: bool,
) -> Iterator[tuple[Utterance, InputSource | str]]:
    """Yield each utterance with its input, or why that cannot be read."""
    sources = (kind.source(u, root) for u in present)
    found: Iterable[InputFacts | str] = map(kind.facts, sources)
    if not kind.in_memory:  # several files are opened at once
        jobs = (delayed(kind.facts)(source) for source in sources)
        made = Parallel(n_jobs=threads, prefer="threads", return_as="generator")(jobs)
        found = bar(made, total=len(present), name="files", unit="file", show=progress)
    for u, facts in zip(present, found, strict=True):
        yield (
            u,
            facts
            if isinstance(facts, str)
            else InputSource(u, facts.content, facts.size),
        )


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


def _stretch(u: Utterance, probe: decoding.Probe) -> InputSource:
    begin, end = u.span or (0.0, None)
    content = hashlib.sha256(f"{probe.digest} {u.span}".encode()).hexdigest()[:32]
    until = probe.seconds if end is None else min(end, probe.seconds)
    stretch = Stretch(probe.digest, begin, max(begin, until))
    return InputSource(u, content, max(0.0, until - begin), stretch)
