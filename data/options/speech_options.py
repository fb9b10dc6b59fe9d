"""Options of `predict` on speech: recognition, segments and speakers."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import click

from affuse.data.errors import OptionError
from affuse.data.options.command_record import Command
from affuse.data.options.option_fields import READ, option
from affuse.data.options.option_types import FILE

SPEECH, WINDOWS = "speech", "windows"  # ways to divide recordings
LANGUAGE_HELP = (
    "Language of the speech, for example en.  [default: the model detects it in each "
    "recording]"
)


@dataclass(frozen=True, kw_only=True)
class SpeechInputs(Command):
    """Recognised words, segments with speech, and speakers of recordings."""

    HEADING: ClassVar[str] = READ

    transcribe: str = option(
        "--transcribe",
        default="",
        metavar="NAME_OR_FOLDER",
        help="Recognise the words of each segment with this Whisper model, for example "
        "small.en, or a folder. It needs the extra 'transcribe'.  [default: no "
        "recognition]",
    )
    language: str | None = option(
        "--language",
        default=None,
        metavar="CODE",
        help=LANGUAGE_HELP,
    )
    segment: str = option(
        "--segment",
        default=WINDOWS,
        type=click.Choice([WINDOWS, SPEECH]),
        help="Divide recordings into windows, or into segments in which somebody "
        "speaks. Segments of speech need the extra 'transcribe'.",
    )
    speakers: Path | None = option(
        "--speakers",
        default=None,
        type=FILE,
        metavar="TABLE.csv",
        help="Table with the columns file, start, end and speaker, or an .rttm file. "
        "It gives each segment its speaker.  [default: speakers are not known]",
    )

    def demand_speech_options(
        self, *, has_files: bool, text_flag: str, has_windows: bool
    ) -> None:
        """Raise an error if options on speech contradict each other or other options.

        Args:
            has_files: True if recordings are named
            text_flag: option that gives texts, such as ``--text``; "" for none
            has_windows: True if --window or --hop is given

        Raises:
            OptionError: with both options, and the remedy
        """
        if not has_files:
            self._demand_recordings()
        if text_flag:
            self._demand_no_texts(text_flag)
        if self.segment == SPEECH and has_windows:
            raise OptionError(
                "--segment speech finds the segments by their speech; leave --window "
                "and --hop out"
            )
        if self.language and not self.transcribe:
            raise OptionError(
                f"--language {self.language} is for speech recognition; name a model "
                f"with --transcribe, or leave it out"
            )

    def _demand_recordings(self) -> None:
        """Raise an error if an option for recordings is given, as none is named."""
        typed = {
            "--transcribe": bool(self.transcribe),
            "--segment": self.segment == SPEECH,
            "--speakers": self.speakers is not None,
        }
        for flag in (flag for flag, is_typed in typed.items() if is_typed):
            raise OptionError(
                f"{flag} is for recordings, and there is only a text; name a "
                f"recording, or leave {flag} out"
            )

    def _demand_no_texts(self, flag: str) -> None:
        """Raise an error if words are recognised or speech is found in spite of texts.

        Args:
            flag: option that gives texts
        """
        if self.transcribe:
            raise OptionError(
                f"--transcribe {self.transcribe} and {flag} both give texts; leave one "
                f"out"
            )
        if self.segment == SPEECH:
            raise OptionError(
                f"--segment speech divides recordings at other times than the texts of "
                f"{flag}; leave one out, or recognise each segment with --transcribe"
            )
