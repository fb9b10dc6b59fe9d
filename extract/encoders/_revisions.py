"""Identity of the code of encoders, by which a cache knows its own.

An encoder that comes with the project has a revision number, which is raised whenever
the same recipe would give other embeddings. Any other encoder, and a built-in one that
was edited, is known by the digest of its code, see `data.source_code`.
"""

from collections.abc import Mapping
from functools import lru_cache

from data import source_code
from data.source_code import Revision

ENCODERS = "extract.encoders"

BUILT_IN: Mapping[str, Revision] = {  # tests/test_revisions.py says when to change it
    "distilbert": Revision(1, "58b4712180ac"),
    "wav2vec2": Revision(1, "7f186e46b677"),
    "wav2vec2_bert": Revision(1, "297ecf218c1d"),
    "whisper": Revision(1, "bd5aab5bced8"),
}


@lru_cache(maxsize=256)
def of(encoder: str) -> str:
    """Return the identity of the code of an encoder, as a recipe has it.

    It is told once in a process, for code that is edited later is not imported again.

    Args:
        encoder: name of a file or package in extract/encoders

    Returns:
        "" for the first revision of a built-in encoder, else ``revision 2``, or
        ``code`` and twelve hexadecimal digits
    """
    module, known = f"{ENCODERS}.{encoder}", BUILT_IN.get(encoder)
    return source_code.identity(module, (ENCODERS,), known, short=True)


def digest(encoder: str) -> str:
    """Return the digest of the code of an encoder: twelve hexadecimal digits."""
    return source_code.digest(f"{ENCODERS}.{encoder}", (ENCODERS,))
