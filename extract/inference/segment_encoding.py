"""Embeddings of segments in memory, by the code that fills a cache.

`SegmentEncoder.open` decodes, in threads; `SegmentEncoder.encode` uses the device. So
one chunk of segments can be decoded while another is encoded.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from pathlib import Path

from affuse.data.cache import embedding_views, part_arrays, store
from affuse.data.cache.recipe import Recipe
from affuse.data.cache.store import Embeddings
from affuse.data.modality import modality_named
from affuse.data.records import Utterance
from affuse.extract.caching.encoder_inputs import InputSource, recording_content
from affuse.extract.caching.part_building import Builder, PartInputs
from affuse.extract.encoding.choices import Machine
from affuse.extract.encoding.protocol import Encoder
from affuse.extract.inference.recorded_encoders import general_recipe
from affuse.extract.inference.segments import Segment

MEMORY = Path("memory")  # in place of a cache, for errors


@dataclass(frozen=True)
class OpenedSegments:
    """Segments whose inputs are decoded or tokenised for each encoder."""

    segments: tuple[Segment, ...]
    inputs: Mapping[str, PartInputs]  # by digest of the encoder's recipe


@dataclass(frozen=True)
class EncodedSegments:
    """Embeddings of segments; their ids are the positions of the segments."""

    segments: tuple[Segment, ...]
    embeddings: Mapping[str, Embeddings]  # by digest of the encoder's recipe
    reasons: Mapping[int, str]  # {position: why it cannot be predicted}
    notes: Mapping[int, tuple[str, ...]]  # {position: changes to its inputs}

    def features(self, recipes: Mapping[str, Recipe]) -> dict[str, Embeddings]:
        """Return the embeddings of each modality; one without segments is absent.

        Args:
            recipes: {modality: recipe}, as a model recorded them
        """
        views = {}
        for modality, recipe in recipes.items():
            parts = [
                self.embeddings[general_recipe(part).digest()] for part in recipe.parts
            ]
            common = reduce(set.intersection, (set(part.ids) for part in parts))
            if common:
                views[modality] = embedding_views.join(parts)
        return views


@dataclass(frozen=True)
class SegmentEncoder:
    """Encoders of a trained model, which encode segments into memory."""

    builders: Mapping[str, Builder]  # by digest of the encoder's recipe

    @classmethod
    def of(
        cls, encoders: Mapping[str, tuple[Recipe, Encoder]], machine: Machine
    ) -> "SegmentEncoder":
        """Return the encoder of segments for loaded encoders.

        Args:
            encoders: as `affuse.extract.inference.recorded_encoders.load_recorded`
                returned them
            machine: device and threads
        """
        return cls(
            {
                digest: Builder(Path(), machine, encoder, recipe)
                for digest, (recipe, encoder) in encoders.items()
            }
        )

    def open(self, segments: Sequence[Segment]) -> OpenedSegments:
        """Decode and tokenise the inputs of segments for each encoder.

        Args:
            segments: to be encoded together
        """
        utterances = [_utterance(*item) for item in enumerate(segments)]
        inputs = {}
        for digest, build in self.builders.items():
            pairs = zip(segments, utterances, strict=True)
            sources = [_source(s, u, build.recipe.modality) for s, u in pairs]
            present = [source for source in sources if source is not None]
            inputs[digest] = build.open(present, lambda contents: {})
        return OpenedSegments(tuple(segments), inputs)

    def encode(self, opened: OpenedSegments) -> EncodedSegments:
        """Encode opened segments.

        Args:
            opened: as `open` returned them
        """
        embeddings, reasons = {}, dict[int, str]()
        notes: dict[int, tuple[str, ...]] = {
            i: s.notes for i, s in enumerate(opened.segments)
        }
        for digest, build in self.builders.items():
            inputs = opened.inputs[digest]
            part = build.finish(inputs, build.encode(inputs, lambda size: None))
            arrays = part_arrays.collect(part, build.recipe)
            embeddings[digest] = store.join_parts(build.recipe, [(arrays, ())], MEMORY)
            for problem in part.problems:
                place = int(problem.id)
                if problem.fatal:
                    reasons.setdefault(place, problem.reason)
                elif problem.reason not in notes[place]:
                    notes[place] = (*notes[place], problem.reason)
        return EncodedSegments(opened.segments, embeddings, reasons, notes)


def _utterance(place: int, segment: Segment) -> Utterance:
    """Return a segment as an utterance whose id is its position."""
    return Utterance(
        str(place),
        audio=segment.path,
        span=segment.span,
        channel=segment.channel,
        text=segment.text,
    )


def _source(
    segment: Segment, utterance: Utterance, modality: str
) -> InputSource | None:
    """Return the input of a segment in one modality; None if it has none."""
    kind = modality_named(modality)
    if not kind.has(utterance, Path()):
        return None
    if kind.has_times:
        content = recording_content(segment.digest, segment.span, segment.channel)
        return InputSource(utterance, content, segment.seconds)
    facts = kind.facts(utterance, Path())
    if isinstance(facts, str):  # texts can always be read
        raise TypeError(f"an input of {modality} has no facts: {facts}")
    return InputSource(utterance, facts.content, facts.size)
