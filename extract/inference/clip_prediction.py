"""Predictions and codes of the clips that a user rated, for an adaptation."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from affuse.data.cache.recipe import Recipe
from affuse.data.rating_scales import normalise
from affuse.data.records import Corpus, Problem, Utterance, file_name
from affuse.data.system.progress import bar
from affuse.extract.inference.adapted_rater import AdaptedRater, codes_of
from affuse.extract.inference.loaded_model import LoadedFileModel, predicted
from affuse.extract.inference.predicted_segments import PredictedSegment
from affuse.extract.inference.prediction_loop import predict_segments
from affuse.extract.inference.rater import RatedSegments
from affuse.extract.inference.segment_encoding import EncodedSegments
from affuse.extract.inference.segment_plan import SegmentPlan
from affuse.extract.inference.segmentation import segments
from affuse.extract.inference.segments import Recording, Segment, TimedText
from affuse.extract.inference.trained_rater import TrainedRater
from affuse.fuse.adaptation.adaptation_fitting import RatedClips
from affuse.fuse.adaptation.clip_inputs import ClipInputs

UNDIVIDED = SegmentPlan(window=0.0)  # a clip has one rating, so it is not divided


@dataclass
class CodeRecorder:
    """Rater that also keeps the codes of all segments, by the name of their file."""

    rater: TrainedRater
    codes: dict[str, np.ndarray] = field(default_factory=dict)  # (size,) each

    @property
    def recipes(self) -> Sequence[Recipe]:
        """Recipes of all embeddings that the models of all folds take."""
        return self.rater.recipes

    @property
    def modalities(self) -> Sequence[str]:
        """Names of the modalities that the models take."""
        return self.rater.modalities

    @property
    def robust(self) -> bool:
        """True if segments are predicted that lack a modality."""
        return self.rater.robust

    def rate(self, encoded: EncodedSegments) -> RatedSegments:
        """Return the predictions of all segments that were encoded.

        Args:
            encoded: with embeddings of each encoder
        """
        rated = self.rater.rate(encoded)
        codes = codes_of(self.rater, encoded, rated)
        for place, code in zip(rated.places, codes, strict=True):
            self.codes[encoded.segments[place].file] = code
        return rated

    def remarks(self) -> Iterator[str]:
        """Yield a sentence on each fact about all predictions so far."""
        yield from self.rater.remarks()


@dataclass(frozen=True)
class PredictedClips:
    """Rated clips that could be predicted, and the problems of the others."""

    clips: RatedClips
    problems: tuple[Problem, ...]


def predict_clips(
    model: LoadedFileModel, corpus: Corpus, *, threads: int
) -> PredictedClips:
    """Predict the clips of a corpus without an adaptation, and show progress.

    Args:
        model: of a bundle, which may be adapted
        corpus: clips with ratings on its scale
        threads: number of files that are opened at the same time
    """
    rater = model.rater.rater if isinstance(model.rater, AdaptedRater) else model.rater
    if not isinstance(rater, TrainedRater):
        raise TypeError(f"{model.facts.name} has no trained models, whose codes adapt")
    recorder = CodeRecorder(rater)
    plain = LoadedFileModel(model.facts, recorder, model.encoder)
    stream = segments(map(_recording, corpus.utterances), UNDIVIDED, threads=threads)
    channels = (utterance.channel for utterance in corpus.utterances)
    placed = (
        _checked(plain, replace(item, channel=channel))
        if isinstance(item, Segment)
        else item
        for item, channel in zip(stream, channels, strict=True)
    )
    with bar(
        total=len(corpus.utterances), name="predict", unit="clip", show=True, delay=1.0
    ) as progress:
        results = []
        for result in predict_segments(plain, placed):
            results.append(result)
            progress.update(1)
    pairs = list(zip(corpus.utterances, results, strict=True))
    usable = [(u, each) for u, each in pairs if not each.reason]
    return PredictedClips(
        clips=_rated(model.facts.targets, corpus, usable, recorder.codes),
        problems=tuple(
            Problem(file_name(u, corpus.root), each.reason, id=u.id)
            for u, each in pairs
            if each.reason
        ),
    )


def _checked(model: LoadedFileModel, item: Segment) -> Segment | PredictedSegment:
    """Return a clip, or the reason why it cannot be predicted."""
    if not (missing := model.missing(item)):
        return item
    reason = f"has no {missing}, which the model needs; add it to the table"
    return predicted(item, item.notes, reason=reason, ratings={})


def _recording(utterance: Utterance) -> Recording:
    """Return a clip as a recording that is named by its id."""
    text = TimedText(utterance.text, utterance.span)
    return Recording(utterance.id, utterance.audio, (text,))


def _rated(
    targets: tuple[str, ...],
    corpus: Corpus,
    usable: Sequence[tuple[Utterance, PredictedSegment]],
    codes: dict[str, np.ndarray],
) -> RatedClips:
    """Return predicted clips with their ratings on [-1, 1]."""
    predictions = [[each.ratings[t] for t in targets] for _, each in usable]
    shape = len(usable), len(targets)
    values = [[one.value for one in row] for row in predictions]
    spreads = [[one.spread for one in row] for row in predictions]
    return RatedClips(
        targets=targets,
        inputs=ClipInputs(
            np.array(values, float).reshape(shape),
            _stack([codes[u.id] for u, _ in usable]),
        ),
        spread=np.array(spreads, float).reshape(shape),
        truth=ratings_of([u for u, _ in usable], targets, corpus.scale),
        speakers=tuple(u.speaker for u, _ in usable),
    )


def _stack(codes: Sequence[np.ndarray]) -> np.ndarray:
    """Return codes as an array (n, size), NaN for a clip that lacks a modality.

    Args:
        codes: of each clip; of size 0 if all clips of its chunk lack a modality
    """
    stacked = np.full((len(codes), max(map(len, codes), default=0)), np.nan)
    for row, code in zip(stacked, codes, strict=True):
        row[: len(code)] = code
    return stacked


def ratings_of(
    utterances: Sequence[Utterance],
    targets: Sequence[str],
    scale: tuple[float, float] | None,
) -> np.ndarray:
    """Return the ratings of clips on [-1, 1]: (n, targets), NaN where not rated.

    Ratings outside the scale are clipped to its end.

    Args:
        utterances: with ratings as released
        targets: names of the ratings
        scale: lowest and highest nominal rating; None if there are no ratings
    """
    truth = np.full((len(utterances), len(targets)), np.nan)
    for row, utterance in enumerate(utterances):
        if scale is not None:
            found = normalise(utterance.ratings, scale=scale) or {}
            truth[row] = [found.get(name, np.nan) for name in targets]
    return truth
