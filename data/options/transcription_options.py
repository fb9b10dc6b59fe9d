"""Options of `transcribe`: speech recognition of a corpus."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from affuse.data.options.command_record import Command
from affuse.data.options.option_fields import READ, WRITE, option
from affuse.data.options.option_types import FILE, ONE_OR_MORE
from affuse.data.options.shared_options import CacheOption, ComputeOptions
from affuse.data.options.source_options import CorpusSource
from affuse.data.options.speech_options import LANGUAGE_HELP


@dataclass(frozen=True, kw_only=True)
class WordErrorTable(Command):
    """Table of word errors that `transcribe` writes."""

    HEADING: ClassVar[str] = WRITE

    output: Path | None = option(
        "--output",
        default=None,
        type=FILE,
        metavar="TABLE.csv",
        help="Write both transcripts and the word errors of each utterance to this "
        "table.  [default: only the rate over all utterances is printed]",
    )


@dataclass(frozen=True, kw_only=True)
class Transcribe(CorpusSource, ComputeOptions, CacheOption, WordErrorTable):
    """Options of `transcribe`: recognise the words in the recordings of a corpus."""

    COMMAND: ClassVar[str] = "transcribe"
    MOVED: ClassVar[Mapping[str, str]] = {"cache": WRITE, "limit": READ}

    model: str = option(
        "--model",
        metavar="NAME_OR_FOLDER",
        help="Whisper model, for example small.en or large-v3, or a folder with one in "
        "the format of CTranslate2.",
    )
    language: str | None = option(
        "--language",
        default=None,
        metavar="CODE",
        help=LANGUAGE_HELP,
    )
    limit: int | None = option(
        "--limit",
        default=None,
        type=ONE_OR_MORE,
        help="Transcribe only N utterances, evenly spaced over the corpus, for example "
        "--limit 20 for a quick trial.  [default: all]",
    )
