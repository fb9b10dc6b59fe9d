"""Names of columns that are close to known ones, to ask about; none is guessed."""

import difflib
import re
from collections.abc import Collection

from affuse.data.tables import column_roles

WORDS = {  # of a name: the role that they may mean
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
CLOSE = 0.8  # of `difflib`, for names that are misspelt


def role(name: str, known: Collection[str] = ()) -> str:
    """Return the role that a column may be meant for; "" if its name is like none.

    Args:
        name: of the column
        known: roles that are read from other columns, which are not asked about

    Examples:
        >>> role("speakerID"), role("audio_path"), role("pleasure")
        ('speaker', 'file', 'valence')
        >>> role("arousl"), role("valence_std"), role("language")
        ('arousal', '', '')
    """
    words = _words(name)
    if not OTHER.isdisjoint(words):
        return ""
    open_ = [found for found in column_roles.ALIASES if found not in known]
    # the most telling word first: 'speaker_id' is no id, 'audio_start' no file
    for found in sorted(open_, key=lambda r: r in ("id", "file")):
        names = {*WORDS.get(found, "").split(), *_long(found)}
        if not names.isdisjoint((*words, "".join(words))):
            return found
    names_ = {alias: found for found in open_ for alias in _long(found)}
    close = difflib.get_close_matches("".join(words), names_, 1, CLOSE)
    return names_[close[0]] if close else ""


def has_unit(name: str) -> bool:
    """Return True if the times of a column are in no seconds, by its name.

    Examples:
        >>> has_unit("start_ms"), has_unit("startTime")
        (True, False)
    """
    return not UNITS.isdisjoint(_words(name))


def _words(name: str) -> list[str]:
    """Return the words of ``mean_arousal`` or ``speakerID``, in lower case."""
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    return [word.casefold() for word in re.findall(r"[^\W_]+", apart)]


def _long(found: str) -> list[str]:
    """Return the known names of a role but for single letters."""
    return [alias for alias in column_roles.ALIASES[found] if len(alias) > 1]
