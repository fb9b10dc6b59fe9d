"""Prediction of one request, whose every failure is one sentence for the visitor."""

import logging
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

from affuse.data.errors import AffuseError
from affuse.extract.audio import decoder_pool, decoding
from affuse.extract.inference import transcripts
from affuse.extract.inference.loaded_model import LoadedFileModel
from affuse.extract.inference.predicted_segments import (
    ModelFacts,
    PredictedSegment,
    SegmentPredictions,
)
from affuse.extract.inference.prediction_loop import predict_segments
from affuse.extract.inference.segment_division import SegmentDivision
from affuse.extract.inference.segment_plan import SegmentPlan
from affuse.extract.inference.segments import Recording, TimedText
from affuse.extract.inference.serving.serving_request import (
    RequestLimits,
    ServingAnswer,
    ServingRequest,
)
from affuse.extract.transcription.speech_models import (
    SpeechDetector,
    SpeechRecogniser,
)

MOST_NOTES = 5  # segments without a prediction that are named one by one
FAILED = (
    "the server could not predict this because of an error in the program; its log "
    "names the error"
)
log = logging.getLogger(__name__)


@dataclass
class ServedModel:
    """Model that answers requests, one at a time."""

    model: LoadedFileModel
    limits: RequestLimits
    threads: int = 1
    detector: SpeechDetector | None = None  # None: the extra is not installed
    recogniser: SpeechRecogniser | None = None  # None: words are only typed
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def facts(self) -> ModelFacts:
        """Facts on the model."""
        return self.model.facts

    def takes(self, modality: str) -> bool:
        """Return True if the model takes a modality.

        Args:
            modality: "audio" or "text"
        """
        return modality in self.model.rater.modalities

    def needs(self, modality: str) -> bool:
        """Return True if the model predicts nothing without a modality.

        Args:
            modality: "audio" or "text"
        """
        others = [m for m in self.model.rater.modalities if m != modality]
        return self.takes(modality) and not (self.model.rater.robust and others)

    def answer(self, request: ServingRequest) -> ServingAnswer:
        """Return the predictions for a request, or a sentence on what is wrong.

        Args:
            request: of a visitor
        """
        try:
            if sentence := self._refusal(request):
                return ServingAnswer(sentence=sentence)
            with self._lock:
                return self._predict(request)
        except AffuseError as error:
            return ServingAnswer(sentence=str(error))
        except Exception as error:  # a visitor sees no traceback, whatever happens
            log.error("a request failed: %s: %s", type(error).__name__, error)
            return ServingAnswer(sentence=FAILED)

    def _refusal(self, request: ServingRequest) -> str:
        """Return why a request cannot be predicted; "" if it may be."""
        return next(self._refusals(request), "")

    def _refusals(self, request: ServingRequest) -> Iterator[str]:
        """Yield a sentence for each fault of a request."""
        has_text = bool(request.text.strip()) and request.words == "typed"
        if request.path is None and not has_text:
            yield "there is nothing to predict; record or drop a recording" + (
                ", or type a text" if not self.needs("audio") else ""
            )
        if len(request.text) > self.limits.characters:
            yield (
                f"the transcript has {len(request.text):,} characters; shorten it to "
                f"{self.limits.characters:,}"
            )
        if request.path is None and self.needs("audio"):
            yield "the model needs a recording; record or drop one"
        if request.words == "recognised" and self.recogniser is None:
            yield (
                "this server recognises no words; type them, or start it with the "
                "option --transcribe"
            )
        if self.needs("text") and not has_text and request.words != "recognised":
            yield "the model needs the words; type them" + (
                ", or let them be recognised" if self.recogniser else ""
            )
        if request.division == "speech" and self.detector is None:
            yield (
                "this server finds no segments of speech, because the extra "
                "'transcribe' is not installed; choose windows"
            )
        if request.division == "speech" and has_text and request.path is not None:
            yield (
                "a typed transcript is of the whole recording, so it cannot be "
                "divided into segments of speech; choose windows, or let the words be "
                "recognised"
            )

    def _predict(self, request: ServingRequest) -> ServingAnswer:
        """Return the predictions for a request that is not refused."""
        name = f"the recording {request.name}" if request.path else "the text"
        if request.path is not None:
            try:
                seconds = decoder_pool.probe(request.path).seconds
            except decoding.Unusable as error:
                return ServingAnswer(sentence=f"{name}: {error}; choose another file")
            if seconds > self.limits.seconds:
                return ServingAnswer(
                    sentence=f"{name} lasts {seconds:,.0f} s, and this server takes "
                    f"{self.limits.seconds:,.0f} s at most; cut it, or start the "
                    f"server with a larger --max-seconds"
                )
        stream = self._division(request)([_recording(request)])
        found = tuple(predict_segments(self.model, stream))
        failed = [each for each in found if each.reason]
        if len(failed) == len(found):
            reason = failed[0].reason if failed else "it has no segments"
            return ServingAnswer(sentence=f"{name}: {reason}")
        predictions = SegmentPredictions(self.facts, found)
        return ServingAnswer(predictions, notes=(*_notes(request, failed),))

    def _division(self, request: ServingRequest) -> SegmentDivision:
        """Return the division into segments that a request asks for."""
        finds_speech = request.division == "speech" and request.path is not None
        recognises = request.words == "recognised" and request.path is not None
        return SegmentDivision(
            SegmentPlan(),
            self.threads,
            self.detector if finds_speech else None,
            self.recogniser if recognises else None,
        )


def _recording(request: ServingRequest) -> Recording:
    """Return the recording of a request, with its text if one is typed."""
    is_typed = request.words == "typed" and bool(request.text.strip())
    texts = (TimedText(transcripts.clean(request.text)),) if is_typed else ()
    return Recording(request.name if request.path else "", request.path, texts)


def _notes(request: ServingRequest, failed: list[PredictedSegment]) -> Iterator[str]:
    """Yield a sentence on each input and segment that was left out."""
    if request.text.strip() and request.words != "typed":
        yield "the typed transcript was not used, as you asked for other words"
    for each in failed[:MOST_NOTES]:
        place = "" if each.start is None else f" from {each.start:g} s"
        yield f"the segment{place} was left out: {each.reason}"
    if (more := len(failed) - MOST_NOTES) > 0:
        yield f"{more:,} more segments were left out"
