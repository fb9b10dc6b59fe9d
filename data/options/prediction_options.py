"""Options of `predict`: recordings and texts, or the utterances of a cached corpus."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import click

from affuse.data.errors import OptionError
from affuse.data.options.command_record import Command
from affuse.data.options.option_fields import (
    READ,
    SCREEN,
    SHOW,
    argument,
    option,
)
from affuse.data.options.option_types import FILE, prediction_formats
from affuse.data.options.output_options import OutputFile
from affuse.data.options.run_options import RunInput
from affuse.data.options.shared_options import ComputeOptions
from affuse.data.options.speech_options import SpeechInputs

CORPUS_FIELDS = ("corpus", "audio", "embeddings", "calibrated")


@dataclass(frozen=True, kw_only=True)
class RecordedCheckpoints(Command):
    """Checkpoints of the encoders that a trained model recorded."""

    HEADING: ClassVar[str] = READ

    audio_checkpoint: tuple[str, ...] = option(
        "--audio-checkpoint",
        default=(),
        metavar="FOLDER_OR_NAME",
        help="Checkpoint of the speech encoder, if it is not where it was at training. "
        "Its digest must be that of the training.  [default: as recorded]",
    )
    text_checkpoint: tuple[str, ...] = option(
        "--text-checkpoint",
        default=(),
        metavar="FOLDER_OR_NAME",
        help="Checkpoint of the text encoder, in the same way.  [default: as recorded]",
    )

    @property
    def named_checkpoints(self) -> dict[str, tuple[str, ...]]:
        """Checkpoints that the user named, by modality."""
        return {"audio": self.audio_checkpoint, "text": self.text_checkpoint}


@dataclass(frozen=True, kw_only=True)
class FileInputs(RunInput, RecordedCheckpoints):
    """Recordings and texts that are predicted, and the encoders for them."""

    HEADING: ClassVar[str] = READ

    run: Path = argument(type=click.Path(path_type=Path), metavar="MODEL")
    files: tuple[str, ...] = argument(
        default=(), type=click.Path(), metavar="[FILE_OR_FOLDER]..."
    )
    text: tuple[str, ...] = option(
        "--text",
        default=(),
        metavar="TEXT",
        help="Transcript of the one recording, or a text without a recording. With "
        "--corpus, it chooses one of several text caches, in the same way as --audio.",
    )
    transcripts: Path | None = option(
        "--transcripts",
        default=None,
        type=FILE,
        metavar="TABLE.csv",
        help="Table of transcripts with the columns file and text, and if a recording "
        "has several, start and end in seconds.  [default: there are none]",
    )
    columns: tuple[str, ...] = option(
        "--map",
        default=(),
        metavar="ROLE=COLUMN",
        help="Read a role of the table of transcripts from this column, for example "
        "--map text=words. The roles are file, text, start, end and duration. The "
        "option may be repeated.  [default: columns are recognised by their names]",
    )
    window: float | None = option(
        "--window",
        default=None,
        help="Divide recordings into windows of this length in seconds; 0 leaves them "
        "undivided.  [default: 8 for recordings over 20 seconds]",
    )
    hop: float | None = option(
        "--hop",
        default=None,
        help="Begin a window every HOP seconds.  [default: half a window]",
    )
    channels: str = option(
        "--channels",
        default="mix",
        type=click.Choice(["mix", "separate"]),
        help="Predict the mean of all channels, or each channel separately, for "
        "example if each speaker has one.",
    )


@dataclass(frozen=True, kw_only=True)
class FileOutputs(OutputFile):
    """Form in which predictions of recordings are written."""

    HEADING: ClassVar[str] = SHOW

    form: str | None = option(
        "--format",
        default=None,
        type=prediction_formats,
        metavar="NAME",
        help="Write a table for people, or csv, json or jsonl for programs.  "
        "[default: the ending of --output, such as .json; without one, table on a "
        "terminal, else csv]",
    )
    plot: Path | None = option(
        "--plot",
        default=None,
        type=FILE,
        metavar="FILE.svg",
        help="Draw the ratings over time, and in the plane of valence and arousal, as "
        "SVG, PNG or PDF.  [default: nothing is drawn]",
    )
    emotion_words: bool = option(
        "--words",
        default=False,
        help="Add the nearest emotion words, which are approximate.  "
        "[default: they are left out]",
    )


@dataclass(frozen=True, kw_only=True)
class Predict(FileInputs, SpeechInputs, FileOutputs, ComputeOptions):
    """Options of `predict`: predict recordings, or cached utterances."""

    COMMAND: ClassVar[str] = "predict"
    HEADING: ClassVar[str] = SHOW

    calibrated: bool = option(
        "--calibrated",
        default=False,
        help="For a cached corpus, add the columns that `calibrate` computes. For "
        "recordings, they are added if the run is calibrated.  "
        "[default: they are left out]",
    )

    @property
    def takes_files(self) -> bool:
        """True if recordings or a text are predicted, not a cached corpus.

        Raises:
            OptionError: if options of both are mixed
        """
        if self.run.is_file():
            raise OptionError(
                f"{self.run} is a file, and no model; name the folder of a run or of a "
                f"bundle before the recordings, as in: predict runs/RUN {self.run.name}"
            )
        typed = [*self.files, *self.text, *filter(None, (self.transcripts,))]
        if self.files and (mixed := [n for n in CORPUS_FIELDS if getattr(self, n)]):
            known = " (recordings get calibrated values and intervals without it)"
            raise OptionError(
                f"--{mixed[0]} is for a cached corpus, and {self.files[0]!r} is a "
                f"recording or a folder; leave one of them out"
                f"{known if mixed[0] == 'calibrated' else ''}"
            )
        if any(getattr(self, name) for name in CORPUS_FIELDS) or not typed:
            self._demand_no_file_options()
            return False
        if self.transcripts and not self.files:
            raise OptionError(
                f"--transcripts {self.transcripts} has the texts of recordings, and "
                f"none is named; name the recordings or their folder too"
            )
        if self.columns and not self.transcripts:
            raise OptionError(
                "--map names columns of a table of transcripts; give it with "
                "--transcripts TABLE.csv"
            )
        given = {"--text": self.text, "--transcripts": self.transcripts}
        self.demand_speech_options(
            has_files=bool(self.files),
            text_flag=next((flag for flag, value in given.items() if value), ""),
            has_windows=(self.window, self.hop) != (None, None),
        )
        return True

    def _demand_no_file_options(self) -> None:
        """Raise an error if an option for recordings is given with a cached corpus."""
        if self._output_format not in ("", "csv"):
            raise OptionError(
                f"--output {self.output}: predictions of a cached corpus are written "
                f"as CSV; let the name end in .csv"
            )
        unchanged = Predict(run=self.run)
        for flag, name in (
            ("--transcripts", "transcripts"),
            ("--map", "columns"),
            ("--window", "window"),
            ("--hop", "hop"),
            ("--channels", "channels"),
            ("--transcribe", "transcribe"),
            ("--language", "language"),
            ("--segment", "segment"),
            ("--speakers", "speakers"),
            ("--audio-checkpoint", "audio_checkpoint"),
            ("--text-checkpoint", "text_checkpoint"),
            ("--format", "form"),
            ("--plot", "plot"),
            ("--words", "emotion_words"),
        ):
            if getattr(self, name) != getattr(unchanged, name):
                raise OptionError(
                    f"{flag} is for recordings, and none is named; name files or "
                    f"folders behind {self.run}, or leave {flag} out"
                )

    @property
    def format_name(self) -> str:
        """Name of the format of the output."""
        on_terminal = self.output == SCREEN and sys.stdout.isatty()
        usual = "table" if on_terminal else "csv"
        return self.form or self._output_format or usual

    @property
    def _output_format(self) -> str:
        """Format that the ending of the output names; "" if it names none."""
        ending = Path(self.output).suffix[1:].lower()
        return ending if ending in prediction_formats().choices else ""
