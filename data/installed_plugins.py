"""Entry points by which installed packages offer plug-ins; listing imports none.

A package that offers a corpus reader, an encoder, a design, a baseline, a rule or a
format lists its module in its metadata, under the group of that kind, for example
``[project.entry-points."affuse.designs"]`` with ``product = "my_package.product"``.
"""

import importlib
import importlib.metadata
import logging
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from types import ModuleType

from affuse.data.errors import AffuseError
from affuse.data.plugin_kinds import PluginKind

PREFIX = "affuse."  # of every group of ours
FILE = "entry_points.txt"  # in the metadata of a package

log = logging.getLogger(__name__)


class PluginError(AffuseError):
    """A plug-in of another package that cannot be used; all others can."""


@dataclass(frozen=True)
class InstalledPlugin:
    """One entry point of an installed package."""

    group: str
    name: str
    value: str  # the module, as the entry point names it
    package: str  # name of the distribution
    version: str  # of the distribution; "" if its metadata lack it

    @property
    def origin(self) -> str:
        """Package and version, for messages."""
        return f"{self.package} {self.version}".strip()

    def load(self, kind: PluginKind) -> ModuleType:
        """Import the module.

        Raises:
            PluginError: if it cannot be imported, or lacks what its kind must offer
        """
        what = f"{kind.noun} '{self.name}' of the package {self.origin}"
        if not all(part.isidentifier() for part in self.value.split(".")):
            raise PluginError(
                f"{what} is the entry point '{self.value}', which is no module; its "
                f"authors must write it as: {self.name} = package.module"
            )
        try:
            module = importlib.import_module(self.value)
        except (Exception, SystemExit) as error:  # code of others may raise anything
            first = (str(error).splitlines() or [""])[0]
            raise PluginError(
                f"{what} cannot be imported from {self.value}: "
                f"{type(error).__name__}: {first}; update or uninstall {self.package}, "
                f"or tell its authors"
            ) from error
        if lacking := [name for name in kind.offers if not hasattr(module, name)]:
            raise PluginError(
                f"{what} lacks {', '.join(lacking)} in {self.value}, which every "
                f"{kind.noun} has; update or uninstall {self.package}, or tell its "
                f"authors"
            )
        return module


def of(group: str) -> tuple[InstalledPlugin, ...]:
    """Return all entry points of one group, by name and package."""
    return tuple(one for one in _scan(tuple(sys.path)) if one.group == group)


@lru_cache(maxsize=8)
def _scan(path: tuple[str, ...]) -> tuple[InstalledPlugin, ...]:
    """Return the entry points of our groups of all packages on a search path.

    Only `FILE` is read of a package that has none of ours, which takes a few
    milliseconds for all packages together.
    """
    entries: dict[str, tuple[InstalledPlugin, ...]] = {}
    for distribution in importlib.metadata.distributions(path=list(path)):
        if PREFIX in (distribution.read_text(FILE) or ""):
            found = tuple(_entries(distribution))
            if found:  # the first on the path hides others of its name, as for imports
                entries.setdefault(found[0].package, found)
    return tuple(
        sorted(
            (one for found in entries.values() for one in found),
            key=lambda one: (one.group, one.name, one.package),
        )
    )


def _entries(
    distribution: importlib.metadata.Distribution,
) -> Iterator[InstalledPlugin]:
    """Yield the entry points of our groups of one package."""
    facts = distribution.metadata.json
    package = str(facts.get("name", "without a name"))
    try:
        points = list(distribution.entry_points)
    except Exception as error:  # lines that are no entry points
        log.warning(
            "the entry points of the package %s cannot be read, so its plug-ins are "
            "left out: %s",
            package,
            error,
        )
        return
    for point in points:
        if point.group.startswith(PREFIX):
            yield InstalledPlugin(
                group=point.group,
                name=point.name,
                value=point.value,
                package=package,
                version=str(facts.get("version", "")),
            )
