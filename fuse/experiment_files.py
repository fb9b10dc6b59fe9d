"""Experiment files, which are TOML files with some of the settings of a run.

A run saves all of its settings as ``settings.toml``, which is an experiment too.
"""

import json
from dataclasses import asdict
from pathlib import Path

from affuse.data.errors import AffuseError
from affuse.data.suggestions import hint
from affuse.data.system.documents import read_toml
from affuse.data.system.schema import MapOf, Plain, Record
from affuse.fuse.settings import Settings, change

EXPERIMENTS = Path(__file__).parent / "experiments"
FINETUNE = "finetune"  # table of an experiment; only `finetune` reads it
EXPERIMENT = Record({}, {FINETUNE: MapOf(Plain(1))}, others=Plain(1))


def experiments() -> list[str]:
    """Return the names of the experiments that come with the project, sorted."""
    return sorted(path.stem for path in EXPERIMENTS.glob("*.toml"))


def load(experiment: Path | str) -> Settings:
    """Return the settings of an experiment; settings that it lacks have their default.

    Args:
        experiment: a TOML file, or the name of one in fuse/experiments

    Raises:
        FileNotFoundError: if there is no such experiment; the message lists the names
        AffuseError: naming the file, and the setting that is unknown or invalid
    """
    path = find(experiment)
    changes = read_toml(path, EXPERIMENT)
    changes.pop(FINETUNE, None)
    try:
        return change(Settings(), changes)
    except AffuseError as error:
        raise AffuseError(f"{path}: {error}") from error


def find(experiment: Path | str) -> Path:
    """Return the path of an experiment's file.

    Args:
        experiment: a TOML file, or the name of one in fuse/experiments

    Raises:
        FileNotFoundError: if there is no such experiment; the message lists the names
        AffuseError: if it is a folder, a pipe or a device
    """
    path = EXPERIMENTS / f"{experiment}.toml"
    if not path.is_file():
        path = Path(experiment)
    advice = f"choose from {', '.join(experiments())}, or give the path of a TOML file"
    if not path.exists():
        near = hint(str(experiment), experiments())
        raise FileNotFoundError(f"no experiment {str(experiment)!r}: {advice}{near}")
    if not path.is_file():
        raise AffuseError(f"experiment {str(experiment)!r} is not a file: {advice}")
    return path


def dump(settings: Settings) -> str:
    """Return all settings as TOML, which `load` reads as equal settings."""
    lines = [f"{name} = {_toml(value)}" for name, value in asdict(settings).items()]
    return "\n".join(lines) + "\n"


def _toml(value: str | float) -> str:
    """Return a value in TOML, with text quoted as in JSON and numbers as in Python."""
    return json.dumps(value) if isinstance(value, str) else repr(value)
