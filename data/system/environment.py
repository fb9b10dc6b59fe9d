"""Check that this interpreter has the required packages; standard library only."""

import configparser
import importlib.metadata
import importlib.util
import os
import shlex
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SETUP = "setup.cfg"  # only the root of a checkout has this file
PYTHON = (3, 11)  # oldest version that is supported
NEEDED = (
    "click", "h5py", "huggingface_hub", "joblib", "librosa", "numpy", "safetensors",
    "scipy", "sklearn", "soundfile", "soxr", "torch", "tqdm", "transformers",
)  # fmt: skip


def version() -> str:
    """Return the version of this package.

    In a checkout it is that of setup.cfg, because an editable installation may have
    recorded an older state.
    """
    if is_checkout():
        configuration = configparser.ConfigParser()
        configuration.read(ROOT / SETUP, encoding="utf-8")
        return configuration["metadata"]["version"]
    return importlib.metadata.version("affuse")


def is_checkout() -> bool:
    """Return True if this code runs from a checkout, False for an installed copy."""
    return (ROOT / SETUP).is_file() and (ROOT / "cli.py").is_file()


def extra_command(extra: str) -> str:
    """Return the advice to install an extra, as the end of a sentence.

    Args:
        extra: name of an extra in setup.cfg, such as ``cluster``

    Returns:
        the command, and for a checkout also the folder in which to type it
    """
    if is_checkout():
        return f"in the folder of this project, type: pip install '.[{extra}]'"
    return f"type: pip install 'affuse[{extra}]'"


def ensure_packages() -> None:
    """Switch to the interpreter of `make install` if this one lacks packages.

    `cli.py` calls this function before it imports other modules of the project.

    Raises:
        SystemExit: if there is no such interpreter; the message has the command to type
    """
    defect = _defect()
    if not defect:
        return
    venv_python = ROOT / ".venv" / "bin" / "python"
    if venv_python.exists() and Path(sys.prefix) != venv_python.parents[1]:
        os.execv(venv_python, [str(venv_python), *sys.argv])
    make = "make" if Path.cwd() == ROOT else f"make -C {shlex.quote(str(ROOT))}"
    sys.exit(f"{sys.executable} {defect}; type: {make} install")


def _defect() -> str:
    """Return what this interpreter lacks, as the end of a sentence, or "".

    Processes that a command starts import `affuse` by its name. If that name leads to
    another checkout, two versions of the code would be mixed.
    """
    if sys.version_info < PYTHON:
        return "has no Python 3.11 or newer"
    for name in NEEDED:
        if importlib.util.find_spec(name) is None:
            return f"has no {name}"
    spec = importlib.util.find_spec("affuse")
    if spec is None or spec.origin is None:
        return "has no affuse"
    if (folder := Path(spec.origin).resolve().parent) != ROOT:
        return f"has affuse installed from {folder}, not from {ROOT}"
    return ""
