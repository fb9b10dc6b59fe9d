"""Corpora, encoders and designs, found by their file names.

A new one is a new file in its folder, or a package of several; nothing else is edited.
Names that begin with an underscore are helpers.
"""

import importlib.util
import pkgutil
from types import ModuleType

from affuse.data.errors import AffuseError
from affuse.data.suggestions import hint

CORPUS_PACKAGE = "affuse.data.corpora"
MODALITY_PACKAGE = "affuse.data.modalities"
ENCODER_PACKAGE = "affuse.extract.encoders"
DESIGN_PACKAGE = "affuse.fuse.models.designs"
BASELINE_PACKAGE = "affuse.fuse.models.baselines"
RULE_PACKAGE = "affuse.fuse.linting.rules"


def names(package: str) -> list[str]:
    """Sorted plug-in names in `package`, read from file names alone.

    Examples:
        >>> "iemocap" in names(CORPUS_PACKAGE)
        True
    """
    spec = importlib.util.find_spec(package)  # does not import it
    path = spec.submodule_search_locations if spec else ()
    return sorted(m.name for m in pkgutil.iter_modules(path) if m.name[0] != "_")


def load(package: str, name: str) -> ModuleType:
    """Import one plug-in; only that one, so unused ones cost nothing.

    Args:
        package: where plug-ins of this kind are
        name: of one

    Raises:
        AffuseError: if there is none of that name; the sentence lists the choices
    """
    if name not in names(package):
        kind = package.rpartition(".")[2]
        folder = package.removeprefix("affuse.").replace(".", "/")
        raise AffuseError(
            f"no {name!r} in {kind}: choose from {', '.join(names(package))}, "
            f"or add {folder}/{name}.py{hint(name, names(package))}"
        )
    return importlib.import_module(f"{package}.{name}")
