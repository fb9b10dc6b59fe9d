"""Reproducible WordPiece vocabulary for a small model.

A word is one piece if it is frequent in the data and in the teacher's vocabulary, which
comes from more text. All other words are spelt with fragments. All pieces are in
lower case, as in ``distilbert-base-uncased``. The trainer of the tokenizers library is
not used, because its results differ from run to run.
"""

from collections import Counter
from collections.abc import Callable, Container, Iterable, Mapping

from transformers import DistilBertTokenizer

from affuse.data.errors import AffuseError

SPECIAL_TOKENS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
WORD_SHARE = 0.8  # share of the pieces that are words
FRAGMENTS = range(2, 6)  # characters of a fragment
RARE_SHARE = 1e-5  # a character that is a smaller share of all gets no piece


def count_words(texts: Iterable[str]) -> Counter[str]:
    """Return the counts of words and punctuation marks, split by the tokenizer."""
    backend = tokenizer(SPECIAL_TOKENS).backend_tokenizer
    normalizer, divider = backend.normalizer, backend.pre_tokenizer
    return Counter(
        word
        for text in texts
        for word, _ in divider.pre_tokenize_str(normalizer.normalize_str(text))
    )


def choose(
    words: Mapping[str, int], size: int, rank: Callable[[str], int | None]
) -> list[str]:
    """Return at most `size` pieces: special tokens, characters, words and fragments.

    Args:
        words: of the data, with their counts
        size: largest number of pieces
        rank: returns the number of a word among the teacher's pieces, which are
            numbered from frequent to rare; None for a word of several pieces

    Raises:
        AffuseError: if special tokens and characters alone exceed `size`
    """
    letters = _letters(words)
    pieces = dict.fromkeys((*SPECIAL_TOKENS, *letters, *(f"##{c}" for c in letters)))
    if size <= len(pieces):
        raise AffuseError(
            f"--vocabulary {size} is too small; take {len(pieces) + 1000}"
        )
    room = int((size - len(pieces)) * WORD_SHARE)
    pieces |= dict.fromkeys(_frequent_words(words, rank, pieces)[:room])
    rest = {word: count for word, count in words.items() if word not in pieces}
    pieces |= dict.fromkeys(_fragments(rest, pieces)[: size - len(pieces)])
    return list(pieces)


def _letters(words: Mapping[str, int]) -> list[str]:
    """Return the characters that are not rare, sorted."""
    counts: Counter[str] = Counter()
    for word, count in words.items():
        counts.update(dict.fromkeys(word, count))
    least = RARE_SHARE * counts.total()
    return sorted(c for c, count in counts.items() if count >= least)


def _frequent_words(
    words: Mapping[str, int],
    rank: Callable[[str], int | None],
    pieces: Container[str],
) -> list[str]:
    """Return words that are one piece of the teacher, sorted by frequency.

    The order is that of the product of two ranks: in the data, and in the teacher's
    vocabulary.
    """
    ordered = sorted(words, key=lambda word: (-words[word], word))
    ranks = {
        word: (student_rank + 1) * teacher_rank
        for student_rank, word in enumerate(ordered)
        if word not in pieces and (teacher_rank := rank(word)) is not None
    }
    return sorted(ranks, key=lambda word: (ranks[word], word))


def _fragments(words: Mapping[str, int], pieces: Container[str]) -> list[str]:
    """Return word beginnings and continuations, by characters saved."""
    saved: Counter[str] = Counter()
    for word, count in words.items():
        for begin in range(len(word)):
            for length in FRAGMENTS:
                if begin + length <= len(word):
                    piece = word[begin : begin + length]
                    saved[f"##{piece}" if begin else piece] += count * (length - 1)
    ordered = sorted((-saving, piece) for piece, saving in saved.items())
    return [piece for _, piece in ordered if piece not in pieces]


def tokenizer(pieces: Iterable[str]) -> DistilBertTokenizer:
    """Return a DistilBERT tokenizer of these pieces, in this order."""
    numbers = {piece: number for number, piece in enumerate(pieces)}
    return DistilBertTokenizer(vocab=numbers, do_lower_case=True)
