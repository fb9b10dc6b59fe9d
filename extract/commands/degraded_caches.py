"""Caches of degraded inputs: encodes test utterances as the encoders of a run did.

Each condition is in the recipe of its cache. So finished parts are never encoded again,
and an interrupted command continues.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from affuse.data.cache import provenance, store
from affuse.data.cache.cache_folder import CacheFolder
from affuse.data.cache.embedding_views import narrow
from affuse.data.cache.recipe import Recipe
from affuse.data.cache.store import Cache, Embeddings
from affuse.data.options.extraction_options import Extract
from affuse.data.records import Corpus, Problem
from affuse.extract.caching import provenance_writing
from affuse.extract.caching.extraction import CacheFilling, ExtractionOutcome, extract
from affuse.extract.caching.part_building import Builder
from affuse.extract.caching.part_claims import Plan
from affuse.extract.caching.part_filling import fill
from affuse.extract.encoding.choices import Choice, Machine
from affuse.extract.encoding.protocol import Encoder
from affuse.extract.inference.encoder_places import EncoderPlaces
from affuse.extract.inference.recorded_encoders import find_recorded, recorded_choice

Report = Callable[[float], object]


@dataclass(frozen=True)
class DegradedCorpus:
    """Corpus to encode in one condition.

    Attributes:
        key: of the condition, in the result
        corpus: utterances to encode, with degraded texts if texts are degraded
        degradation: in the recipe; "" for other transcripts of the corpus
        transcripts: label of recognised transcripts; "" for those of the corpus
    """

    key: str
    corpus: Corpus
    degradation: str = ""
    transcripts: str = ""


@dataclass
class DegradedEncoder:
    """One encoder of a run, which encodes the test utterances of some folds.

    Attributes:
        cache: of clean inputs, which the encoder filled
        view: recipe of what the run takes of that cache
        machine: device and resources
        places: in which the encoder is looked for
        problems: of inputs that could not be encoded, in all conditions
    """

    cache: Cache
    view: Recipe
    machine: Machine
    places: EncoderPlaces
    problems: list[Problem] = field(default_factory=list)

    def encode_all(
        self, corpora: Sequence[DegradedCorpus], report: Report
    ) -> Iterator[tuple[str, Embeddings | None]]:
        """Yield the embeddings of each condition; None if no input could be read.

        The encoder is loaded once, and only if there is a condition.

        Args:
            corpora: in each condition
            report: called with numbers of utterances that are encoded
        """
        if not corpora:
            return
        place, encoder = find_recorded(self.cache.recipe, self.places, self.machine)
        choice = recorded_choice(self.cache.recipe, place)
        for each in corpora:
            chosen = replace(
                choice, degradation=each.degradation, transcripts=each.transcripts
            )
            outcome = self._encode(each, chosen, encoder, report)
            self.problems += [p for p in outcome.problems if p.fatal]
            yield each.key, self._load(outcome.folder)

    def _encode(
        self, each: DegradedCorpus, choice: Choice, encoder: Encoder, report: Report
    ) -> ExtractionOutcome:
        """Encode one corpus.

        Caches of degraded inputs never become the current ones of their kind. A cache
        of recognised transcripts is that of `extract --transcripts`.
        """
        is_degraded = bool(each.degradation)
        return extract(
            each.corpus,
            choice,
            self.machine,
            self.cache.path.parent.parent,
            encoder=encoder,
            begin=None if is_degraded else partial(self._keep, choice),
            filling=CacheFilling(
                fill=partial(_fill_and_report, report), makes_current=not is_degraded
            ),
        )

    def _keep(self, choice: Choice, folder: Path, recipe: Recipe) -> None:
        """Write the command that makes a cache, as `extract` does, if it is missing."""
        call = provenance.load_if_readable(self.cache.path)
        if call is not None and not CacheFolder(folder).provenance.exists():
            options: Extract = replace(call, transcripts=choice.transcripts)
            provenance_writing.keep(folder, recipe, choice, options)

    def _load(self, folder: Path | None) -> Embeddings | None:
        """Return the layers and statistics that the run takes of a filled cache."""
        filled = store.read_headers(folder) if folder else None
        if filled is None:
            return None
        cached = store.load(filled)
        taken = cached.recipe.selected(self.view.layers, self.view.pooling)
        return narrow(cached, replace(taken, head=self.view.head))


def _fill_and_report(
    report: Report,
    folder: Path,
    plan: Plan,
    build: Builder,
    *,
    count: int,
    report_size: Report,
) -> float:
    """Build the missing parts, and report the progress in utterances."""
    size = sum(source.size for part in plan.values() for source in part)
    utterances = sum(map(len, plan.values()))

    def advance(done: float) -> None:
        report_size(done)
        report(utterances * done / size if size else 0.0)

    encoded = fill(folder, plan, build, count=count, report_size=advance)
    if not size:  # empty texts have no size
        report(utterances)
    return encoded
