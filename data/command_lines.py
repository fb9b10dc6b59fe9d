"""Commands that a message tells the user to type: records, and how a shell takes them.

A field of a record has the name of the option's value, and the option's default, which
is left out of the line. So every option that is printed exists, which a test asserts.
"""

import shlex
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, ClassVar, Self

from affuse.data.system.environment import ROOT

PROGRAM = ("python", "cli.py")
NEXT = "next: "  # begins a line of output that can be pasted behind it
FLAG, TOGETHER = "flag", "together"  # of the metadata of a field


def option(flag: str, default: object = "", *, together: bool = False) -> Any:
    """Return the field of an option.

    Args:
        flag: as it is typed; ``""`` for an argument, which stands in front of options
        default: of the option
        together: whether all values follow one flag; otherwise it is repeated
    """
    return field(default=default, metadata={FLAG: flag, TOGETHER: together})


@dataclass(frozen=True, kw_only=True)
class Command:
    """One command of the program, with its arguments and options."""

    COMMAND: ClassVar[str] = ""

    @classmethod
    def of(cls, found: Mapping[str, Any], **changes: Any) -> Self:
        """Return the command that repeats options of the command line.

        Args:
            found: options by the name of their value; others than its own are ignored,
                and None is their default
            changes: options in whose place others are meant
        """
        named = {**found, **changes}
        own = {f.name: named.get(f.name) for f in fields(cls)}
        given = {name: _plain(v) for name, v in own.items() if v is not None}
        return cls(**given)

    def words(self) -> Iterator[str]:
        """Yield what follows the name of the program, each word unquoted."""
        yield self.COMMAND
        options: list[str] = []
        for each in fields(self):
            value, flag = getattr(self, each.name), each.metadata[FLAG]
            if value == each.default:
                continue
            if flag:
                options += _words(flag, value, together=each.metadata[TOGETHER])
            else:
                yield from map(_argument, value if type(value) is tuple else (value,))
        yield from options

    def __str__(self) -> str:
        return shlex.join([*program(), *self.words()])


def program() -> tuple[str, ...]:
    """Return how this program was started, for the same shell to start it again.

    It was ``affuse``, or ``cli.py`` in any folder. Where it was neither, as in a
    notebook, an installed copy has the command ``affuse`` alone.
    """
    typed = sys.argv[0] if sys.argv else ""
    name = Path(typed).name
    if name == "cli.py":
        return ("python", typed)
    is_installed = not (ROOT / "setup.cfg").is_file()
    return ("affuse",) if name == "affuse" or is_installed else PROGRAM


def next_line(command: Command) -> str:
    """Return the line of output that says which command comes next."""
    return f"{NEXT}{command}"


def _plain(value: Any) -> Any:
    """Return a value of the command line as a record has it."""
    return tuple(value) if isinstance(value, list) else value


def _argument(value: object) -> str:
    """Return an argument that is not mistaken for an option."""
    word = str(value)
    return f"./{word}" if word.startswith("-") else word


def _words(flag: str, value: object, *, together: bool) -> list[str]:
    """Return an option that is not its default, in words."""
    if isinstance(value, bool):  # False, if leaving it out would mean something else
        return [flag if value else f"--no-{flag.removeprefix('--')}"]
    each = list(map(str, value)) if isinstance(value, tuple) else [str(value)]
    if together:
        return [flag, *each]
    return [word for one in each for word in (flag, one)]


@dataclass(frozen=True, kw_only=True)
class Reading(Command):
    """A command that reads a corpus."""

    corpus: str = option("")
    root: Path | None = option("", None)
    name: str = option("--name")
    nature: str | None = option("--nature", None)
    columns: tuple[str, ...] = option("--map", ())
    scale: tuple[float, ...] | None = option("--scale", None, together=True)
    table: str | None = option("--table", None)
    dominance: str | None = option("--dominance", None)


@dataclass(frozen=True, kw_only=True)
class Extract(Reading):
    """Encode a corpus into the cache."""

    COMMAND: ClassVar[str] = "extract"
    modalities: tuple[str, ...] = option("--modality", ())
    audio_checkpoint: str = option("--audio-checkpoint")
    text_checkpoint: str = option("--text-checkpoint")
    revision: tuple[str, ...] = option("--revision", ())
    layers: tuple[str, ...] = option("--layers", ())
    pooling: tuple[str, ...] = option("--pooling", ())
    dtype: str = option("--dtype", "auto")
    head: bool = option("--head", False)
    device: str = option("--device", "auto")
    threads: int | None = option("--threads", None)
    batch: float | None = option("--batch", None)
    block_seconds: float = option("--block-seconds", 60.0)
    max_seconds: float = option("--max-seconds", 3600.0)
    limit: int | None = option("--limit", None)
    processes: int | None = option("--processes", None)
    shard: str = option("--shard", "1/1")
    scheduler: str = option("--scheduler")
    cache: Path = option("--cache", Path("cache"))


@dataclass(frozen=True, kw_only=True)
class RunCommand(Reading):
    """Extract, train and report in one command."""

    COMMAND: ClassVar[str] = "run"
    finetuned: Path | None = option("--finetuned", None)
    designs: tuple[str, ...] = option("--fusion", ())
    protocol: str | None = option("--protocol", None)
    folds: int | None = option("--folds", None)
    out_of_range: str | None = option("--out-of-range", None)
    device: str = option("--device", "auto")
    threads: int | None = option("--threads", None)


@dataclass(frozen=True, kw_only=True)
class Train(Command):
    """Train designs on cached embeddings."""

    COMMAND: ClassVar[str] = "train"
    experiment: str = option("--experiment")
    designs: tuple[str, ...] = option("--fusion", ())
    protocol: str | None = option("--protocol", None)
    folds: int | None = option("--folds", None)
    seeds: int = option("--seeds", 3)
    seed: int = option("--seed", 0)
    finetuned: Path | None = option("--finetuned", None)
    corpus: str = option("--corpus")
    audio: str = option("--audio")
    text: str = option("--text")
    cache: Path = option("--cache", Path("cache"))
    device: str = option("--device", "auto")
    threads: int | None = option("--threads", None)
    memory: float | None = option("--memory", None)
    runs: Path = option("--runs", Path("runs"))
    allow: tuple[str, ...] = option("--allow", ())


@dataclass(frozen=True, kw_only=True)
class RunInput(Command):
    """A command that applies the models of a run to cached embeddings."""

    run: Path | None = option("", None)
    corpus: str = option("--corpus")
    audio: str = option("--audio")
    text: str = option("--text")
    cache: Path = option("--cache", Path("cache"))
    device: str = option("--device", "auto")
    threads: int | None = option("--threads", None)


@dataclass(frozen=True, kw_only=True)
class Predict(RunInput):
    """Predict cached utterances."""

    COMMAND: ClassVar[str] = "predict"
    output: str = option("--output", "-")
    calibrated: bool = option("--calibrated", False)


@dataclass(frozen=True, kw_only=True)
class Ablate(RunInput):
    """Say what each modality contributes."""

    COMMAND: ClassVar[str] = "ablate"
    seed: int = option("--seed", 0)


@dataclass(frozen=True, kw_only=True)
class Calibrate(Command):
    """Calibrate the predictions of a run."""

    COMMAND: ClassVar[str] = "calibrate"
    run: Path | None = option("", None)


@dataclass(frozen=True, kw_only=True)
class Report(Command):
    """Print the table."""

    COMMAND: ClassVar[str] = "report"
    runs: Path = option("--runs", Path("runs"))


@dataclass(frozen=True, kw_only=True)
class Lint(Command):
    """Look for leaks in runs."""

    COMMAND: ClassVar[str] = "lint"
    folders: tuple[Path, ...] = option("", ())
