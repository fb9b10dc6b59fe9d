"""Command line of `predict`: recordings and texts, or a cached corpus."""

import sys
from typing import TYPE_CHECKING

import click

from affuse.data.options.command_groups import RecordCommand, takes_record
from affuse.data.terminal import print_line

if TYPE_CHECKING:
    from affuse.data.options import prediction_options


@click.command(cls=RecordCommand)
@takes_record
def predict(options: "prediction_options.Predict") -> None:
    """Predict valence, arousal and dominance of recordings.

    MODEL is the folder of a run or a bundle, the name of a bundle on the hub, or a
    speech checkpoint with its own regression head. Each FILE_OR_FOLDER is a recording,
    or a folder that is searched for recordings; - reads paths from standard input.
    The exit status is 1 if a recording could not be predicted; it is named, and the
    others are predicted. Repeat an interrupted command with the same --output to
    continue. Embeddings of recordings stay in memory: the folder of --cache is only
    read, to find the encoders, and nothing is written to it.

    Without recordings, the utterances of a cached corpus are predicted.

    Ratings r are on [-1, 1], as (2 r - low - high) / (high - low); *_deviation is the
    standard deviation over models. Columns such as valence_1_to_5 are on the scale of
    the training data, and those of an adapted bundle on the scale of your ratings. For
    a corpus, trained_on counts the models that had the utterance in training or
    validation. start and end are seconds in file.

    \b
    Examples:
      python cli.py predict audeering recording.wav
      python cli.py predict runs/RUN recording.wav --text "I am fine."
      python cli.py predict runs/RUN folder --window 5 --output new.csv
      python cli.py predict runs/RUN --corpus new --output new.csv
    """
    if options.takes_files:
        from affuse.extract.inference import file_predictions

        sys.exit(not file_predictions.predict_files(options, print_line))
    from affuse.fuse.commands import training_commands

    training_commands.predict(print_line, options)
