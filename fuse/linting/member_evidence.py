"""Evidence on each corpus of a training set of several corpora."""

from collections.abc import Iterator
from dataclasses import replace

from affuse.data.records import Corpus, Member, Utterance
from affuse.data.runs.fold_table import FoldRow
from affuse.fuse.linting.evidence import Evidence


def by_member(evidence: Evidence) -> Iterator[Evidence]:
    """Yield the evidence on each training corpus, with its own ids and names.

    Records of the training data of encoders name these.

    Args:
        evidence: on a run; that on a run with one corpus is yielded as it is
    """
    if not evidence.info.members:
        yield evidence
    for member in evidence.info.members:
        yield _of(evidence, member)


def _of(evidence: Evidence, member: Member) -> Evidence:
    """Return the evidence on one corpus of a training set."""
    prefix = member.prefix
    info = replace(evidence.info, corpus=member.name, nature=member.nature, members=())
    return replace(
        evidence,
        info=info,
        rows=tuple(_bare(r, prefix) for r in evidence.rows if r.id.startswith(prefix)),
        corpus=_corpus(evidence.corpus, member) if evidence.corpus else None,
        contents={
            modality: {
                id_.removeprefix(prefix): digest
                for id_, digest in digests.items()
                if id_.startswith(prefix)
            }
            for modality, digests in evidence.contents.items()
        },
        stretches={
            id_.removeprefix(prefix): stretch
            for id_, stretch in evidence.stretches.items()
            if id_.startswith(prefix)
        },
        tensors=None,
        load=None,
    )


def _bare(row: FoldRow, prefix: str) -> FoldRow:
    """Return a row with the names of its own corpus."""
    return replace(
        row,
        id=row.id.removeprefix(prefix),
        speaker=row.speaker.removeprefix(prefix),
        session=row.session.removeprefix(prefix),
        dialogue=row.dialogue.removeprefix(prefix),
    )


def _corpus(corpus: Corpus, member: Member) -> Corpus:
    """Return one corpus of a training set, with the ratings of the training set."""
    return replace(
        corpus,
        name=member.name,
        nature=member.nature,
        reader=member.reader,
        utterances=tuple(
            _utterance(u, member.prefix)
            for u in corpus.utterances
            if u.id.startswith(member.prefix)
        ),
        members=(),
    )


def _utterance(utterance: Utterance, prefix: str) -> Utterance:
    """Return an utterance with the names of its own corpus."""
    names = ("id", "speaker", "session", "dialogue", "recording", "file")
    bare = {name: getattr(utterance, name).removeprefix(prefix) for name in names}
    return replace(utterance, **bare)
