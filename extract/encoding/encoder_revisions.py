"""Identity of the code of encoders, by which a cache knows its own.

An encoder that comes with the project has a revision number, which is raised whenever
the same recipe would give other embeddings. Any other encoder, and a built-in one that
was edited, is known by the digest of its code, see `affuse.data.system.source_digests`.
"""

from collections.abc import Mapping
from functools import lru_cache

from affuse.data.plugins import ENCODER_PACKAGE
from affuse.data.system import source_digests
from affuse.data.system.source_digests import Revision

NEAR = (ENCODER_PACKAGE, "affuse.extract.networks", "affuse.extract.checkpoints")
BUILT_IN: Mapping[str, Revision] = {  # tests/test_revisions.py says when to change it
    "distilbert": Revision(1, "7d7cfc471411"),
    "wav2vec2": Revision(1, "b5674c4f7bb3"),
    "wav2vec2_bert": Revision(1, "00e926f14d13"),
    "whisper": Revision(1, "958f583b5d3b"),
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
    module, known = f"{ENCODER_PACKAGE}.{encoder}", BUILT_IN.get(encoder)
    return source_digests.identity(module, NEAR, known, short=True)


def digest(encoder: str) -> str:
    """Return the digest of the code of an encoder: twelve hexadecimal digits."""
    return source_digests.digest(f"{ENCODER_PACKAGE}.{encoder}", NEAR)
