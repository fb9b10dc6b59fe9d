"""Prediction of the recordings and texts that a user names on the command line."""

import logging
import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch

from affuse.data.errors import OptionError
from affuse.data.options.option_fields import SCREEN
from affuse.data.options.prediction_options import Predict
from affuse.data.options.serving_options import Serve
from affuse.data.runs.run_folder import RunFolder
from affuse.extract.encoding.choices import Machine
from affuse.extract.inference import recording_search, speaker_turns, transcripts
from affuse.extract.inference.encoder_places import EncoderPlaces, readable_recipes
from affuse.extract.inference.model_sources import ModelRequest, open_model
from affuse.extract.inference.output_file import OutputRequest
from affuse.extract.inference.prediction_columns import PredictionColumns
from affuse.extract.inference.prediction_task import PredictionTask
from affuse.extract.inference.recording_search import Found
from affuse.extract.inference.segment_division import SegmentDivision
from affuse.extract.inference.segments import Recording
from affuse.extract.inference.trajectory_plot import check_plot_path, write_plot
from affuse.extract.inference.transcript_matching import with_transcripts

Say = Callable[[str], object]
log = logging.getLogger(__name__)


def predict_files(options: Predict, say: Say) -> bool:
    """Predict recordings and texts, and write the predictions.

    Args:
        options: of the command line, with recordings or a text
        say: prints a line

    Returns:
        True if every recording could be predicted

    Raises:
        FileNotFoundError: if there is no such model or table
        AffuseError: if the model cannot be used, or lacks an input that it needs
    """
    request = model_request(options)
    divide = SegmentDivision.of(options, request.machine)
    _refuse_runs(options)
    _refuse_cache_name(options)
    _refuse_outputs(options)
    if options.plot:
        check_plot_path(options.plot)
    inputs = find_inputs(options)
    model = open_model(request)
    model.check_inputs(
        [item for item in inputs if isinstance(item, Recording)],
        log.warning,
        are_recognised=divide.recogniser is not None,
    )
    plot = options.plot
    draw = None if plot is None else partial(write_plot, plot, model.facts)
    task = PredictionTask(model, divide, inputs, draw)
    columns = PredictionColumns(
        model.facts,
        channels=options.channels == "separate",
        speakers=options.speakers is not None,
        words=options.emotion_words,
    )
    if options.output == SCREEN:
        _print(task, options, columns)
    else:
        path, form = Path(options.output), options.format_name
        task.write(OutputRequest(path, form, columns, divide.facts), say)
    if options.output != SCREEN or options.format_name != "table":
        task.name_failures()
    for sentence in model.rater.remarks():
        log.warning("%s", sentence)
    return not task.failed


def _print(task: PredictionTask, options: Predict, columns: PredictionColumns) -> None:
    """Print the predictions; on a terminal, each line shows the progress itself."""
    show = not sys.stdout.isatty()
    with options.open_output() as screen:
        for text in task.render(options.format_name, columns, show=show):
            screen.write(text)
            screen.flush()


def model_request(options: Predict | Serve) -> ModelRequest:
    """Return the requested model, with the places of its encoders.

    Args:
        options: of the command line
    """
    machine = Machine.of(options)
    torch.set_num_threads(machine.threads)
    places = EncoderPlaces(named=options.named_checkpoints, cache=options.cache)
    return ModelRequest(str(options.run), machine, places, options.design_files)


def find_inputs(options: Predict) -> list[Found]:
    """Return the recordings and texts that the options name, with texts and speakers.

    Args:
        options: of the command line

    Raises:
        OptionError: if texts and recordings do not fit together
        AffuseError: if a table of transcripts or of speakers cannot be read
    """
    found = _find_with_texts(options)
    if options.speakers is None:
        return found
    table = speaker_turns.read_turns(options.speakers)
    return speaker_turns.with_turns(found, table, options.files, log.warning)


def _find_with_texts(options: Predict) -> list[Found]:
    """Return the recordings and texts that the options name, with their texts."""
    if len(options.text) > 1:
        raise OptionError(
            "--text is given more than once; write the texts in a table with the "
            "columns file and text, and give --transcripts"
        )
    if options.text and options.transcripts:
        raise OptionError("--text and --transcripts both give texts; leave one out")
    if not options.files:
        return [transcripts.text_alone(options.text[0])]
    found = recording_search.find(
        options.files, log.warning, path_list=sys.stdin.buffer
    )
    if options.text:
        return transcripts.with_text(found, options.text[0])
    if options.transcripts:
        table = transcripts.read(options.transcripts, options.columns)
        return with_transcripts(found, table, options.files, log.warning)
    return list(found)


def _refuse_runs(options: Predict) -> None:
    """Raise an error if a second run is named where recordings are expected."""
    runs = [f for f in options.files if RunFolder(Path(f)).info.is_file()]
    if runs:
        raise OptionError(
            f"predict takes one run; choose one of "
            f"{', '.join(map(str, (options.run, *runs)))}"
        )


def _refuse_outputs(options: Predict) -> None:
    """Raise an error if the predictions cannot be written to the named files.

    Raises:
        OptionError: if the output is a device or a pipe, or the plot would replace it
    """
    if options.output == SCREEN:
        return
    output = Path(options.output)
    if options.plot and os.path.realpath(options.plot) == os.path.realpath(output):
        raise OptionError(
            f"--output and --plot both name {output}; name two different files"
        )
    if output.exists() and not output.is_file():
        raise OptionError(
            f"--output {output} is no regular file, so an interrupted command could "
            f"not continue it; leave --output out, and redirect the output of the "
            f"command, as with > {output}"
        )


def _refuse_cache_name(options: Predict) -> None:
    """Raise an error if a text alone is the name of a cache, as --text may be.

    Raises:
        OptionError: naming both readings
    """
    if options.files or len(options.text) != 1:
        return
    (text,) = options.text
    for _, recipe in readable_recipes(options.cache):
        if recipe.modality == "text" and text in (recipe.checkpoint, recipe.digest()):
            raise OptionError(
                f"--text {text} is the name of a text cache; to choose it, give "
                f"--corpus {recipe.corpus} too; to predict the word, type it with a "
                f"full stop"
            )
