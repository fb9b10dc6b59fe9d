"""Records of options that several commands share: devices, folders and caches."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO, cast

import click

from affuse.data.options.command_record import Command
from affuse.data.options.option_fields import SCREEN, argument, option
from affuse.data.options.option_types import FOLDER, ONE_OR_MORE


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
class CacheFolder(Command):
    """The folder of all caches."""

    cache: Path = option(
        "--cache",
        default=Path("cache"),
        type=FOLDER,
        help="Folder of all embeddings.",
    )


@dataclass(frozen=True, kw_only=True)
class CacheChoice(CacheFolder):
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

    def named(self) -> dict[str, str]:
        """Return the name of the cache of each modality; "" for the only one."""
        return {"audio": self.audio, "text": self.text}


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
class RunFolder(Command):
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
