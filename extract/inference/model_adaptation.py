"""Command `adapt`: rated clips are predicted, an adaptation is fitted and written."""

import os
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from affuse.data.errors import AffuseError, OptionError
from affuse.data.options.adaptation_options import Adapt
from affuse.data.options.command_record import next_line
from affuse.data.options.prediction_options import Predict, RecordedCheckpoints
from affuse.data.options.shared_options import CacheOption, ComputeOptions
from affuse.data.options.source_options import CorpusSource, TableColumns
from affuse.data.reading import corpus_reading
from affuse.data.reading.corpus_checks import problem_lines
from affuse.data.records import Corpus
from affuse.data.runs.bundle_folder import is_bundle
from affuse.extract.inference.adapted_rater import AdaptedRater
from affuse.extract.inference.clip_prediction import (
    PredictedClips,
    predict_clips,
    ratings_of,
)
from affuse.extract.inference.file_predictions import model_request
from affuse.extract.inference.loaded_model import LoadedFileModel
from affuse.extract.inference.model_sources import open_model
from affuse.extract.inference.trained_rater import TrainedRater
from affuse.fuse.adaptation.adaptation import Adaptation
from affuse.fuse.adaptation.adaptation_fitting import demand_enough, fit
from affuse.fuse.adaptation.adaptation_sentences import describe
from affuse.fuse.bundles.adapted_bundle import write_adapted
from affuse.fuse.wording import count

LEVEL = 0.9  # of the intervals, if the model is not calibrated
Say = Callable[[str], object]


def adapt_model(options: Adapt, say: Say) -> Adaptation:
    """Fit an adaptation to rated clips, and write an adapted bundle if it helps.

    Args:
        options: of the command line
        say: prints a line

    Returns:
        the adaptation, which may keep nothing

    Raises:
        FileNotFoundError: if there is no such model or table
        AffuseError: if the table or the model cannot be used, there are too few rated
            clips, or the output folder is not empty
    """
    _demand_new(options)
    corpus = corpus_reading.read_and_describe(say, _source(options))
    for line in problem_lines(corpus.problems):
        say(line)
    request = model_request(_predict(options))
    model = open_model(request)
    rater = _trained_rater(model)
    corpus = _rated_clips(corpus, model, say)
    predicted = predict_clips(model, rater, corpus, threads=request.machine.threads)
    for line in _summary(predicted, corpus):
        say(line)
    for line in rater.remarks():
        say(line)
    adaptation = fit(predicted.clips, level=model.facts.level or LEVEL)
    for line in describe(adaptation):
        say(line)
    if not adaptation.kept:
        say(
            f"no adaptation helps, so nothing was written; use {options.run} as it is, "
            f"or rate more clips"
        )
        return adaptation
    write_adapted(options.run, options.output, adaptation)
    say(f"{options.output}: adapted bundle")
    needs_text = "text" in rater.modalities and not rater.robust
    say(next_line(_next_command(options, needs_text=needs_text)))
    return adaptation


def _demand_new(options: Adapt) -> None:
    """Raise an error if the model is no bundle, or the output is a file or not empty.

    The clips are predicted first, so that this error must not come after it.
    """
    output = options.output
    if os.path.lexists(output) and not (output.is_dir() and not any(output.iterdir())):
        raise OptionError(
            f"--output {output} exists and is not empty; name a new folder"
        )
    if not is_bundle(options.run):
        raise OptionError(
            f"{options.run} is no bundle, and adapt adds to a bundle; write one first: "
            f"python cli.py bundle {options.run} --output NAME"
        )


def _source(options: Adapt) -> CorpusSource:
    """Return the table of rated clips as a corpus to read."""
    return CorpusSource.from_command(
        options, TableColumns, corpus="manifest", root=options.table
    )


def _predict(options: Adapt) -> Predict:
    """Return the options of `predict` for the model."""
    shared = RecordedCheckpoints, CacheOption, ComputeOptions
    return Predict.from_command(options, *shared, run=options.run)


def _trained_rater(model: LoadedFileModel) -> TrainedRater:
    """Return the rater of a model without an adaptation.

    Raises:
        AffuseError: if the model was not trained by this project
    """
    rater = model.rater.rater if isinstance(model.rater, AdaptedRater) else model.rater
    if not isinstance(rater, TrainedRater):
        raise AffuseError(
            f"{model.facts.name} is a checkpoint, and adapt takes a run or a bundle; "
            f"extract a corpus with --head, train the design zeroshot, and adapt that "
            f"run"
        )
    return rater


def _rated_clips(corpus: Corpus, model: LoadedFileModel, say: Say) -> Corpus:
    """Return the clips with a rating that the model predicts; count the others.

    Raises:
        AffuseError: if there are too few of them
    """
    targets = model.facts.targets
    truth = ratings_of(corpus.utterances, targets, corpus.scale)
    demand_enough(truth, targets)
    is_rated = np.isfinite(truth).any(axis=1)
    if unrated := int((~is_rated).sum()):
        say(f"{count(unrated, 'clip')} without {' or '.join(targets)}: left out")
    pairs = zip(corpus.utterances, is_rated, strict=True)
    return replace(corpus, utterances=tuple(u for u, rated in pairs if rated))


def _summary(predicted: PredictedClips, corpus: Corpus) -> Iterator[str]:
    """Yield lines on the clips that were predicted, and on those that were not."""
    done, total = len(predicted.clips.truth), len(corpus.utterances)
    yield f"predicted {done} of {count(total, 'rated clip')}"
    yield from problem_lines(predicted.problems)


def _next_command(options: Adapt, *, needs_text: bool) -> Predict:
    """Return the command that predicts a recording with the adapted bundle."""
    return Predict.from_command(
        options,
        ComputeOptions,
        run=options.output,
        files=("recording.wav",),
        text=("I am fine.",) if needs_text else (),
    )
