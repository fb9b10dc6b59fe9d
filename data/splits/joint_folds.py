"""Folds of a training set of several corpora.

The protocol divides each corpus alone. The folds of equal names are then united, so
that each part has utterances of every corpus.
"""

from collections.abc import Sequence
from dataclasses import replace

from affuse.data.errors import AffuseError
from affuse.data.records import Member, Utterance
from affuse.data.splits import protocols
from affuse.data.splits.protocols import Fold


def joint_folds(
    utterances: Sequence[Utterance],
    protocol: str,
    members: Sequence[Member],
    *,
    folds: int,
    seed: int,
    everyone: Sequence[Utterance],
) -> tuple[Fold, ...]:
    """Return the folds of a training set of several corpora.

    Args:
        utterances: those that can be used, of all corpora
        protocol: one of `affuse.data.splits.protocols.PROTOCOLS`
        members: the corpora
        folds: number of groups of speakers of each corpus, for ``speakers`` alone
        seed: of the protocol's random draws, for each corpus
        everyone: all utterances, so that errors can name unusable ones

    Raises:
        AffuseError: if a corpus lacks what the protocol needs, or the folds of the
            corpora have different names
    """
    divided: dict[str, dict[str, Fold]] = {}
    for member in members:
        try:
            found = protocols.folds(
                _of_member(utterances, member),
                protocol,
                folds=folds,
                seed=seed,
                everyone=_of_member(everyone, member),
            )
        except AffuseError as error:
            first, *more = error.args
            raise type(error)(f"corpus '{member.name}': {first}", *more) from error
        divided[member.name] = {fold.name: fold for fold in found}
    first_name, *others = divided
    for name in others:
        if divided[name].keys() != divided[first_name].keys():
            raise AffuseError(
                f"protocol '{protocol}' has the folds {', '.join(divided[first_name])} "
                f"for '{first_name}' and {', '.join(divided[name])} for '{name}', so "
                f"they cannot be united; use --protocol speakers"
            )
    return tuple(
        _united(name, [by_name[name] for by_name in divided.values()])
        for name in divided[first_name]
    )


def _of_member(utterances: Sequence[Utterance], member: Member) -> list[Utterance]:
    """Return the utterances of one corpus, with its own names of sessions."""
    return [
        replace(u, session=u.session.removeprefix(member.prefix))
        for u in utterances
        if u.id.startswith(member.prefix)
    ]


def _united(name: str, folds: Sequence[Fold]) -> Fold:
    """Return one fold with the parts of several."""
    parts = (
        tuple(sorted(id_ for fold in folds for id_ in getattr(fold, part)))
        for part in protocols.PARTS
    )
    return Fold(name, *parts)
