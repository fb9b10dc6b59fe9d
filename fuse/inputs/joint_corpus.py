"""Training set of several corpora: their utterances, with names that never collide."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from affuse.data.cache import corpus_table, shared_recordings
from affuse.data.cache.store import Embeddings
from affuse.data.corpus_naming import JOINT, corpus_names
from affuse.data.errors import AffuseError
from affuse.data.rating_scales import RATINGS, rescale
from affuse.data.records import (
    Corpus,
    Member,
    Utterance,
    check_name,
    worst_nature,
)
from affuse.data.runs.sentence_overlap import sentence_digest
from affuse.fuse.inputs.tensors import find_targets
from affuse.fuse.wording import count

SCALE = (-1.0, 1.0)  # of the ratings of a training set


def load_training_set(cache: Path, name: str) -> Corpus:
    """Return a cached corpus, or the training set of several.

    Args:
        cache: folder of all caches
        name: of one corpus, or of several with `JOINT` between them

    Raises:
        FileNotFoundError: if a corpus was not extracted
        AffuseError: if a name is not valid, or the corpora cannot be joined
        DamagedFileError: if a file is damaged
    """
    names = corpus_names(name)
    for each in names:
        check_name(each)
    corpora = [corpus_table.load(cache, each) for each in names]
    return corpora[0] if len(corpora) == 1 else join_corpora(corpora)


def join_corpora(corpora: Sequence[Corpus]) -> Corpus:
    """Return the training set of several corpora.

    Ids and the names of speakers, sessions and dialogues begin with the name of the
    corpus, as in ``demo/u1``. Ratings are brought to [-1, 1] from the scale of their
    corpus. Only ratings that all corpora have are kept.

    Args:
        corpora: at least two, with ratings as released

    Raises:
        AffuseError: if a corpus has no scale, or they have no rating in common
    """
    members = tuple(
        Member(c.name, c.nature, c.scale, c.reader, c.shortfall) for c in corpora
    )
    targets = common_ratings(corpora)
    protocols = {corpus.protocol for corpus in corpora}
    return Corpus(
        name=JOINT.join(corpus.name for corpus in corpora),
        root=corpora[0].root.parent,
        utterances=tuple(
            _utterance(u, corpus, targets)
            for corpus in corpora
            for u in corpus.utterances
        ),
        scale=SCALE,
        protocol=protocols.pop() if len(protocols) == 1 else "speakers",
        nature=worst_nature(member.nature for member in members),
        members=members,
    )


def common_ratings(corpora: Sequence[Corpus]) -> tuple[str, ...]:
    """Return the ratings that all corpora have.

    Raises:
        AffuseError: if there is none
    """
    each = {corpus.name: find_targets(corpus) for corpus in corpora}
    common = tuple(name for name in RATINGS if all(name in t for t in each.values()))
    if not common:
        listing = "; ".join(f"{name}: {', '.join(t)}" for name, t in each.items())
        raise AffuseError(
            f"the corpora have no rating in common ({listing}); train on each alone"
        )
    return common


def _utterance(u: Utterance, corpus: Corpus, targets: Sequence[str]) -> Utterance:
    """Return an utterance with names that begin with its corpus, rated on [-1, 1]."""
    if corpus.scale is None:
        raise AffuseError(
            f"corpus '{corpus.name}' has no rating scale; name its lowest and highest "
            f"nominal rating when it is read"
        )
    named = partial(_named, corpus.name)
    low, high = corpus.scale
    return replace(
        u,
        id=named(u.id),
        ratings={
            name: _rescaled(value, low, high)
            for name, value in u.ratings.items()
            if name in targets
        },
        speaker=named(u.speaker),
        session=named(u.session),
        dialogue=named(u.dialogue),
        recording=named(u.recording),
        file=named(u.file),
    )


def _named(corpus: str, name: str) -> str:
    """Return a name that begins with its corpus; "" stays unknown."""
    return f"{corpus}/{name}" if name else ""


def _rescaled(value: float, low: float, high: float) -> float:
    """Return a rating on [-1, 1]; rounding never takes it beyond the scale."""
    scaled = rescale(value, low=low, high=high)
    return min(1.0, max(-1.0, scaled)) if low <= value <= high else scaled


def describe(corpora: Sequence[Corpus]) -> Iterator[str]:
    """Yield sentences on the ratings that are left out, because some corpora lack them.

    Args:
        corpora: of a training set
    """
    common = common_ratings(corpora)
    for corpus in corpora:
        if lost := [name for name in find_targets(corpus) if name not in common]:
            yield (
                f"ratings of {', '.join(lost)} in '{corpus.name}' are not used, "
                f"because another corpus has none"
            )


def find_copies(corpus: Corpus, audio: Embeddings | None) -> Iterator[str]:
    """Yield sentences on recordings and sentences that several corpora contain.

    Args:
        corpus: training set of several corpora
        audio: its embeddings of speech, if there are any
    """
    recordings: dict[str, tuple[str, ...]] = {}
    if audio is not None:
        spans = audio.stretches or (None,) * len(audio.ids)
        recordings = {
            id_: shared_recordings.keys(content, span)
            for id_, content, span in zip(audio.ids, audio.contents, spans, strict=True)
        }
    words = {
        u.id: tuple(filter(None, (sentence_digest(u),))) for u in corpus.utterances
    }
    for noun, keys in (("recording", recordings), ("sentence", words)):
        owners: dict[str, set[str]] = {}
        for id_, each in keys.items():
            for key in each:
                owners.setdefault(key, set()).add(id_.partition("/")[0])
        copied = [
            i for i, each in keys.items() if any(len(owners[k]) > 1 for k in each)
        ]
        if copied:
            yield (
                f"{count(len(copied), 'utterance')} have a {noun} that another corpus "
                f"of the training set contains too, such as {copied[0]}"
            )
