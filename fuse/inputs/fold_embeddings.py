"""Embeddings of encoders that were fine-tuned fold by fold, joined for each fold.

Each fold is trained and tested on embeddings of its own; which utterances there are,
and what they were rated, is the same for all folds.
"""

from collections.abc import Mapping

from affuse.data.cache.store import Embeddings
from affuse.data.errors import AffuseError
from affuse.data.records import Corpus
from affuse.data.splits.protocols import Fold, some
from affuse.fuse.inputs.tensors import Aligned, align

Own = Mapping[str, Mapping[str, Embeddings]]  # {fold: {modality: rows of its cache}}
ALL = ""  # in the place of a fold: for every one


def join(
    corpus: Corpus,
    embeddings: Mapping[str, Embeddings],
    own: Own,
    *,
    policy: str,
) -> dict[str, Aligned]:
    """Ratings and embeddings of each fold, or of `ALL` where they share them.

    Args:
        corpus: with ratings as released
        embeddings: of all folds, if none has its own
        own: of each fold, all that it is trained on
        policy: for ratings outside the scale, see `affuse.fuse.inputs.tensors.align`

    Raises:
        AffuseError: if nothing can be joined, or folds have other utterances
    """
    if not own:
        return {ALL: align(corpus, embeddings, policy=policy)}
    found = {fold: align(corpus, e, policy=policy) for fold, e in own.items()}
    first = next(iter(found))
    for fold, aligned in found.items():
        if differing := set(aligned.ids) ^ set(found[first].ids):
            raise AffuseError(
                f"the embeddings of fold '{fold}' are not of the utterances of fold "
                f"'{first}': {some(differing)}; extract both again, from the same "
                f"corpus"
            )
    return found


def divide(
    joined: Mapping[str, Aligned], folds: tuple[Fold, ...]
) -> dict[str, Aligned]:
    """What `join` joined, for each fold of a protocol.

    Raises:
        AffuseError: if a fold has no embeddings
    """
    lacking = [f.name for f in folds if f.name not in joined and ALL not in joined]
    if lacking:
        raise AffuseError(
            f"no encoder was fine-tuned for fold '{lacking[0]}', but for "
            f"{some(joined)}; fine-tune it, or name the --protocol of the fine-tuning"
        )
    return {f.name: joined[f.name if f.name in joined else ALL] for f in folds}
