"""Trained models with their encoders, which predict segments of recordings."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from affuse.data.errors import AffuseError
from affuse.extract.inference.predicted_segments import (
    ModelFacts,
    PredictedRating,
    PredictedSegment,
)
from affuse.extract.inference.rater import RatedSegments, Rater
from affuse.extract.inference.segment_encoding import (
    OpenedSegments,
    SegmentEncoder,
)
from affuse.extract.inference.segments import Recording, Segment
from affuse.fuse.inputs.omissions import runs_without
from affuse.fuse.wording import count

WAYS: Mapping[str, str] = {  # {modality: how it is given on the command line}
    "text": 'with --text "...", --transcripts TABLE.csv or --transcribe MODEL',
    "audio": "by naming the recording",
}
UNKNOWN = "leave --text out, or write NaN in the table of --transcripts"


@dataclass(frozen=True)
class LoadedFileModel:
    """Model with its encoders, which predicts segments of recordings and texts."""

    facts: ModelFacts
    rater: Rater
    encoder: SegmentEncoder
    ways: Mapping[str, str] = field(default_factory=lambda: WAYS)  # see WAYS
    unknown: str = UNKNOWN  # how to say that the words of an input are not known

    def check_inputs(
        self,
        recordings: Sequence[Recording],
        say: Callable[[str], object],
        *,
        are_recognised: bool = False,
    ) -> None:
        """Raise an error if no input has a modality that the model needs.

        Args:
            recordings: recordings and texts to predict; without any, nothing is checked
            say: called with a sentence on each kind of input that the model ignores,
                and on empty texts
            are_recognised: True if the texts of recordings will be recognised

        Raises:
            AffuseError: naming the ways out
        """
        present = {
            "audio": any(each.path is not None for each in recordings),
            "text": are_recognised
            or any(text.text is not None for each in recordings for text in each.texts),
        }
        taken = self.rater.modalities
        lacking = [m for m in taken if not present.get(m)]
        robust = self.rater.robust and any(present[m] for m in taken if m in present)
        if recordings and lacking and not robust:
            raise AffuseError(f"{self.facts.name} {self.lacking(lacking[0])}")
        for modality, kind in (("audio", "recordings"), ("text", "texts")):
            if recordings and present[modality] and modality not in taken:
                say(
                    f"the {kind} are not used: {self.facts.name} predicts from "
                    f"{' and '.join(taken)} alone"
                )
        if "text" in taken:
            self._count_empty(recordings, say)

    def _count_empty(
        self, recordings: Sequence[Recording], say: Callable[[str], object]
    ) -> None:
        """Count the empty texts, and say how to state that words are unknown."""
        empty = sum(text.text == "" for each in recordings for text in each.texts)
        if empty:
            say(
                f"{count(empty, 'text')} without words: read as the empty sentence, as "
                f"if nothing was said; if the words are not known, {self.unknown}"
            )

    def lacking(self, modality: str) -> str:
        """Return the end of a sentence on a modality that is needed and missing.

        Args:
            modality: that an input lacks
        """
        if modality not in ("audio", "text"):
            return (
                f"needs {modality}, which files alone do not have; write a table of "
                f"them, extract it, and predict with --corpus"
            )
        others = [m for m in self.rater.modalities if m != modality]
        return (
            f"needs {modality}: give it {self.ways[modality]}; or take a model that "
            f"tolerates a missing modality ({runs_without(others)})"
        )

    def missing(self, segment: Segment) -> str:
        """Return a modality that a segment lacks and needs; "" if it can be predicted.

        Args:
            segment: to be predicted
        """
        present = {"audio": segment.path is not None, "text": segment.text is not None}
        lacking = [m for m in self.rater.modalities if not present.get(m)]
        usable = any(present[m] for m in self.rater.modalities if m in present)
        return "" if not lacking or (self.rater.robust and usable) else lacking[0]

    def reason(self, segment: Segment) -> str:
        """Return why a segment cannot be predicted; "" if it can be.

        Args:
            segment: to be predicted
        """
        missing = self.missing(segment)
        return missing and f"has no {missing}; the model {self.lacking(missing)}"

    def open(self, segments: Sequence[Segment]) -> OpenedSegments:
        """Decode and tokenise segments; see `SegmentEncoder.open`."""
        return self.encoder.open(segments)

    def predict(self, opened: OpenedSegments) -> list[PredictedSegment]:
        """Encode and predict opened segments, in their order.

        Args:
            opened: as `open` returned them
        """
        encoded = self.encoder.encode(opened)
        rated: dict[int, Mapping[str, PredictedRating]] = {}
        if len(encoded.reasons) < len(encoded.segments):
            rated = _ratings(self.rater.rate(encoded), self.facts.targets)
        return [
            predicted(
                segment,
                encoded.notes[place],
                reason=encoded.reasons.get(place, ""),
                ratings=rated.get(place, {}),
            )
            for place, segment in enumerate(encoded.segments)
        ]


def predicted(
    segment: Segment,
    notes: tuple[str, ...],
    *,
    reason: str = "",
    ratings: Mapping[str, PredictedRating],
) -> PredictedSegment:
    """Return the prediction of a segment.

    Args:
        segment: that was predicted
        notes: changes to its inputs
        reason: why it was not predicted; "" if it was
        ratings: by name; ignored if there is a reason
    """
    start, end = segment.span or (0.0, None)
    spoken = segment.path is not None
    return PredictedSegment(
        segment.file,
        start=start if spoken else None,
        end=(start + segment.seconds if end is None else end) if spoken else None,
        text=segment.text,
        channel=segment.channel,
        speaker=segment.speaker,
        ratings={} if reason else ratings,
        reason=reason,
        notes=notes,
    )


def _ratings(
    rated: RatedSegments, targets: Sequence[str]
) -> dict[int, Mapping[str, PredictedRating]]:
    """Return the ratings of each segment, by its position in the chunk."""
    return {
        place: {
            name: _rating(rated, name, row, column)
            for column, name in enumerate(targets)
        }
        for row, place in enumerate(rated.places)
    }


def _rating(rated: RatedSegments, name: str, row: int, column: int) -> PredictedRating:
    """Return one prediction of one segment."""
    value, spread = (float(a[row, column]) for a in (rated.mean, rated.std))
    if f"{name}_calibrated" not in rated.calibrated:
        return PredictedRating(value, spread)
    middle, low, high = (
        float(rated.calibrated[f"{name}_{side}"][row])
        for side in ("calibrated", "low", "high")
    )
    return PredictedRating(value, spread, middle, (low, high))
