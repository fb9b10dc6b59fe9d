"""Rule for utterances whose transcript has no words, the same for every corpus.

A laugh, a sigh or unintelligible speech has a recording and ratings. Its transcript
exists and is empty: an empty cell in the text column of a table, or a line of IEMOCAP
with only sound tokens, such as ``[GARBAGE]``. Such an utterance is kept, and its `text`
is ``""``. Text encoders encode the empty sentence, which consists of the marks of
beginning and end (``[CLS] [SEP]``). So every design uses the sound and the ratings, and
all designs of a comparison have the same utterances. IEMOCAP keeps the 10,039
utterances of the published results.

A missing transcript is different, because words were spoken and are unknown: a cell
with ``NaN``, a table without a text column, or a turn of IEMOCAP that is in no
transcript file. Then `text` is None. There is no text embedding, and the utterance is
left out of each comparison that includes a design with text. If no utterance of a
corpus has words, all of its transcripts count as missing.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from affuse.data.records import Corpus, Problem, Utterance, file_name

SHOWN = 60  # characters of a transcript in a note
EMPTY = (
    "the text is empty, so text encoders read the empty sentence; kept; if the "
    "transcript is missing, write NaN in its place"
)


def apply_rule(corpus: Corpus) -> Corpus:
    """Return a corpus that follows the rule, with a note on each affected utterance.

    Args:
        corpus: as its reader returned it

    Returns:
        the same corpus if every transcript has words
    """
    number = count(corpus.utterances)
    if not number:
        return corpus
    if any(map(has_words, corpus.utterances)):
        text, notes = "", [*_notes(corpus.utterances, corpus.root)]
    else:
        reason = f"no text of this corpus has words (texts: {number}), so none is read"
        text, notes = None, [Problem("", reason, fatal=False)]
    utterances = tuple(
        replace(u, text=text) if is_wordless(u) else u for u in corpus.utterances
    )
    return replace(corpus, utterances=utterances, problems=(*corpus.problems, *notes))


def has_words(utterance: Utterance) -> bool:
    """Return True if the cleaned transcript is not empty."""
    return bool(utterance.text and utterance.text.strip())


def is_wordless(utterance: Utterance) -> bool:
    """Return True if there is a transcript, and it is empty after cleaning."""
    return utterance.text is not None and not utterance.text.strip()


def count(utterances: Sequence[Utterance]) -> int:
    """Return the number of utterances whose transcript has no words."""
    return sum(map(is_wordless, utterances))


def digest(text: str) -> str:
    """Return 32 hexadecimal digits that identify a text as the input of an encoder.

    Args:
        text: of an utterance

    Examples:
        >>> digest("") == digest(""), digest("") == digest(" ")
        (True, False)
    """
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _notes(utterances: Sequence[Utterance], root: Path) -> Iterator[Problem]:
    """Yield a note for each utterance without words."""
    for utterance in filter(is_wordless, utterances):
        released = (utterance.transcript or "").strip()
        reason = (
            f"the transcript {released[:SHOWN]!r} has no words, so text encoders read "
            f"the empty sentence; kept"
        )
        yield Problem(
            file_name(utterance, root),
            reason if released else EMPTY,
            id=utterance.id,
            fatal=False,
        )
