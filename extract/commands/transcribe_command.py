"""Command line of `transcribe`: speech recognition of a corpus."""

import sys
from typing import TYPE_CHECKING

import click

from affuse.data.options.command_groups import RecordCommand, takes_record
from affuse.data.terminal import print_line

if TYPE_CHECKING:
    from affuse.data.options import transcription_options


@click.command(cls=RecordCommand)
@takes_record
def transcribe(options: "transcription_options.Transcribe") -> None:
    """Recognise the words in the recordings of a corpus.

    The command transcribes CORPUS at ROOT (demo needs none) with a Whisper model. If
    the corpus has transcripts, it prints the word error rate. Repeat it after an
    interruption: finished transcripts are kept. The exit status is 1 if a recording
    could not be transcribed. It needs the extra 'transcribe'.

    The transcripts are in cache/NAME/transcripts. `extract --transcripts` encodes
    them in place of those of the corpus.

    \b
    Examples:
      python cli.py transcribe demo --model small.en
      python cli.py transcribe manifest table.csv --model small --language de \\
          --output errors.csv
    """
    from affuse.extract.commands import corpus_transcripts

    sys.exit(corpus_transcripts.run(options, print_line) > 0)
