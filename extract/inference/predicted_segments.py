"""Records of predictions for recordings and texts: segments, ratings and their model.

All values are on [-1, 1], on which r = (2 x - low - high) / (high - low) for a rating x
on the scale of the training data from low to high. `ModelFacts` holds that scale.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import overload

from affuse.data.errors import AffuseError
from affuse.data.scale_columns import Scale

Cell = str | float | int | None  # of a table; None: the value is unknown


@dataclass(frozen=True, slots=True)
class PredictedRating:
    """Prediction of one rating for one segment, on [-1, 1]."""

    value: float  # mean over the models
    spread: float  # standard deviation over the models; 0 for a single model
    calibrated: float | None = None  # None: the model is not calibrated
    interval: tuple[float, float] | None = None  # around `calibrated`


@dataclass(frozen=True, slots=True)
class PredictedSegment:
    """Prediction for one segment of a recording, for a whole recording, or for a text.

    `valence`, `arousal` and `dominance` are shorter names of the values in `ratings`.
    """

    file: str  # name of the recording as the user gave it; "" for a text alone
    start: float | None = None  # seconds in the file; None without a recording
    end: float | None = None  # seconds in the file, exclusive
    text: str | None = None  # transcript as the user gave it; None: there is none
    channel: int | None = None  # counted from 1; None: the mean of all channels
    speaker: str = ""  # who talks longest in it; "" if it is not known
    # {name: prediction}, in the order of RATINGS; empty if `reason` is not
    ratings: Mapping[str, PredictedRating] = field(default_factory=dict)
    reason: str = ""  # why there is no prediction; "" if there is one
    notes: tuple[str, ...] = ()  # changes to the input, such as resampling

    @property
    def valence(self) -> float:
        """Valence on [-1, 1]: from unpleasant to pleasant."""
        return self.rating("valence").value

    @property
    def arousal(self) -> float:
        """Arousal on [-1, 1]: from calm to excited."""
        return self.rating("arousal").value

    @property
    def dominance(self) -> float:
        """Dominance on [-1, 1]: from submissive to in control."""
        return self.rating("dominance").value

    @property
    def valence_interval(self) -> tuple[float, float] | None:
        """Interval of the calibrated valence; None if the model is not calibrated."""
        return self.rating("valence").interval

    @property
    def arousal_interval(self) -> tuple[float, float] | None:
        """Interval of the calibrated arousal; None if the model is not calibrated."""
        return self.rating("arousal").interval

    @property
    def dominance_interval(self) -> tuple[float, float] | None:
        """Interval of the calibrated dominance; None if the model is not calibrated."""
        return self.rating("dominance").interval

    def rating(self, name: str) -> PredictedRating:
        """Return the prediction of one rating.

        Args:
            name: one of `affuse.data.rating_scales.RATINGS`

        Raises:
            AffuseError: if the segment was not predicted, with the reason, or the model
                does not predict this rating
        """
        if self.reason:
            raise AffuseError(f"{self.file or 'the text'}: {self.reason}")
        if name not in self.ratings:
            raise AffuseError(
                f"the model predicts {', '.join(self.ratings)}, but no {name}"
            )
        return self.ratings[name]


@dataclass(frozen=True)
class ModelFacts:
    """Facts on a model that every output states beside its figures."""

    name: str  # of the run or bundle, or the checkpoint
    targets: tuple[str, ...]  # names of the predicted ratings, in order of columns
    corpus: str  # that the model was trained on; "" if it is not known
    nature: str  # of its ratings, one of affuse.data.records.NATURES
    scale: Scale | None = None  # of the ratings as released; None: not known
    models: int = 1  # whose mean is the prediction
    level: float | None = None  # share of ratings in the intervals; None: no intervals
    adaptation: str = ""  # sentence on an adaptation to a user's ratings; "" for none
    digest: str = ""  # of the weights, hexadecimal; "" if it is not known
    several: str = ""  # kinds of ratings in words, if its corpora differ in them

    @property
    def training(self) -> str:
        """Training data of the model in words."""
        kind = f"trained on {self.several or f'{self.nature} ratings'}"
        return f"{kind} of {self.corpus}" if self.corpus and not self.several else kind

    @property
    def identity(self) -> str:
        """Name of the model with the beginning of its digest, for a column."""
        return f"{self.name}@{self.digest[:12]}" if self.digest else self.name


@dataclass(frozen=True)
class SegmentPredictions(Sequence[PredictedSegment]):
    """Predictions of segments, in the order of their inputs, with facts on the model.

    Segments that could not be predicted are included; `PredictedSegment.reason` says
    why.
    """

    facts: ModelFacts
    segments: tuple[PredictedSegment, ...]

    @overload
    def __getitem__(self, place: int) -> PredictedSegment: ...
    @overload
    def __getitem__(self, place: slice) -> tuple[PredictedSegment, ...]: ...
    def __getitem__(
        self, place: int | slice
    ) -> PredictedSegment | tuple[PredictedSegment, ...]:
        """Return one segment, or several for a slice."""
        return self.segments[place]

    def to_dicts(self, *, words: bool = False) -> list[dict[str, Cell]]:
        """Return the cells of each segment by column, as in a CSV file of predictions.

        Args:
            words: add the column of nearest emotion words

        Returns:
            a dictionary for each segment, see
            `affuse.extract.inference.prediction_columns`; None where a value is unknown
        """
        # The columns are made from the records of this module.
        from affuse.extract.inference.prediction_columns import PredictionColumns

        channels = any(segment.channel is not None for segment in self.segments)
        speakers = any(segment.speaker for segment in self.segments)
        columns = PredictionColumns(
            self.facts, channels=channels, speakers=speakers, words=words
        )
        return [columns.cells(segment) for segment in self.segments]

    def __len__(self) -> int:
        """Return the number of segments."""
        return len(self.segments)

    def __iter__(self) -> Iterator[PredictedSegment]:
        """Yield the segments in the order of their inputs."""
        return iter(self.segments)
