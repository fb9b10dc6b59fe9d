"""Whether this interpreter has what the project needs; the standard library only."""

import configparser
import importlib.metadata
import importlib.util
import os
import shlex
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SETUP = "setup.cfg"  # in the root of a checkout alone
PYTHON = (3, 11)  # the oldest that will do
NEEDED = (
    "click", "h5py", "huggingface_hub", "joblib", "librosa", "numpy", "safetensors",
    "scipy", "sklearn", "soundfile", "soxr", "torch", "tqdm", "transformers",
)  # fmt: skip


def version() -> str:
    """Return the version of this package: of the checkout that runs, or as installed.

    An editable installation may have been made of an older state of its checkout.
    """
    if is_checkout():
        found = configparser.ConfigParser()
        found.read(ROOT / SETUP, encoding="utf-8")
        return found["metadata"]["version"]
    return importlib.metadata.version("affuse")


def is_checkout() -> bool:
    """Return True if a checkout of the repository runs, False for an installed copy."""
    return (ROOT / SETUP).is_file() and (ROOT / "cli.py").is_file()


def extra_command(extra: str) -> str:
    """Return what a user types to install the packages of an extra, and where.

    Args:
        extra: of setup.cfg, such as ``cluster``

    Returns:
        the end of a sentence
    """
    if is_checkout():
        return f"in the folder of this project, type: pip install '.[{extra}]'"
    return f"type: pip install 'affuse[{extra}]'"


def ensure_packages() -> None:
    """Hand over to the interpreter that `make setup` filled, if this one will not do.

    `cli.py` runs this function before it imports anything else of the project.

    Raises:
        SystemExit: with the line to type, if there is no such interpreter
    """
    lacking = _lacking()
    if not lacking:
        return
    filled = ROOT / ".venv" / "bin" / "python"
    if filled.exists() and Path(sys.prefix) != filled.parents[1]:
        os.execv(filled, [str(filled), *sys.argv])
    make = "make" if Path.cwd() == ROOT else f"make -C {shlex.quote(str(ROOT))}"
    sys.exit(f"{sys.executable} {lacking}; type: {make} setup")


def _lacking() -> str:
    """Return what this interpreter lacks, as the rest of a sentence; "" for nothing.

    Processes that a command starts import `affuse` by its name. If that is another
    checkout, two states of the code would work together.
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
