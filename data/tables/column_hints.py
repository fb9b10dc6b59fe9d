"""Suggestions of a role for a column whose name resembles a known one.

A suggestion is only shown to the user; no column is read because of it.
"""

import difflib
import re
from collections.abc import Collection

from affuse.data.tables import column_roles

WORDS = {  # role -> words in a column's name that suggest the role
    "valence": "pleasure pleasantness polarity",
    "arousal": "activity energy excitement activated",
    "dominance": "control power potency",
    "file": "audio wav path filepath recording clip video mp3 flac ogg",
    "text": "words caption utterances content asr transcribed",
    "speaker": "spk spkr subject actor participant talker person author",
    "id": "utt uttid uid segment key",
    "split": "subset set fold usage part",
    "session": "sess ses",
    "dialogue": "conv convo conversation dia",
    "start": "from begins starts",
    "end": "to ends stops",
    "duration": "length seconds secs",
}
OTHER = frozenset("std sd var variance count age n se raters annotators".split())
UNITS = frozenset("ms us ns frame frames sample samples".split())
CLOSE = 0.8  # similarity of a misspelt name to a known one, as `difflib` measures it


def role(name: str, skip: Collection[str] = ()) -> str:
    """Return the role that the name of a column suggests, or "" if it suggests none.

    Args:
        name: of the column
        skip: roles that are read from other columns, so they are not suggested

    Examples:
        >>> role("speakerID"), role("audio_path"), role("pleasure")
        ('speaker', 'file', 'valence')
        >>> role("arousl"), role("valence_std"), role("language")
        ('arousal', '', '')
    """
    words = _words(name)
    if not OTHER.isdisjoint(words):
        return ""
    candidates = [
        candidate for candidate in column_roles.ALIASES if candidate not in skip
    ]
    # "id" and "file" come last: 'speaker_id' is a speaker, 'audio_start' a start.
    for candidate in sorted(candidates, key=lambda r: r in ("id", "file")):
        names = {*WORDS.get(candidate, "").split(), *_long(candidate)}
        if not names.isdisjoint((*words, "".join(words))):
            return candidate
    roles = {alias: candidate for candidate in candidates for alias in _long(candidate)}
    close = difflib.get_close_matches("".join(words), roles, 1, CLOSE)
    return roles[close[0]] if close else ""


def has_unit(name: str) -> bool:
    """Return True if the name of a column states a unit of time other than seconds.

    Args:
        name: of the column

    Examples:
        >>> has_unit("start_ms"), has_unit("startTime")
        (True, False)
    """
    return not UNITS.isdisjoint(_words(name))


def _words(name: str) -> list[str]:
    """Return the words of ``mean_arousal`` or ``speakerID``, in lower case."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    return [word.casefold() for word in re.findall(r"[^\W_]+", spaced)]


def _long(role: str) -> list[str]:
    """Return the aliases of a role that are longer than one letter."""
    return [alias for alias in column_roles.ALIASES[role] if len(alias) > 1]
