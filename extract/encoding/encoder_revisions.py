"""Identity of the code of encoders, which is part of the recipe of a cache.

A built-in encoder has a revision number, which is raised whenever the same recipe would
give other embeddings. Any other encoder, and a built-in one that a user edited, is
identified by the digest of its code, see `affuse.data.system.source_digests`. The
digest of an encoder in an installed package covers that package.
"""

import importlib.metadata
from collections.abc import Mapping
from functools import lru_cache

from affuse.data import plugins
from affuse.data.modality import BUILT_IN as BUILT_IN_MODALITIES
from affuse.data.plugin_kinds import ENCODER_KIND, MODALITY_KIND
from affuse.data.system import source_digests
from affuse.data.system.source_digests import Revision

NEAR = (
    ENCODER_KIND.package,
    "affuse.extract.acoustics",
    "affuse.extract.networks",
    "affuse.extract.checkpoints",
)
# tests/test_code_revisions.py says when to change it
BUILT_IN: Mapping[str, Revision] = {
    "acoustic": Revision(1, "3d5ac36a607e"),
    "distilbert": Revision(1, "d235efc51c37"),
    "opensmile": Revision(1, "55a727a45028"),
    "wav2vec2": Revision(1, "462e9c2951fc"),
    "wav2vec2_bert": Revision(1, "581767b2152c"),
    "whisper": Revision(1, "7f1314251179"),
}


@lru_cache(maxsize=256)
def code_identity(encoder: str) -> str:
    """Return the identity of the code of an encoder, as a recipe stores it.

    It is computed once in a process, because code that is edited later is not imported
    again.

    Args:
        encoder: its name

    Returns:
        "" for the first revision of a built-in encoder, else ``revision 2``, or
        ``code`` and twelve hexadecimal digits, followed by ``of`` and the name of the
        installed package that it comes from

    Raises:
        AffuseError: if there is no such encoder
    """
    source = plugins.source(ENCODER_KIND, encoder)
    if source.is_outside:
        return source_digests.outside_identity(source, NEAR)
    revision = BUILT_IN.get(encoder)
    return source_digests.identity(source.module, NEAR, revision, short=True)


@lru_cache(maxsize=256)
def modality_code_identity(modality: str) -> str:
    """Return the identity of the code that reads the inputs of a modality.

    Args:
        modality: name of a file in data/modalities

    Returns:
        "" for a built-in modality, else ``inputs code`` and twelve hexadecimal digits
    """
    if modality in BUILT_IN_MODALITIES:
        return ""
    source, near = plugins.source(MODALITY_KIND, modality), (MODALITY_KIND.package,)
    if source.is_outside:
        return f"inputs {source_digests.outside_identity(source, near)}"
    return f"inputs {source_digests.identity(source.module, near, None)}"


def digest(encoder: str) -> str:
    """Return the digest of the code of an encoder: twelve hexadecimal digits.

    Args:
        encoder: its name
    """
    return source_digests.digest(plugins.source(ENCODER_KIND, encoder).module, NEAR)


def packages(encoder: str) -> dict[str, str]:
    """Return the versions of the packages that an encoder comes from or names.

    Args:
        encoder: its name

    Returns:
        version by name of the package, "" if it is not installed
    """
    source = plugins.source(ENCODER_KIND, encoder)
    names = getattr(plugins.load(ENCODER_KIND, encoder), "PACKAGES", ())
    own = {source.package: source.version} if source.package else {}
    return {**{name: installed_version(name) for name in names}, **own}


@lru_cache(maxsize=256)
def installed_version(package: str) -> str:
    """Return the version of an installed package; "" if it is not installed.

    It is read once in a process, because the package is not imported again either.

    Args:
        package: name of its distribution
    """
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""
