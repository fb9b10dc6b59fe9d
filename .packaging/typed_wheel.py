"""Build backend: that of setuptools, which also puts two files into the wheel.

PEP 561 wants ``py.typed`` beside ``__init__.py``, and ``python -m affuse`` runs
``__main__.py``. In the repository that is the top level, where only what people open
shall lie, so they are written when a wheel is made.
"""

from pathlib import Path

from setuptools.build_meta import *  # noqa: F403
from setuptools.command import build_py

MAIN = '''"""What ``python -m affuse`` runs: the program, as ``affuse`` does."""

from affuse.cli import main

if __name__ == "__main__":
    main()
'''


def add_files(package: Path) -> None:
    """Write the files that only a wheel has.

    Args:
        package: folder of the package that goes into the wheel
    """
    (package / "py.typed").touch()
    (package / "__main__.py").write_text(MAIN, encoding="utf-8")


class TypedBuild(build_py.build_py):
    """Copies the modules, as setuptools does, and adds the files."""

    def run(self) -> None:
        """Run the step; an editable installation copies nothing, and has no file."""
        super().run()
        if not self.editable_mode:
            add_files(Path(self.build_lib) / "affuse")


build_py.build_py = TypedBuild  # type: ignore[misc]
