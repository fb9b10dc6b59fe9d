"""Fold-specific embeddings of fine-tuned encoders, joined with ratings for each fold.

The models of a fold are trained and tested on the embeddings of that fold's encoders.
Utterances and ratings are the same for all folds.
"""

from collections.abc import Mapping

from affuse.data.cache.store import Embeddings
from affuse.data.errors import AffuseError
from affuse.data.records import Corpus
from affuse.data.splits.protocols import Fold, abbreviate
from affuse.fuse.inputs.tensors import AlignedCorpus, align

# {fold: {modality: rows of its cache}}
FoldEmbeddings = Mapping[str, Mapping[str, Embeddings]]
ALL_FOLDS = ""  # key for all folds, in place of a fold's name


def join_folds(
    corpus: Corpus,
    embeddings: Mapping[str, Embeddings],
    fold_embeddings: FoldEmbeddings,
    *,
    policy: str,
) -> dict[str, AlignedCorpus]:
    """Return ratings and embeddings by fold, or for `ALL_FOLDS` if folds share them.

    Args:
        corpus: with ratings as released
        embeddings: {modality: rows} of all folds, if folds share them
        fold_embeddings: {fold: {modality: rows}} of fold-specific embeddings
        policy: for ratings outside the scale, see `affuse.fuse.inputs.tensors.align`

    Raises:
        AffuseError: if nothing can be joined, or folds differ in their utterances
    """
    if not fold_embeddings:
        return {ALL_FOLDS: align(corpus, embeddings, policy=policy)}
    joined = {
        fold: align(corpus, e, policy=policy) for fold, e in fold_embeddings.items()
    }
    first = next(iter(joined))
    for fold, aligned in joined.items():
        if differing := set(aligned.ids) ^ set(joined[first].ids):
            raise AffuseError(
                f"the embeddings of fold '{fold}' are not of the utterances of fold "
                f"'{first}': {abbreviate(differing)}; extract both again, from the "
                f"same corpus"
            )
    return joined


def assign_to_folds(
    joined: Mapping[str, AlignedCorpus], folds: tuple[Fold, ...]
) -> dict[str, AlignedCorpus]:
    """Return the data of each fold of a protocol.

    Args:
        joined: as `join_folds` returns it
        folds: of the protocol

    Raises:
        AffuseError: if a fold has no embeddings
    """
    lacking = [
        f.name for f in folds if f.name not in joined and ALL_FOLDS not in joined
    ]
    if lacking:
        raise AffuseError(
            f"no encoder was fine-tuned for fold '{lacking[0]}', only for "
            f"{abbreviate(joined)}; fine-tune it, or name the --protocol of the "
            f"fine-tuning"
        )
    return {f.name: joined[f.name if f.name in joined else ALL_FOLDS] for f in folds}
