"""A WordPiece vocabulary for a small model: the same for the same texts, every time.

Words are whole pieces if the data uses them and the teacher, which has read more, holds
them for frequent as well; fragments spell the others. Lower case, as in
``distilbert-base-uncased``. The trainer of the tokenizers library is not used: what it
finds differs from run to run.
"""

from collections import Counter
from collections.abc import Callable, Container, Iterable, Mapping

from transformers import DistilBertTokenizer

from affuse.data.errors import AffuseError

MARKS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
WHOLE = 0.8  # share of the pieces that are words
FRAGMENTS = range(2, 6)  # characters of what spells the other words
RARE = 1e-5  # share of all characters under which one is not spelt


def count_words(texts: Iterable[str]) -> Counter[str]:
    """Words and punctuation marks, as the tokenizer divides texts, counted."""
    backend = tokenizer(MARKS).backend_tokenizer
    normalizer, divider = backend.normalizer, backend.pre_tokenizer
    return Counter(
        word
        for text in texts
        for word, _ in divider.pre_tokenize_str(normalizer.normalize_str(text))
    )


def choose(
    words: Mapping[str, int], size: int, rank: Callable[[str], int | None]
) -> list[str]:
    """At most `size` pieces: marks, characters, words, fragments.

    Args:
        words: of the data, with their numbers
        rank: the number of a word among the teacher's pieces, which are numbered from
            frequent to rare; None if it is several pieces there

    Raises:
        AffuseError: if the marks and characters alone are more
    """
    letters = _letters(words)
    pieces = dict.fromkeys((*MARKS, *letters, *(f"##{c}" for c in letters)))
    if size <= len(pieces):
        raise AffuseError(
            f"--vocabulary {size} is too small; take {len(pieces) + 1000}"
        )
    room = int((size - len(pieces)) * WHOLE)
    pieces |= dict.fromkeys(_frequent(words, rank, pieces)[:room])
    rest = {word: count for word, count in words.items() if word not in pieces}
    pieces |= dict.fromkeys(_fragments(rest, pieces)[: size - len(pieces)])
    return list(pieces)


def _letters(words: Mapping[str, int]) -> list[str]:
    """Characters that are not rare, sorted."""
    counts: Counter[str] = Counter()
    for word, count in words.items():
        counts.update(dict.fromkeys(word, count))
    least = RARE * counts.total()
    return sorted(c for c, count in counts.items() if count >= least)


def _frequent(
    words: Mapping[str, int],
    rank: Callable[[str], int | None],
    taken: Container[str],
) -> list[str]:
    """Words that are one piece of the teacher, by their rank here times that there."""
    ordered = sorted(words, key=lambda word: (-words[word], word))
    ranks = {
        word: (here + 1) * there
        for here, word in enumerate(ordered)
        if word not in taken and (there := rank(word)) is not None
    }
    return sorted(ranks, key=lambda word: (ranks[word], word))


def _fragments(words: Mapping[str, int], taken: Container[str]) -> list[str]:
    """What begins and what continues words, by the characters that it would save."""
    saved: Counter[str] = Counter()
    for word, count in words.items():
        for begin in range(len(word)):
            for length in FRAGMENTS:
                if begin + length <= len(word):
                    piece = word[begin : begin + length]
                    saved[f"##{piece}" if begin else piece] += count * (length - 1)
    found = sorted((-saving, piece) for piece, saving in saved.items())
    return [piece for _, piece in found if piece not in taken]


def tokenizer(pieces: Iterable[str]) -> DistilBertTokenizer:
    """A DistilBERT tokenizer of these pieces, in this order."""
    numbers = {piece: number for number, piece in enumerate(pieces)}
    return DistilBertTokenizer(vocab=numbers, do_lower_case=True)
