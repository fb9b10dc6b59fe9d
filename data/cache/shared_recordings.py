"""Where utterances lie in recordings, without any path of a machine.

Says which utterances are cut from one recording, by their ids; how a recording is named
within its corpus; and by which digests it is recognised in another corpus.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from sys import intern

from affuse.data.cache.recording_spans import SILENT, Stretch
from affuse.data.records import Utterance


@dataclass(frozen=True, slots=True)
class Place:
    """Where an utterance lies in a recording; what is not known is "" or None."""

    file: str  # relative to the root of the corpus
    start: float | None  # seconds from the beginning of the file
    end: float | None  # seconds from the beginning of the file


def place(utterance: Utterance, root: Path, stretch: Stretch | None) -> Place:
    """Return where an utterance lies in its recording, without opening that.

    Args:
        utterance: as it was read, or as the cache keeps it
        root: folder of its corpus
        stretch: of the recording, as a cache of speech knows it, with the length of a
            file that the utterance is all of; None if it is not known

    Examples:
        >>> turn = Utterance("a", audio=Path("x/wav/a.wav"), span=(1.0, None))
        >>> place(turn, Path("x"), Stretch("00ff", 1.0, 2.5))
        Place(file='wav/a.wav', start=1.0, end=2.5)
        >>> place(Utterance("b", text="yes"), Path("x"), None)
        Place(file='', start=None, end=None)
    """
    file = inside(utterance, root)
    begin, end = utterance.span or (None, None)
    if stretch is not None:
        begin = stretch.begin if begin is None else begin
        end = stretch.end if end is None else min(end, stretch.end)
    return Place(file, 0.0 if begin is None and file else begin, end)


def inside(utterance: Utterance, root: Path) -> str:
    """Return the recording as a path below the root of its corpus; "" without one.

    Of a recording elsewhere only the name of its file is told.
    """
    path = utterance.audio
    if path is None:
        return utterance.file
    below = path.relative_to(root) if path.is_relative_to(root) else Path(path.name)
    return below.as_posix().encode(errors="backslashreplace").decode()


def keys(content: str, stretch: Stretch | None) -> tuple[str, ...]:
    """Return what utterances of one recording have in common, in whatever corpus.

    Args:
        content: digest of the file and the span, as a cache of speech keeps it, or ""
        stretch: of the recording; None if it is not known

    Examples:
        >>> keys("00ff", Stretch("a1", 0.0, 1.0, "b2"))
        ('samples b2', 'input 00ff')
    """
    samples = "" if stretch is None or stretch.samples == SILENT else stretch.samples
    named = (("samples", samples), ("input", content))
    return tuple(f"{what} {digest}" for what, digest in named if digest)


def shared(utterances: Iterable[Utterance]) -> dict[str, str]:
    """Return the recording of each utterance whose recording holds another one too.

    Two utterances have a recording in common if they name the same audio file, or if
    the cache says so, which keeps no path.

    Args:
        utterances: of one corpus

    Returns:
        {id: id of the first utterance of the same recording}; an utterance without
        audio, or alone in its recording, is not in the answer

    Examples:
        >>> wav = Path("a.wav")
        >>> turns = [Utterance(i, audio=wav) for i in ("one", "two")]
        >>> shared([*turns, Utterance("three", audio=Path("b.wav")), Utterance("four")])
        {'one': 'one', 'two': 'one'}
    """
    found: dict[str, str] = {}
    firsts: dict[Path, str] = {}
    for u in utterances:
        if u.recording:
            found[u.id] = intern(u.recording)
        elif u.audio is not None:
            first = firsts.setdefault(u.audio, u.id)
            if first != u.id:
                found[first] = found[u.id] = first
    return found
