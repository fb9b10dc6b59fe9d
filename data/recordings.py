"""Which utterances are cut from one recording, by ids instead of paths of a machine."""

from collections.abc import Iterable
from pathlib import Path
from sys import intern

from data.utterance import Utterance


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
