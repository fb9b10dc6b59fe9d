"""Overlap of predicted utterances with the training utterances of a run's models.

Within one corpus, utterances are compared by id. Between corpora, they are compared by
recording: the same file and span, the same decoded samples, or overlapping spans of one
file. If one of the two has no recording, they are compared by their words.
"""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from affuse.data.cache import store, streaming
from affuse.data.cache.corpus_rows import stack_corpora
from affuse.data.cache.recording_spans import RecordingSpan
from affuse.data.cache.shared_recordings import keys
from affuse.data.cache.store import Embeddings
from affuse.data.corpus_naming import corpus_names
from affuse.data.errors import AffuseError
from affuse.data.records import Corpus
from affuse.data.runs import sentence_overlap
from affuse.data.runs.fold_table import read_folds
from affuse.data.runs.run_folder import RunFolder
from affuse.data.splits.protocols import abbreviate
from affuse.fuse.linting.gathering import stretches
from affuse.fuse.linting.timelines import Timelines
from affuse.fuse.trained.model_set import RunPrediction

TRAINING_PARTS = ("train", "validation")  # parts of a fold that affect its models


@dataclass(frozen=True)
class ComparisonKeys:
    """Keys by which utterances of one corpus are compared; mappings are by id."""

    corpus: str
    # see `affuse.data.cache.shared_recordings.keys`
    recordings: Mapping[str, tuple[str, ...]]
    stretches: Mapping[str, RecordingSpan]
    words: Mapping[str, str]  # {id: digest of the words}
    faults: tuple[str, ...] = ()  # sentences on caches that cannot be read


@dataclass(frozen=True)
class Overlap:
    """Number of models that were trained on each predicted utterance."""

    models: Mapping[str, int | None]  # {id: number of models; None if unknown}
    total: int  # number of models of the run, whose predictions are averaged
    renamed: str = ""  # name of the training corpus, if it is not the predicted one
    reason: str = ""  # why some numbers are unknown, as a clause

    def sentences(self, run: Path) -> Iterator[str]:
        """Yield a sentence on training utterances, and one on unknown utterances.

        Args:
            run: folder of the run
        """
        every = f"{len(self.models):,} utterances"
        if hits := {id_: n for id_, n in self.models.items() if n}:
            most = f"up to {max(hits.values())} of {self.total} models"
            whose = f" as recordings or texts of '{self.renamed}'" * bool(self.renamed)
            held_out = f", or read {RunFolder(run).predictions}, of held-out data"
            yield (
                f"{len(hits):,} of {every} were in the training or validation part of "
                f"{most if self.total > 1 else 'the one model'}{whose}: "
                f"{abbreviate(hits)}; these predictions do not show how good the "
                f"models are; leave out the rows in which trained_on is not 0"
                f"{'' if self.renamed else held_out}"
            )
        if lacking := sum(number is None for number in self.models.values()):
            yield (
                f"for {lacking:,} of {every}, it is not known whether the models were "
                f"trained on them, because {self.reason}; trained_on is empty there"
            )


def count_overlap(
    run: Path,
    applied: RunPrediction,
    predicted: ComparisonKeys,
    trained: ComparisonKeys | None,
    *,
    trained_name: str,
) -> Overlap:
    """Count the models that were trained on each predicted utterance.

    Args:
        run: folder, with the folds
        applied: predictions, and the fold of each model
        predicted: keys of the predicted corpus
        trained: keys of the training corpus; None if it is not cached
        trained_name: name of the training corpus

    Raises:
        DamagedFileError: if folds.csv is damaged
    """
    total, nothing = len(applied.folds), dict.fromkeys(applied.ids)
    try:
        rows = read_folds(run)
    except FileNotFoundError:
        return Overlap(nothing, total, reason=f"{RunFolder(run).folds} is missing")
    if trained is None:
        equal = len({row.id for row in rows}.intersection(applied.ids))
        return Overlap(
            nothing,
            total,
            reason=f"their training corpus '{trained_name}' is not in the cache, so "
            f"recordings and texts cannot be compared; {equal:,} of its ids occur in "
            f"both corpora",
        )
    same = predicted.corpus == trained.corpus
    counts = Counter[str]()
    for fold, number in Counter(applied.folds).items():
        used = [
            row.id for row in rows if row.fold == fold and row.part in TRAINING_PARTS
        ]
        counts.update(
            dict.fromkeys(_trained_on(used, applied.ids, predicted, trained), number)
        )
    return Overlap(
        {
            i: counts[i] if same or _key_kind(i, predicted, trained) else None
            for i in applied.ids
        },
        total,
        "" if same else trained.corpus,
        f"the cache has neither digests of recordings nor of texts to compare them "
        f"with '{trained.corpus}'",
    )


def _key_kind(id_: str, predicted: ComparisonKeys, trained: ComparisonKeys) -> str:
    """Return the key that an utterance is compared by: "recording", "words" or ""."""
    if trained.recordings and predicted.recordings.get(id_):
        return "recording"
    return "words" if trained.words and predicted.words.get(id_) else ""


def _trained_on(
    seen: Sequence[str],
    ids: Sequence[str],
    predicted: ComparisonKeys,
    trained: ComparisonKeys,
) -> Iterator[str]:
    """Yield the predicted utterances that are training utterances of a fold."""
    same, training_ids = predicted.corpus == trained.corpus, frozenset(seen)
    recordings = {key for id_ in seen for key in trained.recordings.get(id_, ())}
    words = {trained.words[id_] for id_ in seen if id_ in trained.words}
    timelines = Timelines(seen, trained.stretches)
    for id_ in ids:
        stretch = predicted.stretches.get(id_)
        by = _key_kind(id_, predicted, trained)
        if (
            (same and id_ in training_ids)
            or not recordings.isdisjoint(predicted.recordings.get(id_, ()))
            or (stretch is not None and timelines.find(stretch))
            # Sentences recur within a corpus; the command lint reports them.
            or (by == "words" and not same and predicted.words[id_] in words)
        ):
            yield id_


def collect_keys(
    corpus: Corpus, cache: Path, embeddings: Iterable[Embeddings] = ()
) -> ComparisonKeys:
    """Collect the keys of a corpus's utterances from all its caches.

    Args:
        corpus: as the cache holds it
        cache: folder of all caches, of which only digests and spans are read
        embeddings: of this corpus that are in memory; they take precedence
    """
    faults = list[str]()
    audio = [e for e in embeddings if e.recipe.modality == "audio"]
    audio += _cached(cache, corpus.name, faults)
    contents: dict[str, str] = {}
    for embedding in audio:
        pairs = zip(embedding.ids, embedding.contents, strict=True)
        contents = {**dict(pairs), **contents}
    spans = stretches(audio)
    named = {id_: keys(contents[id_], spans.get(id_)) for id_ in contents}
    digests = {u.id: sentence_overlap.sentence_digest(u) for u in corpus.utterances}
    return ComparisonKeys(
        corpus.name,
        {id_: recordings for id_, recordings in named.items() if recordings},
        spans,
        {id_: digest for id_, digest in digests.items() if digest},
        tuple(faults),
    )


def _cached(cache: Path, name: str, faults: list[str]) -> Iterator[Embeddings]:
    """Yield the audio embeddings of all corpora, without loading their values.

    With several corpora, ids begin with the name of their corpus.
    """
    names = corpus_names(name)
    for folder in (f for each in names for f in store.folders(cache, each)):
        try:
            entry = store.read_headers(folder)
            if entry is not None and entry.recipe.modality == "audio":
                opened = streaming.open_all(
                    {"audio": (entry, entry.recipe)}, gib=math.inf
                )["audio"]
                yield opened if len(names) == 1 else stack_corpora([opened])
        except (OSError, AffuseError) as error:
            faults.append(f"{error}; its recordings are not compared")
