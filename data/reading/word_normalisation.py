"""Normal form of transcripts without case and punctuation.

Word error rates compare texts in this form: Unicode form NFKC, lower case, no marks of
punctuation except apostrophes within words, and one space between words. A hyphen
divides words. Numbers, abbreviations and spellings are not changed, so ``21`` and
``twenty-one`` are different words.
"""

import re
import unicodedata

APOSTROPHES = str.maketrans(dict.fromkeys("\N{RIGHT SINGLE QUOTATION MARK}`", "'"))
NOT_WORDS = re.compile(r"[^\w']+|_")
OUTER = re.compile(r"(?<!\w)'|'(?!\w)")  # quotation marks, not apostrophes


def normalise_words(text: str) -> str:
    """Return a text without case and punctuation, one space between words.

    Args:
        text: transcript

    Examples:
        >>> normalise_words("Well -- I DON'T know, 'Mr.' Twenty-one!")
        "well i don't know mr twenty one"
    """
    text = unicodedata.normalize("NFKC", text).translate(APOSTROPHES).casefold()
    return " ".join(OUTER.sub(" ", NOT_WORDS.sub(" ", text)).split())
