"""Identity of the code of designs and baselines, which runs record and compare.

A design that comes with the project has a revision number. The number is raised when
the same settings would give different models; moving or reformatting the file changes
nothing. All other designs, and edited built-in designs, are identified by a digest. The
digest covers the syntax tree of the module and of the modules that it imports, without
docstrings and comments. The standard library and installed packages are left out. The
digest of a design from an installed package covers that package, and the identity
states the package's name.
"""

from collections.abc import Mapping
from functools import lru_cache

from affuse.data import plugins
from affuse.data.plugin_kinds import BASELINE_KIND, DESIGN_KIND
from affuse.data.plugins import PluginSource
from affuse.data.system import source_digests
from affuse.data.system.source_digests import Revision

DIGESTED_CODE = (
    DESIGN_KIND.package,
    BASELINE_KIND.package,
    "affuse.fuse.models.regressor",
)
HELPERS = {  # modules of designs that are not plug-ins
    "zeroshot": f"{BASELINE_KIND.package}._zeroshot"
}

# tests/test_code_revisions.py says when to change it
BUILT_IN: Mapping[str, Revision] = {
    "audio": Revision(1, "505146195683"),
    "crossattention": Revision(1, "35ebd53e6467"),
    "early": Revision(1, "9104d1542c8e"),
    "experts": Revision(1, "8eae11630d65"),
    "gated": Revision(1, "c474d8e746c9"),
    "hybrid": Revision(1, "e12559fdaea9"),
    "late": Revision(1, "317e27c3ea64"),
    "lowrank": Revision(1, "ee3448ee5812"),
    "tensor": Revision(1, "9f9cabff3675"),
    "text": Revision(1, "0bbb28d4cd3e"),
    "pcaridge": Revision(2, "858b2add477c"),
    "ridge": Revision(2, "54ca6c822833"),
    "svr": Revision(2, "626cb8678252"),
    "zeroshot": Revision(1, "a2b60f271d8c"),
}


@lru_cache(maxsize=256)
def code_identity(fusion: str) -> str:
    """Return the identity of the code of a design or a baseline.

    The identity is cached, because Python does not import edited code again.

    Args:
        fusion: name of the design or baseline

    Returns:
        ``revision 2``, or ``code`` and twelve hexadecimal digits, followed by ``of``
        and the name of the installed package that it comes from

    Raises:
        AffuseError: if there is no such design
    """
    source = _source(fusion)
    if source.is_outside:
        return source_digests.outside_identity(source, DIGESTED_CODE)
    return source_digests.identity(source.module, DIGESTED_CODE, BUILT_IN.get(fusion))


def digest(fusion: str) -> str:
    """Return the digest of the code of a design or baseline: 12 hexadecimal digits.

    Args:
        fusion: name of a file or package in fuse/models/designs or baselines
    """
    return source_digests.digest(_source(fusion).module, DIGESTED_CODE)


def packages(fusion: str) -> dict[str, str]:
    """Return {name: version} of the installed package that a design comes from.

    It is empty for designs of this project and of the user's files.

    Args:
        fusion: name of the design or baseline
    """
    source = _source(fusion)
    return {source.package: source.version} if source.package else {}


def _source(fusion: str) -> PluginSource:
    """Return the source of the code of a design or baseline.

    Raises:
        AffuseError: if no design has that name, or it cannot be used
    """
    if module := HELPERS.get(fusion):
        return PluginSource(module)
    is_baseline = fusion in plugins.names(BASELINE_KIND)
    kind = BASELINE_KIND if is_baseline else DESIGN_KIND
    plugins.load(kind, fusion)
    return plugins.source(kind, fusion)
