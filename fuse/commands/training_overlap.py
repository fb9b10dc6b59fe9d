"""Which utterances the models of a run were trained on, among those that are predicted.

Within one corpus, an utterance is known by its id. Under any name, it is known by its
recording: the same file and span, the same decoded samples, or spans of one file that
overlap. Where one of the two has no recording, it is known by its words.
"""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from affuse.data.cache import store, streaming
from affuse.data.cache.recording_spans import Stretch
from affuse.data.cache.shared_recordings import keys
from affuse.data.cache.store import Embeddings
from affuse.data.errors import AffuseError
from affuse.data.records import Corpus
from affuse.data.runs import sentence_overlap
from affuse.data.runs.fold_table import read_folds
from affuse.data.runs.run_folder import RunFolder
from affuse.data.splits.protocols import some
from affuse.fuse.linting.gathering import stretches
from affuse.fuse.linting.timelines import Timelines
from affuse.fuse.trained.prediction import Applied

SEEN = ("train", "validation")  # parts of a fold; the second one ends its training


@dataclass(frozen=True)
class Inputs:
    """By what the utterances of one corpus are known; each mapping is by id."""

    corpus: str
    recordings: Mapping[
        str, tuple[str, ...]
    ]  # see `affuse.data.cache.shared_recordings.keys`
    stretches: Mapping[str, Stretch]
    words: Mapping[str, str]  # digests
    faults: tuple[str, ...] = ()  # of caches that cannot be read, in sentences


@dataclass(frozen=True)
class Overlap:
    """Which of the predicted utterances were trained on, and by how many models."""

    models: Mapping[str, int | None]  # by id, those that know it; None: unknown
    total: int  # models that are averaged
    renamed: str = ""  # the corpus that was trained on, if it has another name
    reason: str = ""  # why nothing is known of some, as a clause

    def sentences(self, run: Path) -> Iterator[str]:
        """Yield a sentence on what was trained on, and one on what is not known."""
        every = f"{len(self.models):,} utterances"
        if known := {id_: n for id_, n in self.models.items() if n}:
            most = f"up to {max(known.values())} of {self.total} models"
            whose = f" as recordings or texts of '{self.renamed}'" * bool(self.renamed)
            held_out = f", or read {RunFolder(run).predictions}, which is held out"
            yield (
                f"{len(known):,} of {every} were in the training or validation part of "
                f"{most if self.total > 1 else 'the one model'}{whose}: {some(known)}; "
                f"these predictions do not show how good the models are; leave out the "
                f"rows in which trained_on is not 0{'' if self.renamed else held_out}"
            )
        if lacking := sum(number is None for number in self.models.values()):
            yield (
                f"it is not known of {lacking:,} of {every} whether the models were "
                f"trained on them, because {self.reason}; trained_on is empty there"
            )


def find(
    run: Path, applied: Applied, ours: Inputs, theirs: Inputs | None, *, trained: str
) -> Overlap:
    """Count for each predicted utterance the models that were trained on it.

    Args:
        run: folder, with the folds
        applied: what was predicted, and the fold of each model
        ours: the corpus that is predicted
        theirs: the corpus that was trained on; None if it is not at hand
        trained: its name

    Raises:
        DamagedFileError: if folds.csv is damaged
    """
    total, nothing = len(applied.folds), dict.fromkeys(applied.ids)
    try:
        rows = read_folds(run)
    except FileNotFoundError:
        return Overlap(nothing, total, reason=f"{RunFolder(run).folds} is missing")
    if theirs is None:
        alike = len({row.id for row in rows}.intersection(applied.ids))
        return Overlap(
            nothing,
            total,
            reason=f"'{trained}', which they were trained on, is not in the cache to "
            f"compare recordings and texts; {alike:,} of its ids are alike",
        )
    same = ours.corpus == theirs.corpus
    found = Counter[str]()
    for fold, number in Counter(applied.folds).items():
        seen = [row.id for row in rows if row.fold == fold and row.part in SEEN]
        found.update(dict.fromkeys(_again(seen, applied.ids, ours, theirs), number))
    return Overlap(
        {i: found[i] if same or _by(i, ours, theirs) else None for i in applied.ids},
        total,
        "" if same else theirs.corpus,
        f"the cache has neither digests of recordings nor of texts to compare them "
        f"with '{theirs.corpus}'",
    )


def _by(id_: str, ours: Inputs, theirs: Inputs) -> str:
    """Return what an utterance is compared by: its recording, its words or nothing."""
    if theirs.recordings and ours.recordings.get(id_):
        return "recording"
    return "words" if theirs.words and ours.words.get(id_) else ""


def _again(
    seen: Sequence[str], ids: Sequence[str], ours: Inputs, theirs: Inputs
) -> Iterator[str]:
    """Yield the predicted utterances that are among those seen in a fold."""
    same, known = ours.corpus == theirs.corpus, frozenset(seen)
    recordings = {key for id_ in seen for key in theirs.recordings.get(id_, ())}
    words = {theirs.words[id_] for id_ in seen if id_ in theirs.words}
    lines = Timelines(seen, theirs.stretches)
    for id_ in ids:
        stretch = ours.stretches.get(id_)
        by = _by(id_, ours, theirs)
        if (
            (same and id_ in known)
            or not recordings.isdisjoint(ours.recordings.get(id_, ()))
            or (stretch is not None and lines.find(stretch))
            # sentences recur within a corpus, which is for `lint` to say
            or (by == "words" and not same and ours.words[id_] in words)
        ):
            yield id_


def inputs(
    corpus: Corpus, cache: Path, embeddings: Iterable[Embeddings] = ()
) -> Inputs:
    """Gather what the utterances of a corpus are known by, from all caches of it.

    Args:
        corpus: as the cache keeps it
        cache: folder of all embeddings, of which only digests and spans are read
        embeddings: of this corpus that are in memory already; they come first
    """
    faults = list[str]()
    found = [e for e in embeddings if e.recipe.modality == "audio"]
    found += _cached(cache, corpus.name, faults)
    contents: dict[str, str] = {}
    for each in found:
        pairs = zip(each.ids, each.contents, strict=True)
        contents = {**dict(pairs), **contents}
    heard = stretches(found)
    named = {id_: keys(contents[id_], heard.get(id_)) for id_ in contents}
    said = {u.id: sentence_overlap.key(u) for u in corpus.utterances}
    return Inputs(
        corpus.name,
        {id_: each for id_, each in named.items() if each},
        heard,
        {id_: digest for id_, digest in said.items() if digest},
        tuple(faults),
    )


def _cached(cache: Path, corpus: str, faults: list[str]) -> Iterator[Embeddings]:
    """Yield the embeddings of speech of a corpus, without their values."""
    for folder in store.folders(cache, corpus):
        try:
            found = store.look(folder)
            if found is not None and found.recipe.modality == "audio":
                yield streaming.open_all({"audio": found}, gib=math.inf)["audio"]
        except (OSError, AffuseError) as error:
            faults.append(f"{error}; its recordings are not compared")
