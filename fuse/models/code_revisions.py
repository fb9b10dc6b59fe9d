"""Identity of the code of designs and baselines, by which a run knows its own.

A design that comes with the project has a revision number. It is raised whenever the
same settings would give other models, so that moving or reformatting the file changes
nothing. Any other design, and a built-in one that was edited, is known by the digest of
its syntax tree and of the modules that it imports, without docstrings and comments;
left out are the standard library and installed packages.
"""

from collections.abc import Mapping
from functools import lru_cache

from affuse.data import plugins
from affuse.data.plugins import BASELINE_PACKAGE, DESIGN_PACKAGE
from affuse.data.system import source_digests
from affuse.data.system.source_digests import Revision

NEAR = (DESIGN_PACKAGE, BASELINE_PACKAGE, "affuse.fuse.models.regressor")
HELPERS = {"zeroshot": f"{BASELINE_PACKAGE}._zeroshot"}  # modules that are no plug-in

BUILT_IN: Mapping[str, Revision] = {  # tests/test_revisions.py says when to change it
    "audio": Revision(1, "082eede4c34a"),
    "crossattention": Revision(1, "f1a91cf1b3f3"),
    "early": Revision(1, "d124834ecb15"),
    "experts": Revision(1, "a5897af5737c"),
    "gated": Revision(1, "560d25ac3525"),
    "hybrid": Revision(1, "817cf76fd82b"),
    "late": Revision(1, "eff67aa4c0cd"),
    "lowrank": Revision(1, "eb298a750aef"),
    "tensor": Revision(1, "98d7e055d3b9"),
    "text": Revision(1, "699ceb7b9a32"),
    "pcaridge": Revision(2, "eefc1ae05dc6"),
    "ridge": Revision(2, "44584f033053"),
    "svr": Revision(2, "6b06f2a562fb"),
    "zeroshot": Revision(1, "7f283613abd5"),
}


@lru_cache(maxsize=256)
def of(fusion: str) -> str:
    """Return the identity of the code of a design or a baseline.

    It is told once in a process, for code that is edited later is not imported again.

    Args:
        fusion: its name

    Returns:
        ``revision 2``, or ``code`` and twelve hexadecimal digits

    Raises:
        AffuseError: if there is no such design
    """
    near, known = NEAR, BUILT_IN.get(fusion)
    return source_digests.identity(_module(fusion), near, known)


def digest(fusion: str) -> str:
    """Return the digest of the code of a design or baseline: twelve hex digits.

    Args:
        fusion: name of a file or package in fuse/models/designs or baselines
    """
    return source_digests.digest(_module(fusion), NEAR)


def _module(fusion: str) -> str:
    """Return the name of the module of a design or baseline."""
    if module := HELPERS.get(fusion):
        return module
    is_baseline = fusion in plugins.names(BASELINE_PACKAGE)
    package = BASELINE_PACKAGE if is_baseline else DESIGN_PACKAGE
    plugins.load(package, fusion)  # refuses what there is not
    return f"{package}.{fusion}"
