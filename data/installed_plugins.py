"""Plug-ins of installed packages, listed by their entry points without importing them.

A package that offers a plug-in lists its module in its metadata, under the group of the
plug-in's kind (`affuse.data.plugin_kinds`). An example is the group
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

PREFIX = "affuse."  # of the groups of this project
FILE = "entry_points.txt"  # in the metadata of a package

log = logging.getLogger(__name__)


class PluginError(AffuseError):
    """Error for a plug-in of another package that cannot be used."""


@dataclass(frozen=True)
class InstalledPlugin:
    """Entry point of an installed package that offers one plug-in."""

    group: str
    name: str
    value: str  # the module, as the entry point names it
    package: str  # name of the distribution
    version: str  # of the distribution; "" if its metadata lack it

    @property
    def origin(self) -> str:
        """Name and version of the package, for messages."""
        return f"{self.package} {self.version}".strip()

    def load(self, kind: PluginKind) -> ModuleType:
        """Import the module of the plug-in and return it.

        Args:
            kind: kind of plug-in that the module must be

        Raises:
            PluginError: if the module cannot be imported, or lacks a name that plug-ins
                of its kind define
        """
        what = f"{kind.noun} '{self.name}' of the package {self.origin}"
        if not all(part.isidentifier() for part in self.value.split(".")):
            raise PluginError(
                f"{what} is the entry point '{self.value}', which is no module; its "
                f"authors must write it as: {self.name} = package.module"
            )
        try:
            module = importlib.import_module(self.value)
        except (Exception, SystemExit) as error:  # foreign code may raise anything
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


def list_plugins(group: str) -> tuple[InstalledPlugin, ...]:
    """Return the entry points of a group, sorted by name and package.

    Args:
        group: such as ``affuse.designs``
    """
    return tuple(entry for entry in _scan(tuple(sys.path)) if entry.group == group)


@lru_cache(maxsize=8)
def _scan(path: tuple[str, ...]) -> tuple[InstalledPlugin, ...]:
    """Return the entry points in this project's groups of all packages on a path.

    For a package without such entry points, only `FILE` is read. That takes a few
    milliseconds for all packages together.
    """
    entries: dict[str, tuple[InstalledPlugin, ...]] = {}
    for distribution in importlib.metadata.distributions(path=list(path)):
        if PREFIX in (distribution.read_text(FILE) or ""):
            plugins = tuple(_entries(distribution))
            # As for imports, the first package of a name on the path hides the others.
            if plugins:
                entries.setdefault(plugins[0].package, plugins)
    return tuple(
        sorted(
            (entry for plugins in entries.values() for entry in plugins),
            key=lambda entry: (entry.group, entry.name, entry.package),
        )
    )


def _entries(
    distribution: importlib.metadata.Distribution,
) -> Iterator[InstalledPlugin]:
    """Yield the entry points of one package in the groups of this project."""
    metadata = distribution.metadata.json
    package = str(metadata.get("name", "without a name"))
    try:
        points = list(distribution.entry_points)
    except Exception as error:  # the file may hold lines that are no entry points
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
                version=str(metadata.get("version", "")),
            )
