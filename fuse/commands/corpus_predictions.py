"""Predictions of a run's models for the unseen utterances of a test corpus."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from affuse.data.cache import shared_recordings
from affuse.data.errors import AffuseError
from affuse.data.name_spellings import unify
from affuse.data.records import Corpus, Utterance
from affuse.data.runs.fold_table import FoldRow
from affuse.data.runs.run_predictions import Predictions
from affuse.fuse.commands.seen_utterances import (
    KeyedCorpus,
    count_incomparable,
    count_reasons,
)
from affuse.fuse.inputs.tensors import AlignedCorpus, align
from affuse.fuse.trained.model_set import RunPrediction
from affuse.fuse.wording import count


def rated_utterances(corpus: Corpus, policy: str) -> AlignedCorpus:
    """Return the utterances that have all ratings of their corpus, on [-1, 1].

    Args:
        corpus: with ratings as released
        policy: for ratings outside the scale, see `affuse.data.rating_scales.normalise`

    Raises:
        AffuseError: if there is no scale, or no rating
    """
    return align(
        replace(corpus, utterances=unify(corpus.utterances)), {}, policy=policy
    )


def common_targets(trained: Sequence[str], rated: AlignedCorpus) -> tuple[str, ...]:
    """Return the ratings that a run predicts and a corpus has.

    Raises:
        AffuseError: if there is none
    """
    common = tuple(name for name in trained if name in rated.targets)
    if not common:
        raise AffuseError(
            f"the run predicts {', '.join(trained)}, and the test corpus has only "
            f"ratings of {', '.join(rated.targets)}; name another --test-corpus"
        )
    return common


def split_off_scored(
    rated: AlignedCorpus, applied: RunPrediction, seen: Mapping[str, str]
) -> tuple[list[str], dict[str, int]]:
    """Return the ids that are scored, and {reason: number} of all others.

    Args:
        rated: utterances with ratings
        applied: predictions of the run's models
        seen: {id: reason} of utterances that were trained on

    Raises:
        AffuseError: if no utterance is left
    """
    predicted = frozenset(applied.ids)
    scored = [i for i in rated.ids if i in predicted and i not in seen]
    trained_on = {i: seen[i] for i in rated.ids if i in predicted and i in seen}
    lacking = len(set(rated.ids) - predicted)
    left_out = Counter(dict(rated.left_out)) + Counter({"no embedding": lacking})
    counts = {**count_reasons(trained_on), **left_out}
    if not scored:
        listing = "; ".join(f"{n:,} have {reason}" for reason, n in counts.items())
        raise AffuseError(
            f"no utterance of the test corpus is left to score: {listing}; name "
            f"another --test-corpus, or a rule that may fail, such as "
            f"--allow sentences"
        )
    return scored, counts


def stack_models(
    applied: RunPrediction,
    rated: AlignedCorpus,
    ids: Sequence[str],
    targets: Sequence[str],
) -> Predictions:
    """Return the predictions of every model for some utterances, one row for each.

    Args:
        applied: predictions of all models
        rated: with the ratings of the utterances
        ids: of the utterances to take
        targets: ratings to take
    """
    place = {id_: row for row, id_ in enumerate(applied.ids)}
    rows = [place[id_] for id_ in ids]
    columns = [applied.targets.index(name) for name in targets]
    truth = rated.truth[rated.row_indices(ids)][
        :, [rated.targets.index(name) for name in targets]
    ]
    models, size = len(applied.folds), len(ids)
    values = applied.by_model[:, rows][:, :, columns]
    return Predictions(
        id=np.tile(np.array(ids, dtype=np.str_), models),
        fold=np.repeat(np.array(applied.folds, dtype=np.str_), size),
        seed=np.repeat(np.array(applied.seeds, dtype=np.int64), size),
        truth=np.tile(truth.astype(np.float64), (models, 1)),
        predicted=values.reshape(models * size, len(columns)).astype(np.float64),
    )


def fold_rows(utterances: Sequence[Utterance], ids: Iterable[str]) -> Iterator[FoldRow]:
    """Yield the row of each scored utterance.

    Args:
        utterances: of the test corpus
        ids: of those that are scored
    """
    scored, shared = frozenset(ids), shared_recordings.find_shared(utterances)
    for u in utterances:
        if u.id in scored:
            facts = u.speaker, u.dialogue, u.scripted, u.sex, u.session
            yield FoldRow("", "test", u.id, *facts, shared.get(u.id, ""), u.columns)


def notes(
    tested: KeyedCorpus,
    scored: Sequence[str],
    applied: RunPrediction,
    targets: Sequence[str],
) -> Iterator[str]:
    """Yield sentences on what a table of the test must say.

    Args:
        tested: the test corpus
        scored: ids of the scored utterances
        applied: predictions of all models
        targets: ratings that are scored
    """
    name, shortfall = tested.corpus.name, tested.corpus.shortfall
    if shortfall:
        yield f"{name} is not complete: {shortfall}"
    if unknown := count_incomparable(tested.keys, scored):
        yield (
            f"{count(unknown, 'utterance')} of {name} could not be compared with the "
            f"training data, because the cache has neither digests of recordings nor "
            f"of texts"
        )
    for present, number in applied.partial.items():
        yield f"{name}: {count(number, 'utterance')} predicted from {present} alone"
    if lost := [t for t in applied.targets if t not in targets]:
        yield f"{name} has no ratings of {', '.join(lost)}, so the mean is without them"
