"""Command `adapt`: rated clips are predicted, an adaptation is fitted and written."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from affuse.data.errors import AffuseError, OptionError
from affuse.data.options.adaptation_options import Adapt
from affuse.data.options.bundle_options import BundleInput, MakeBundle
from affuse.data.options.command_record import next_line
from affuse.data.options.prediction_options import Predict, RecordedCheckpoints
from affuse.data.options.shared_options import CacheOption, ComputeOptions
from affuse.data.options.source_options import CorpusSource, TableColumns
from affuse.data.rating_scales import RATINGS
from affuse.data.reading import corpus_reading
from affuse.data.reading.corpus_checks import problem_lines
from affuse.data.records import Corpus
from affuse.data.runs.bundle_folder import demand_outside_bundles, is_bundle
from affuse.data.runs.fold_table import read_folds
from affuse.data.runs.run_folder import RunFolder
from affuse.extract.inference.bundle_making import make_bundle
from affuse.extract.inference.clip_prediction import (
    PredictedClips,
    predict_clips,
    ratings_of,
)
from affuse.extract.inference.file_predictions import model_request
from affuse.extract.inference.model_sources import open_model
from affuse.fuse.adaptation.adaptation import Adaptation
from affuse.fuse.adaptation.adaptation_fitting import LEAST_CLIPS, demand_enough, fit
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
    _demand_new(options.output)
    corpus = corpus_reading.read(_source(options))
    for line in (*corpus.reading, *problem_lines(corpus.problems)):
        say(line)
    demand_enough(ratings_of(corpus.utterances, RATINGS, corpus.scale), RATINGS)
    with _plain_bundle(options) as bundle:
        request = model_request(_predict(options, bundle))
        model = open_model(request)
        clips = _rated_clips(corpus, model.facts.targets, say)
        predicted = predict_clips(model, clips, threads=request.machine.threads)
        for line in (*_summary(predicted, clips), *_overlap(options.run, clips)):
            say(line)
        _demand_predicted(predicted, len(clips.utterances))
        adaptation = fit(predicted.clips, level=model.facts.level or LEVEL)
        for line in describe(adaptation):
            say(line)
        if not adaptation.kept:
            say(
                f"no adaptation helps, so nothing was written; use {options.run} as it "
                f"is, or rate more clips"
            )
            return adaptation
        assert corpus.scale is not None  # enough clips have ratings on it
        write_adapted(bundle, options.output, adaptation, corpus.scale)
    say(f"{options.output}: adapted bundle")
    needs_text = "text" in model.rater.modalities and not model.rater.robust
    say(next_line(_next_command(options, needs_text=needs_text)))
    return adaptation


def _demand_new(output: Path) -> None:
    """Raise an error if the output is in a bundle, or exists and is no empty folder.

    The bundle is written after the clips are predicted, which may take long.
    """
    demand_outside_bundles(output)
    if os.path.lexists(output) and not (output.is_dir() and not any(output.iterdir())):
        raise OptionError(
            f"--output {output} exists and is not an empty folder; name a new folder"
        )


@contextmanager
def _plain_bundle(options: Adapt) -> Iterator[Path]:
    """Yield the folder of the bundle to adapt; for a run, a temporary one.

    Raises:
        AffuseError: if the model is neither, or the run cannot become a bundle
    """
    if is_bundle(options.run):
        yield options.run
        return
    if not RunFolder(options.run).info.is_file():
        raise OptionError(
            f"{options.run} is no run and no bundle; to adapt the head of a "
            f"checkpoint, extract a corpus with --head, train the design zeroshot, and "
            f"name that run"
        )
    output = Path(os.path.abspath(options.output))
    output.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=f".{output.name}.", dir=output.parent) as place:
        folder = Path(place) / output.name
        made = MakeBundle.from_command(options, BundleInput, output=folder)
        make_bundle(made, lambda line: None)
        yield folder


def _overlap(run: Path, clips: Corpus) -> Iterator[str]:
    """Yield a sentence if clips have ids of the run's utterances.

    Args:
        run: run or bundle; a bundle does not know the ids
        clips: rated clips of the user
    """
    if not RunFolder(run).folds.is_file():
        return
    known = {row.id for row in read_folds(run)}
    if same := [u.id for u in clips.utterances if u.id in known]:
        yield (
            f"{len(same):,} of {count(len(clips.utterances), 'clip')} have ids of "
            f"utterances that {run} was trained on or tested with, such as "
            f"'{same[0]}'; if they are the same recordings, the CCC below is too high, "
            f"and an adaptation to them is not one to new speakers"
        )


def _source(options: Adapt) -> CorpusSource:
    """Return the table of rated clips as a corpus to read."""
    return CorpusSource.from_command(
        options, TableColumns, corpus="manifest", root=options.table
    )


def _predict(options: Adapt, bundle: Path) -> Predict:
    """Return the options of `predict` for a bundle."""
    shared = RecordedCheckpoints, CacheOption, ComputeOptions
    return Predict.from_command(options, *shared, run=bundle)


def _rated_clips(corpus: Corpus, targets: Sequence[str], say: Say) -> Corpus:
    """Return the clips with a rating that the model predicts; count the others.

    Raises:
        AffuseError: if there are too few of them
    """
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


def _demand_predicted(predicted: PredictedClips, total: int) -> None:
    """Raise an error if too few of all rated clips could be predicted."""
    counts = np.isfinite(predicted.clips.truth).sum(axis=0)
    if predicted.problems and counts.max() < LEAST_CLIPS:
        raise AffuseError(
            f"only {counts.max()} of {count(total, 'rated clip')} could be predicted, "
            f"and an adaptation needs {LEAST_CLIPS}; correct the problems above"
        )


def _next_command(options: Adapt, *, needs_text: bool) -> Predict:
    """Return the command that predicts a recording with the adapted bundle."""
    return Predict.from_command(
        options,
        ComputeOptions,
        run=options.output,
        files=("recording.wav",),
        text=("I am fine.",) if needs_text else (),
    )
