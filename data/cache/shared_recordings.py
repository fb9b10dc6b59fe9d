"""Recordings of utterances, identified without absolute paths.

This module lists the utterances that share a recording and names a recording within its
corpus. It also returns the digests that identify a recording in another corpus.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from sys import intern

from affuse.data.cache.recording_spans import SILENT, RecordingSpan
from affuse.data.records import Utterance


@dataclass(frozen=True, slots=True)
class Place:
    """Location of an utterance in a recording; unknown values are "" or None."""

    file: str  # relative to the root of the corpus
    start: float | None  # seconds from the beginning of the file
    end: float | None  # seconds from the beginning of the file


def locate(utterance: Utterance, root: Path, stretch: RecordingSpan | None) -> Place:
    """Return the location of an utterance in its recording, without opening the file.

    Args:
        utterance: of a corpus reader, or of a cache
        root: folder of its corpus
        stretch: span from a cache of speech, which has an end even if the utterance is
            a whole file; None if it is not known

    Examples:
        >>> turn = Utterance("a", audio=Path("x/wav/a.wav"), span=(1.0, None))
        >>> locate(turn, Path("x"), RecordingSpan("00ff", 1.0, 2.5))
        Place(file='wav/a.wav', start=1.0, end=2.5)
        >>> locate(Utterance("b", text="yes"), Path("x"), None)
        Place(file='', start=None, end=None)
    """
    file = relative_path(utterance, root)
    begin, end = utterance.span or (None, None)
    if stretch is not None:
        begin = stretch.begin if begin is None else begin
        end = stretch.end if end is None else min(end, stretch.end)
    return Place(file, 0.0 if begin is None and file else begin, end)


def relative_path(utterance: Utterance, root: Path) -> str:
    """Return the path of a recording below the root of its corpus; "" without one.

    For a recording outside the corpus it is the name of the file only.

    Args:
        utterance: of a corpus reader, or of a cache
        root: folder of its corpus
    """
    path = utterance.audio
    if path is None:
        return utterance.file
    below = path.relative_to(root) if path.is_relative_to(root) else Path(path.name)
    return below.as_posix().encode(errors="backslashreplace").decode()


def keys(content: str, stretch: RecordingSpan | None) -> tuple[str, ...]:
    """Return keys that are equal for equal audio in any corpus.

    Args:
        content: digest of the file and the span, from a cache of speech, or ""
        stretch: span in the recording; None if it is not known

    Examples:
        >>> keys("00ff", RecordingSpan("a1", 0.0, 1.0, "b2"))
        ('samples b2', 'input 00ff')
    """
    samples = "" if stretch is None or stretch.samples == SILENT else stretch.samples
    digests = (("samples", samples), ("input", content))
    return tuple(f"{name} {digest}" for name, digest in digests if digest)


def find_shared(utterances: Iterable[Utterance]) -> dict[str, str]:
    """Return the recording of each utterance that shares it with another utterance.

    Two utterances share a recording if they have the same audio file, or if the cache
    states the same first utterance for both.

    Args:
        utterances: of one corpus

    Returns:
        {id: id of the first utterance of the same recording}, without utterances that
        have no audio or do not share their recording

    Examples:
        >>> wav = Path("a.wav")
        >>> turns = [Utterance(i, audio=wav) for i in ("one", "two")]
        >>> turns += [Utterance("three", audio=Path("b.wav")), Utterance("four")]
        >>> find_shared(turns)
        {'one': 'one', 'two': 'one'}
    """
    recordings: dict[str, str] = {}
    firsts: dict[Path, str] = {}
    for u in utterances:
        if u.recording:
            recordings[u.id] = intern(u.recording)
        elif u.audio is not None:
            first = firsts.setdefault(u.audio, u.id)
            if first != u.id:
                recordings[first] = recordings[u.id] = first
    return recordings
