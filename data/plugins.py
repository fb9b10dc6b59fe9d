"""Listing and import of plug-ins by name: corpora, encoders, designs and others.

A plug-in is a module in one of three places. Each file or package in the folder of a
kind is a plug-in of this project; a new one needs no other edit. Other packages list
plug-ins as entry points (`affuse.data.installed_plugins`). A file that the user names
is a plug-in in this process (`affuse.data.plugin_files`). Listing names imports none.
"""

import importlib
import importlib.util
import logging
import pkgutil
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from affuse.data import installed_plugins, plugin_files
from affuse.data.errors import AffuseError, OptionError
from affuse.data.installed_plugins import InstalledPlugin, PluginError
from affuse.data.plugin_kinds import KINDS, PluginKind
from affuse.data.suggestions import hint

log = logging.getLogger(__name__)
_warnings: set[str] = set()  # sentences that were logged in this process


@dataclass(frozen=True)
class PluginSource:
    """Origin of the code of a plug-in."""

    module: str  # full name
    package: str = ""  # installed package that offers it; "" for this project and files
    version: str = ""  # of that package; "" if its metadata lack it
    file: Path | None = None  # that the user named

    @property
    def is_outside(self) -> bool:
        """True if the plug-in is not part of this project."""
        return bool(self.package) or self.file is not None


def names(kind: PluginKind) -> list[str]:
    """Return the sorted names of the plug-ins of a kind, without importing any.

    Args:
        kind: of plug-in

    Examples:
        >>> from affuse.data.plugin_kinds import CORPUS_KIND
        >>> "iemocap" in names(CORPUS_KIND)
        True
    """
    others = (plugin.name for plugin in _installed(kind))
    return sorted({*_files(kind), *others, *plugin_files.added_files(kind)})


def load(kind: PluginKind, name: str) -> ModuleType:
    """Import one plug-in, and no others, and return its module.

    Args:
        kind: of plug-in
        name: of the plug-in

    Raises:
        AffuseError: if there is no such plug-in; the message lists the choices
        PluginError: if the plug-in of another package cannot be used
    """
    # Listing the folder of the kind takes longer than all other steps.
    if _is_name(name) and (known := sys.modules.get(_module(kind, name))):
        return known
    if name in _files(kind):
        return importlib.import_module(_module(kind, name))
    if name in (files := plugin_files.added_files(kind)):
        return files[name].module
    return _entry(kind, name).load(kind)


def load_all(kind: PluginKind) -> Iterator[tuple[str, ModuleType]]:
    """Yield the name and the module of each plug-in of a kind.

    A plug-in of another package that cannot be used is left out with a warning.

    Args:
        kind: of plug-in
    """
    for name in names(kind):
        try:
            yield name, load(kind, name)
        except PluginError as error:
            warn(str(error))


def source(kind: PluginKind, name: str) -> PluginSource:
    """Return the origin of the code of a plug-in.

    Args:
        kind: of plug-in
        name: of the plug-in

    Raises:
        AffuseError: if there is no such plug-in; the message lists the choices
        PluginError: if two packages offer it
    """
    if name in _files(kind):
        return PluginSource(_module(kind, name))
    if name in (files := plugin_files.added_files(kind)):
        file = files[name]
        return PluginSource(file.module.__name__, file=file.path)
    plugin = _entry(kind, name)
    return PluginSource(plugin.value, plugin.package, plugin.version)


def add_file(
    kind: PluginKind, path: Path, check: Callable[[ModuleType], object]
) -> str:
    """Run a file that the user named, and return the name of the plug-in it defines.

    Args:
        kind: of the plug-in
        path: of the file; its stem is the name of the plug-in
        check: function that raises an `AffuseError` if the module cannot be used

    Raises:
        OptionError: if the stem cannot be a name, or is the name of another plug-in
        AffuseError: if the file raises an error or lacks a name that plug-ins of its
            kind define, or if `check` refuses it
    """
    name = path.stem
    if not _is_name(name) or path.suffix != ".py":
        raise OptionError(
            f"{path} cannot name a {kind.noun}: use letters, digits and underscores, "
            f"a letter first, and the ending .py"
        )
    others = {
        plugin.name: plugin.origin for k in _siblings(kind) for plugin in _installed(k)
    }
    if name in _taken(kind) or name in others:
        owner = f"the package {others[name]}" if name in others else "affuse"
        raise OptionError(
            f"{path} would be called '{name}', which is a name of {owner}; rename the "
            f"file"
        )
    plugin_files.add(kind, path, check)
    return name


def warn(sentence: str) -> None:
    """Log a warning about plug-ins once, and not in worker processes.

    Args:
        sentence: of the warning
    """
    # This import is slow, and most commands log no such warning.
    import multiprocessing

    if sentence not in _warnings and multiprocessing.parent_process() is None:
        _warnings.add(sentence)
        log.warning("%s", sentence)


def _files(kind: PluginKind) -> list[str]:
    """Return the names of this project's plug-ins of a kind, listed by file name."""
    spec = importlib.util.find_spec(kind.package)  # does not import the package
    path = spec.submodule_search_locations if spec else ()
    stems = [module.name for module in pkgutil.iter_modules(path)]
    return [
        stem.removesuffix(kind.suffix)
        for stem in stems
        if stem[0] != "_" and stem.endswith(kind.suffix)
    ]


def _module(kind: PluginKind, name: str) -> str:
    """Return the full name of the module of a plug-in of this project."""
    return f"{kind.package}.{name}{kind.suffix}"


def _siblings(kind: PluginKind) -> list[PluginKind]:
    """Return the kinds in the namespace of a kind, itself included."""
    others = [k for k in KINDS if k.namespace and k.namespace == kind.namespace]
    return others or [kind]


def _taken(kind: PluginKind) -> set[str]:
    """Return the names that plug-ins from outside this project cannot have."""
    return {*kind.reserved, *(name for k in _siblings(kind) for name in _files(k))}


def _is_name(name: str) -> bool:
    """Return True if a name is usable in the names of folders and in commands."""
    return name.isidentifier() and name.isascii() and name[0] != "_"


def _installed(kind: PluginKind) -> Iterator[InstalledPlugin]:
    """Yield plug-ins of other packages; warn about each one with an unusable name."""
    taken = _taken(kind)
    for plugin in installed_plugins.list_plugins(kind.group):
        what = f"the {kind.noun} '{plugin.name}' of the package {plugin.origin}"
        if not _is_name(plugin.name):
            warn(
                f"{what} is left out, because a name may have only letters, digits and "
                f"underscores; tell its authors"
            )
        elif plugin.name in taken:
            warn(
                f"{what} is left out, because '{plugin.name}' is a name of affuse; "
                f"tell the authors of {plugin.package}"
            )
        else:
            yield plugin


def _entry(kind: PluginKind, name: str) -> InstalledPlugin:
    """Return the entry point of a name.

    Raises:
        AffuseError: if there is no such entry point
        PluginError: if there are several
    """
    matches = [plugin for plugin in _installed(kind) if plugin.name == name]
    if not matches:
        choices = names(kind)
        raise AffuseError(
            f"no {kind.noun} {name!r}: choose from {', '.join(choices)}, or "
            f"{kind.remedy}{kind.explain(name) or hint(name, choices)}"
        )
    rivals = [p for k in _siblings(kind) for p in _installed(k) if p.name == name]
    if len(rivals) > 1:
        raise PluginError(_conflict(kind, name, rivals))
    return matches[0]


def _conflict(kind: PluginKind, name: str, rivals: Sequence[InstalledPlugin]) -> str:
    """Return the message about packages that offer plug-ins of the same name."""
    packages = " and ".join(f"{plugin.origin} ({plugin.value})" for plugin in rivals)
    return (
        f"the {kind.noun} '{name}' is offered {len(rivals)} times, by {packages}; "
        f"uninstall all of these packages but one"
    )
