"""Records of options that several commands share: devices, folders and caches."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO, cast

import click

from affuse.data.errors import OptionError
from affuse.data.modality import BUILT_IN
from affuse.data.options.command_record import Command
from affuse.data.options.option_fields import SCREEN, argument, option
from affuse.data.options.option_types import FOLDER, ONE_OR_MORE, pairs


@dataclass(frozen=True, kw_only=True)
class ComputeOptions(Command):
    """The device and the threads that a command computes with."""

    device: str = option(
        "--device",
        default="auto",
        help="auto, cpu or cuda; auto takes CUDA where there is a device.",
    )
    threads: int | None = option(
        "--threads",
        default=None,
        type=ONE_OR_MORE,
        help="CPU threads.  [default: all cores]",
    )


@dataclass(frozen=True, kw_only=True)
class CacheOption(Command):
    """The folder of all caches."""

    cache: Path = option(
        "--cache",
        default=Path("cache"),
        type=FOLDER,
        help="Folder of all embeddings.",
    )


@dataclass(frozen=True, kw_only=True)
class CacheChoice(CacheOption):
    """Which caches of which corpus a command takes."""

    corpus: str = option(
        "--corpus", default="", help="Name of the corpus in the cache."
    )
    audio: str = option(
        "--audio",
        default="",
        metavar="CHECKPOINT_OR_DIGEST",
        help="Audio cache to use if there are several, e.g. mini, a hub name, a "
        "folder, or the digest of `cache list`.",
    )
    text: str = option(
        "--text",
        default="",
        metavar="CHECKPOINT_OR_DIGEST",
        help="Text cache to use if there are several; named like that of --audio.",
    )

    embeddings: tuple[str, ...] = option(
        "--embeddings",
        default=(),
        metavar="MODALITY=CHECKPOINT_OR_DIGEST",
        help="Cache of any other modality, if there are several; repeatable.",
    )

    def named(self) -> dict[str, str]:
        """Return the name of the cache of each modality; "" for the only one.

        Raises:
            OptionError: if the options name two of a modality, or no modality
        """
        found = {"audio": self.audio, "text": self.text}
        others = pairs(self.embeddings, "--embeddings", "CHECKPOINT_OR_DIGEST")
        for modality, name in others.items():
            if found.get(modality):
                raise OptionError(
                    f"--embeddings {modality}={name}: --{modality} {found[modality]} "
                    f"names another; leave one out"
                )
        return {**found, **others}


def named_caches(names: Mapping[str, str]) -> dict[str, Any]:
    """Return the values of the fields of `CacheChoice` that name caches.

    Args:
        names: of the cache of each modality; "" where it needs none

    Examples:
        >>> named_caches({"text": "mini", "face": "0123abcd"})
        {'text': 'mini', 'embeddings': ('face=0123abcd',)}
    """
    found: dict[str, Any] = {m: names[m] for m in BUILT_IN if m in names}
    others = [f"{m}={n}" for m, n in names.items() if m not in BUILT_IN and n]
    return {**found, "embeddings": tuple(others)} if others else found


def cache_option(modality: str, name: str) -> str:
    """Return the option that names a cache, as it is typed.

    Examples:
        >>> cache_option("text", "mini"), cache_option("face", "DIGEST")
        ('--text mini', '--embeddings face=DIGEST')
    """
    if modality in BUILT_IN:
        return f"--{modality} {name}"
    return f"--embeddings {modality}={name}"


@dataclass(frozen=True, kw_only=True)
class RunsFolder(Command):
    """The folder of all runs."""

    runs: Path = option(
        "--runs",
        default=Path("runs"),
        type=FOLDER,
        help="Folder of all trained models and their predictions.",
    )


@dataclass(frozen=True, kw_only=True)
class FinetunedFolder(Command):
    """The fine-tuning whose encoders each fold takes."""

    finetuned: Path | None = option(
        "--finetuned",
        default=None,
        type=FOLDER,
        metavar="RUN",
        help="Give each fold the embeddings of its own encoders, which `finetune` left "
        "in this folder and `extract` was given; with --set training=end-to-end also "
        "the heads that it left there.",
    )


@dataclass(frozen=True, kw_only=True)
class RunArgument(Command):
    """The run that a command works on."""

    run: Path = argument(type=FOLDER)


@dataclass(frozen=True, kw_only=True)
class OutputFile(Command):
    """The file that a command writes its result into."""

    output: str = option(
        "--output",
        default=SCREEN,
        type=click.Path(dir_okay=False, allow_dash=True),
        metavar="FILENAME",
        help="File to write.  [default: the screen]",
    )

    def opened(self) -> AbstractContextManager[TextIO]:
        """Return the file, which is opened when something is first written."""
        file = click.open_file(self.output, "w", encoding="utf-8", lazy=True)
        return cast(AbstractContextManager[TextIO], file)
