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
    "distilbert": Revision(1, "d7093a13c594"),
    "wav2vec2": Revision(1, "630b44be7fca"),
    "wav2vec2_bert": Revision(1, "41c510f469be"),
    "whisper": Revision(1, "a8e711b5e359"),
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
