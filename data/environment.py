"""Whether this interpreter has what the project needs; the standard library only."""

import configparser
import importlib.metadata
import importlib.util
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PYTHON = (3, 11)  # the oldest that will do
NEEDED = (
    "click", "h5py", "huggingface_hub", "joblib", "librosa", "numpy", "safetensors",
    "scipy", "sklearn", "soundfile", "soxr", "torch", "tqdm", "transformers",
)  # fmt: skip


def version() -> str:
    """Return the version of this package: of the checkout that runs, or as installed.

    An editable installation may have been made of an older state of its checkout.
    """
    checkout = ROOT / "setup.cfg"
    if checkout.is_file() and (ROOT / "cli.py").is_file():
        found = configparser.ConfigParser()
        found.read(checkout, encoding="utf-8")
        return found["metadata"]["version"]
    return importlib.metadata.version("affuse")


def ensure_packages() -> None:
    """Hand over to the interpreter that `make setup` filled, if this one lacks any.

    Raises:
        SystemExit: with the line to type, if there is no such interpreter
    """
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if sys.version_info >= PYTHON and not missing:
        return
    filled = ROOT / ".venv" / "bin" / "python"
    if filled.exists() and Path(sys.prefix) != filled.parents[1]:
        os.execv(filled, [str(filled), *sys.argv])
    lacking = missing[0] if sys.version_info >= PYTHON else "Python 3.11 or newer"
    sys.exit(f"{sys.executable} has no {lacking}; type: make setup")
