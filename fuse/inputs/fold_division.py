"""Division of the usable utterances into folds, for all training commands."""

from functools import partial

from affuse.data.records import Corpus
from affuse.data.splits import protocol_assumptions, protocols
from affuse.data.splits.joint_folds import joint_folds
from affuse.data.splits.protocol_assumptions import Division
from affuse.data.splits.protocols import Fold
from affuse.fuse.inputs.omissions import explain_omissions
from affuse.fuse.inputs.tensors import AlignedCorpus
from affuse.fuse.settings import Settings


def divide_into_folds(
    corpus: Corpus, aligned: AlignedCorpus, settings: Settings
) -> tuple[tuple[Fold, ...], Division]:
    """Return the folds of a protocol, and the protocol's automatic decisions.

    Args:
        corpus: all utterances, with speakers as the corpus spells them
        aligned: the usable utterances
        settings: settings that name a protocol

    Raises:
        AffuseError: if the corpus lacks what the protocol needs; its other lines count
            the utterances that were left out
    """
    with explain_omissions(aligned.left_out, corpus.utterances, aligned.utterances):
        divide = protocols.folds
        if corpus.members:
            divide = partial(joint_folds, members=corpus.members)
        folds = divide(
            aligned.utterances,
            settings.protocol,
            folds=settings.folds,
            seed=settings.split_seed,
            everyone=corpus.utterances,
        )
    usable = frozenset(aligned.ids)
    division = protocol_assumptions.describe_folds(
        folds,
        [u for u in corpus.utterances if u.id in usable],
        protocol=settings.protocol,
        seed=settings.split_seed,
    )
    return folds, division
