"""Build backend: that of setuptools, which also puts ``py.typed`` into the wheel.

PEP 561 wants the file beside ``__init__.py``. In the repository that is the top level,
where only what people open shall lie, so it is written when a wheel is made.
"""

from pathlib import Path

from setuptools.build_meta import *  # noqa: F403
from setuptools.command import build_py


class TypedBuild(build_py.build_py):
    """Copies the modules, as setuptools does, and adds the empty file."""

    def run(self) -> None:
        """Run the step; an editable installation copies nothing, and has no file."""
        super().run()
        if not self.editable_mode:
            (Path(self.build_lib) / "affuse" / "py.typed").touch()


build_py.build_py = TypedBuild  # type: ignore[misc]
