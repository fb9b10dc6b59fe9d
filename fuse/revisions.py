"""Identity of the code of designs and baselines, by which a run knows its own.

A design that comes with the project has a revision number. It is raised whenever the
same settings would give other models, so that moving or reformatting the file changes
nothing. Any other design, and a built-in one that was edited, is known by the digest of
its syntax tree and of the modules that it imports, without docstrings and comments;
left out are the standard library and installed packages.
"""

from collections.abc import Mapping
from functools import lru_cache

from data import plugins, source_code
from data.source_code import Revision
from fuse import decisions

DESIGNS, BASELINES = "fuse.designs", "fuse.references"
ZEROSHOT = "zeroshot"  # lies in a helper module of the baselines

BUILT_IN: Mapping[str, Revision] = {  # tests/test_revisions.py says when to change it
    "audio": Revision(1, "1c4c1bceac5a"),
    "crossattention": Revision(1, "eaf0bed60805"),
    "early": Revision(1, "91ec2a404c59"),
    "experts": Revision(1, "27179853ddd6"),
    "gated": Revision(1, "667b3b86eef6"),
    "hybrid": Revision(1, "672aaf2425b6"),
    "late": Revision(1, "8b40fcde3200"),
    "lowrank": Revision(1, "c9de1f54c988"),
    "tensor": Revision(1, "86bd09662576"),
    "text": Revision(1, "77ae8f1bc0a6"),
    "pcaridge": Revision(2, "d9463301abab"),
    "ridge": Revision(2, "f15b09cc74db"),
    "svr": Revision(2, "853b1fcfa75d"),
    "zeroshot": Revision(1, "aa4b7f211017"),
}
DECISIONS = 1  # revision of fuse/decisions.py and fuse/voting.py


@lru_cache(maxsize=256)
def of(fusion: str) -> str:
    """Return the identity of the code of a design, a baseline or a decision.

    It is told once in a process, for code that is edited later is not imported again.

    Args:
        fusion: its name

    Returns:
        ``revision 2``, or ``code`` and twelve hexadecimal digits

    Raises:
        AffuseError: if there is no such design
    """
    if fusion in decisions.DECISIONS:
        bases = [f"{name} {of(name)}" for name in decisions.MODALITIES]
        return f"revision {DECISIONS} of {', '.join(bases)}"
    near, known = (DESIGNS, BASELINES), BUILT_IN.get(fusion)
    return source_code.identity(_module(fusion), near, known)


def digest(fusion: str) -> str:
    """Return the digest of the code of a design or baseline: twelve hex digits.

    Args:
        fusion: name of a file or package in fuse/designs or fuse/references
    """
    return source_code.digest(_module(fusion), (DESIGNS, BASELINES))


def changed(recorded: str, fusion: str) -> str:
    """Say how recorded code differs from the code that is here; "" if it does not.

    Args:
        recorded: as `of` told it when a model was trained; "" if it was not recorded
        fusion: name of the design
    """
    if not recorded or recorded == (now := of(fusion)):
        return ""
    return (
        f"the code of the design '{fusion}' has changed since ({recorded} then, {now} "
        f"now)"
    )


def _module(fusion: str) -> str:
    """Return the name of the module of a design or baseline."""
    if fusion == ZEROSHOT:
        return f"{BASELINES}._{ZEROSHOT}"
    package = BASELINES if fusion in plugins.names(BASELINES) else DESIGNS
    plugins.load(package, fusion)  # refuses what there is not
    return f"{package}.{fusion}"
