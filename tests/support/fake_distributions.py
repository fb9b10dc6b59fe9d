"""Installed packages for tests: a folder with metadata and modules, without pip."""

import sys
from contextlib import contextmanager

from affuse.data import plugin_files, plugins
from affuse.extract.encoding import encoder_revisions
from affuse.fuse.models import code_revisions


@contextmanager
def installer(root, monkeypatch):
    """Give a function that puts a package on the search path, as an installer would.

    The function takes the name of a package, its entry points by group, the code of its
    module and its version. It returns the path of the module.
    """
    packages = []

    def write(package, points, code, version="1.0"):
        folder = root / package / "site-packages"
        metadata = folder / f"{package}-{version}.dist-info"
        metadata.mkdir(parents=True)
        facts = f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n"
        (metadata / "METADATA").write_text(facts)
        text = [f"[{group}]\n{line}\n" for group, line in points.items()]
        (metadata / "entry_points.txt").write_text("".join(text))
        (folder / package).mkdir()
        (folder / package / "__init__.py").write_text("")
        path = folder / package / "plug.py"
        path.write_text(code)
        monkeypatch.syspath_prepend(folder)
        packages.append(package)
        return path

    forget()
    yield write
    for name in [name for name in sys.modules if name.split(".")[0] in packages]:
        del sys.modules[name]
    forget()


def forget():
    """Clear the caches of installed plug-ins in this process."""
    plugins._warnings.clear()
    plugin_files._FILES.clear()
    code_revisions.code_identity.cache_clear()
    encoder_revisions.code_identity.cache_clear()
