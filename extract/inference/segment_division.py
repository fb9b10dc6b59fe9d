"""Division of a command's inputs into segments, with recognised texts if asked for."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, Self, cast

from affuse.data.options.prediction_options import Predict
from affuse.data.options.speech_options import SPEECH
from affuse.extract.encoding.choices import Machine
from affuse.extract.inference.predicted_segments import PredictedSegment
from affuse.extract.inference.recording_search import Found
from affuse.extract.inference.segment_plan import SegmentPlan
from affuse.extract.inference.segment_transcription import transcribe_segments
from affuse.extract.inference.segmentation import segments
from affuse.extract.inference.segments import Segment
from affuse.extract.inference.speech_model_loading import load_speech_models
from affuse.extract.transcription.speech_models import (
    SpeechDetector,
    SpeechRecogniser,
)


@dataclass(frozen=True)
class SegmentDivision:
    """Rules and models that turn recordings and texts into segments."""

    plan: SegmentPlan
    threads: int  # files that are opened at the same time
    detector: SpeechDetector | None = None  # None: recordings are divided into windows
    recogniser: SpeechRecogniser | None = None  # None: no words are recognised

    @classmethod
    def of(cls, options: Predict, machine: Machine) -> Self:
        """Return the division that options name, with its models loaded.

        Args:
            options: of the command line
            machine: device and number of threads

        Raises:
            OptionError: if a length, a model or a language is not valid
            AffuseError: if the package faster-whisper is not installed, or a model
                cannot be loaded
        """
        channels = cast(Literal["mix", "separate"], options.channels)
        plan = SegmentPlan(options.window, options.hop, channels)
        detector, recogniser = load_speech_models(options, machine)
        return cls(plan, machine.threads, detector, recogniser)

    def __call__(self, inputs: Sequence[Found]) -> Iterator[Segment | PredictedSegment]:
        """Yield the segments of inputs, in their order; see `segmentation.segments`.

        Args:
            inputs: recordings and texts; results without a prediction are passed on
        """
        stream = segments(
            inputs, self.plan, threads=self.threads, detector=self.detector
        )
        if self.recogniser is None:
            return stream
        return transcribe_segments(stream, self.recogniser)

    @property
    def facts(self) -> dict[str, object]:
        """Options that change predictions, as plain values by name."""
        plan, models = self.plan, {}
        # Without these models, the facts are those of older versions.
        if self.detector is not None:
            models["segment"] = SPEECH
        if self.recogniser is not None:
            models["transcribe"] = self.recogniser.identity.label
        facts = {"window": plan.window, "hop": plan.hop, "channels": plan.channels}
        return {**facts, **models}
