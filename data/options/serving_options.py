"""Options of `serve`: a page in the browser, and an HTTP API, for one model."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import click

from affuse.data.errors import OptionError
from affuse.data.options.command_record import Command
from affuse.data.options.option_fields import READ, RESOURCES, SHOW, argument, option
from affuse.data.options.option_types import ONE_OR_MORE
from affuse.data.options.prediction_options import RecordedCheckpoints
from affuse.data.options.run_options import RunDesignFiles
from affuse.data.options.shared_options import CacheOption, ComputeOptions
from affuse.data.options.speech_options import LANGUAGE_HELP

LOCAL = "127.0.0.1"  # address that only programs of the same machine reach
PORT = 7860
PORTS = click.IntRange(0, 65535)


@dataclass(frozen=True, kw_only=True)
class ServingInput(RunDesignFiles, RecordedCheckpoints, CacheOption):
    """Model that is served, and the model that recognises words."""

    HEADING: ClassVar[str] = READ

    run: Path = argument(type=click.Path(path_type=Path), metavar="MODEL")
    transcribe: str = option(
        "--transcribe",
        default="",
        metavar="NAME_OR_FOLDER",
        help="Offer to recognise the words with this Whisper model, for example "
        "small.en, or a folder. It needs the extra 'transcribe'.  [default: words are "
        "only typed]",
    )
    language: str | None = option(
        "--language",
        default=None,
        metavar="CODE",
        help=LANGUAGE_HELP,
    )


@dataclass(frozen=True, kw_only=True)
class ServingLimits(Command):
    """Limits of what one visitor can ask of the machine."""

    HEADING: ClassVar[str] = RESOURCES

    max_megabytes: int = option(
        "--max-megabytes",
        default=50,
        type=ONE_OR_MORE,
        help="Refuse a recording with a larger file, for example 200.",
    )
    max_seconds: int = option(
        "--max-seconds",
        default=600,
        type=ONE_OR_MORE,
        help="Refuse a longer recording, for example 3600.",
    )
    max_waiting: int = option(
        "--max-waiting",
        default=8,
        type=ONE_OR_MORE,
        help="Refuse a request while N others wait, for example 20. One recording is "
        "predicted at a time.",
    )


@dataclass(frozen=True, kw_only=True)
class Serve(ServingInput, ServingLimits, ComputeOptions):
    """Options of `serve`: predict recordings in the browser."""

    COMMAND: ClassVar[str] = "serve"
    HEADING: ClassVar[str] = SHOW
    MOVED: ClassVar[Mapping[str, str]] = {"cache": READ}

    host: str = option(
        "--host",
        default=LOCAL,
        metavar="ADDRESS",
        help="Listen on this address. The default is reached from this machine only; "
        "with 0.0.0.0, everybody who reaches the machine can use the page.",
    )
    port: int = option(
        "--port",
        default=PORT,
        type=PORTS,
        help="Listen on this port, for example 8000; 0 takes a free one.",
    )

    def demand_consistent(self) -> None:
        """Raise an error if an option has no effect with the others.

        Raises:
            OptionError: with the option, and the remedy
        """
        if self.language and not self.transcribe:
            raise OptionError(
                f"--language {self.language} is for speech recognition; name a model "
                f"with --transcribe, or leave it out"
            )
