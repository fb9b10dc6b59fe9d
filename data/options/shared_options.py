"""Options that several commands share: devices, folders and caches."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, TextIO, cast

import click

from affuse.data.errors import OptionError
from affuse.data.modality import BUILT_IN
from affuse.data.options.command_record import Command
from affuse.data.options.option_fields import (
    READ,
    RESOURCES,
    SCREEN,
    WRITE,
    argument,
    option,
)
from affuse.data.options.option_types import FOLDER, ONE_OR_MORE, pairs


@dataclass(frozen=True, kw_only=True)
class ComputeOptions(Command):
    """Device and number of threads of a computation."""

    HEADING: ClassVar[str] = RESOURCES

    device: str = option(
        "--device",
        default="auto",
        help="Compute on this device: auto, cpu, cuda or, for example, cuda:1. "
        "With auto, CUDA is used if there is a CUDA device.",
    )
    threads: int | None = option(
        "--threads",
        default=None,
        type=ONE_OR_MORE,
        help="Use this number of CPU threads.  [default: all cores]",
    )


@dataclass(frozen=True, kw_only=True)
class CacheOption(Command):
    """Folder of all caches."""

    HEADING: ClassVar[str] = READ

    cache: Path = option(
        "--cache",
        default=Path("cache"),
        type=FOLDER,
        help="Folder of all caches of embeddings.",
    )


@dataclass(frozen=True, kw_only=True)
class CacheChoice(CacheOption):
    """Choice of the corpus and of its caches."""

    HEADING: ClassVar[str] = READ

    corpus: str = option(
        "--corpus",
        default="",
        help="Name of the corpus in the cache, for example demo. It may be "
        "left out if the cache holds one corpus.",
    )
    audio: str = option(
        "--audio",
        default="",
        metavar="CHECKPOINT_OR_DIGEST",
        help="Choose one of several audio caches by its checkpoint (mini, a "
        "hub name or a folder) or by its digest, which `cache list` "
        "prints. It may be left out if there is one audio cache.",
    )
    text: str = option(
        "--text",
        default="",
        metavar="CHECKPOINT_OR_DIGEST",
        help="Choose one of several text caches, in the same way as --audio.",
    )

    embeddings: tuple[str, ...] = option(
        "--embeddings",
        default=(),
        metavar="MODALITY=CHECKPOINT_OR_DIGEST",
        help="Choose one of several caches of another modality, for example "
        "face=landmarks. The option may be repeated.",
    )

    def cache_names(self) -> dict[str, str]:
        """Return the name of the cache of each modality; "" if no option names it.

        Raises:
            OptionError: if two options name a cache of one modality, or a value of
                ``--embeddings`` names no modality
        """
        by_modality = {"audio": self.audio, "text": self.text}
        others = pairs(self.embeddings, "--embeddings", "CHECKPOINT_OR_DIGEST")
        for modality, name in others.items():
            if by_modality.get(modality):
                raise OptionError(
                    f"--embeddings {modality}={name}: --{modality} "
                    f"{by_modality[modality]} names another; leave one out"
                )
        return {**by_modality, **others}


def named_caches(names: Mapping[str, str]) -> dict[str, Any]:
    """Return values for the fields of `CacheChoice` that name caches.

    Args:
        names: of the cache of each modality; "" if it need not be named

    Examples:
        >>> named_caches({"text": "mini", "face": "0123abcd"})
        {'text': 'mini', 'embeddings': ('face=0123abcd',)}
    """
    found: dict[str, Any] = {m: names[m] for m in BUILT_IN if m in names}
    others = [f"{m}={n}" for m, n in names.items() if m not in BUILT_IN and n]
    return {**found, "embeddings": tuple(others)} if others else found


def cache_option(modality: str, name: str) -> str:
    """Return the option that selects a cache, as the user types it.

    Examples:
        >>> cache_option("text", "mini"), cache_option("face", "DIGEST")
        ('--text mini', '--embeddings face=DIGEST')
    """
    if modality in BUILT_IN:
        return f"--{modality} {name}"
    return f"--embeddings {modality}={name}"


@dataclass(frozen=True, kw_only=True)
class FoldOptions(Command):
    """Protocol that divides a corpus, and its number of folds."""

    protocol: str | None = option(
        "--protocol",
        default=None,
        help="Divide the corpus into training, validation and test parts by "
        "this protocol: session5, session5-strict, loso, speakers or "
        "official.  [default: the protocol of the corpus]",
    )
    folds: int | None = option(
        "--folds",
        default=None,
        type=click.IntRange(min=3),
        help="Number of folds of the protocol speakers; other protocols have a "
        "fixed number.  [default: 5]",
    )


@dataclass(frozen=True, kw_only=True)
class RunsFolder(Command):
    """Folder of all runs."""

    HEADING: ClassVar[str] = WRITE

    runs: Path = option(
        "--runs",
        default=Path("runs"),
        type=FOLDER,
        help="Folder of all runs: trained models and their predictions.",
    )


@dataclass(frozen=True, kw_only=True)
class FinetunedFolder(Command):
    """Fine-tuning that provides the fold-specific encoders."""

    HEADING: ClassVar[str] = READ

    finetuned: Path | None = option(
        "--finetuned",
        default=None,
        type=FOLDER,
        metavar="RUN",
        help="Use fold-specific embeddings. RUN is a folder that `finetune` wrote, "
        "for example finetuned/demo-early-loso-0123abcd. Its encoders must have been "
        "used with `extract`. With --set training=end-to-end, the jointly trained "
        "heads of RUN are used too.  [default: every fold has the same embeddings]",
    )


@dataclass(frozen=True, kw_only=True)
class RunArgument(Command):
    """Run folder, the argument of a command."""

    HEADING: ClassVar[str] = READ

    run: Path = argument(type=FOLDER)


@dataclass(frozen=True, kw_only=True)
class OutputFile(Command):
    """File to which a command writes its result."""

    HEADING: ClassVar[str] = WRITE

    output: str = option(
        "--output",
        default=SCREEN,
        type=click.Path(dir_okay=False, allow_dash=True),
        metavar="FILENAME",
        help="Write to this file, for example table.csv.  [default: the screen]",
    )

    def open_output(self) -> AbstractContextManager[TextIO]:
        """Return the output file, which is opened at the first write."""
        file = click.open_file(self.output, "w", encoding="utf-8", lazy=True)
        return cast(AbstractContextManager[TextIO], file)
