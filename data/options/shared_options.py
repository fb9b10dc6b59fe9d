"""Options that several commands share: devices, folders and caches."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import click

from affuse.data.modality import BUILT_IN
from affuse.data.options.command_record import Command
from affuse.data.options.option_fields import (
    READ,
    RESOURCES,
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
    audio: tuple[str, ...] = option(
        "--audio",
        default=(),
        metavar="CHECKPOINT_OR_DIGEST",
        help="Choose one of several audio caches by its checkpoint (mini, a "
        "hub name or a folder) or by its digest, which `cache list` "
        "prints. Repeat the option to join several encoders, as in --audio mini "
        "--audio acoustic. It may be left out if there is one audio cache.",
    )
    text: tuple[str, ...] = option(
        "--text",
        default=(),
        metavar="CHECKPOINT_OR_DIGEST",
        help="Choose one of several text caches, in the same way as --audio, or by its "
        "transcripts: gold, or the label of recognised ones.",
    )

    embeddings: tuple[str, ...] = option(
        "--embeddings",
        default=(),
        metavar="MODALITY=CHECKPOINT_OR_DIGEST",
        help="Choose one of several caches of another modality, for example "
        "face=landmarks. The option may be repeated, also for one modality.",
    )

    def cache_names(self) -> dict[str, tuple[str, ...]]:
        """Return the names of the caches of each modality; () if no option names it.

        Raises:
            OptionError: if an option names no modality
        """
        names = {"audio": self.audio, "text": self.text}
        for each in self.embeddings:
            (pair,) = pairs((each,), "--embeddings", "CHECKPOINT_OR_DIGEST").items()
            names[pair[0]] = (*names.get(pair[0], ()), pair[1])
        return names


def named_caches(names: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """Return the values of the fields of `CacheChoice` that name caches.

    Args:
        names: of the caches of each modality; none or "" if it need not be named

    Examples:
        >>> named_caches({"text": ("mini",), "face": ("0123abcd",)})
        {'text': ('mini',), 'embeddings': ('face=0123abcd',)}
    """
    typed = {m: tuple(name for name in each if name) for m, each in names.items()}
    values: dict[str, Any] = {m: typed[m] for m in BUILT_IN if m in typed}
    others = [
        f"{m}={n}" for m, each in typed.items() if m not in BUILT_IN for n in each
    ]
    return {**values, "embeddings": tuple(others)} if others else values


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
