"""Degraded inputs of a run in all conditions, encoded and compared with clean ones."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from affuse.data.cache.embedding_views import join
from affuse.data.cache.store import Embeddings
from affuse.data.records import Problem
from affuse.data.system.progress import bar
from affuse.extract.commands.degraded_caches import (
    DegradedCorpus,
    DegradedEncoder,
    Report,
)
from affuse.extract.commands.robustness_conditions import ChosenConditions
from affuse.extract.commands.robustness_inputs import InputEncoding
from affuse.extract.commands.robustness_texts import (
    RobustnessTexts,
    describe_condition,
    select_utterances,
)
from affuse.extract.inference.encoder_places import EncoderPlaces
from affuse.fuse.inputs.input_selection import Shown
from affuse.fuse.robustness.condition_records import ConditionFacts, DegradedInputs
from affuse.fuse.wording import count

FoldRows = dict[str, dict[str, Embeddings]]  # {fold: {modality: rows}}


@dataclass
class EncodedConditions:
    """Embeddings in all conditions, and what was left out."""

    ids: frozenset[str]  # of the utterances that all conditions have
    degraded: list[DegradedInputs] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)  # sentences on what is left out


def encode_conditions(
    encoding: InputEncoding, conditions: ChosenConditions
) -> EncodedConditions:
    """Encode the inputs of all conditions, and find the utterances that all have.

    Args:
        encoding: run, caches and corpus
        conditions: to measure
    """
    result = EncodedConditions(encoding.ids)
    audio = [c for c in conditions.degraded if c.degradation.modality == "audio"]
    texts = [c for c in conditions.degraded if c.degradation.modality == "text"]
    facts = {c.text: describe_condition(c) for c in audio}
    corpora = {
        "audio": [DegradedCorpus(c.text, encoding.corpus, c.identity) for c in audio]
    }
    if texts or conditions.recognised:
        found = RobustnessTexts.of(encoding).select(texts, conditions.recognised)
        corpora["text"] = list(found.corpora)
        facts |= {each.text: each for each in found.facts}
        result.ids -= found.changed
        result.remarks += found.remarks
    for modality, each in corpora.items():
        for key, by_fold in _encode(encoding, modality, each, result).items():
            _add(encoding, facts[key], by_fold, result)
    if lacking := sorted(encoding.ids - result.ids):
        result.remarks.append(
            f"{count(len(lacking), 'test utterance')} could not be degraded, or "
            f"changed since the cache was made, such as '{lacking[0]}'; all conditions "
            f"are scored without them, the clean one included"
        )
    return result


def _add(
    encoding: InputEncoding,
    facts: ConditionFacts,
    by_fold: FoldRows,
    result: EncodedConditions,
) -> None:
    """Add a condition, and leave out the utterances that it lacks.

    A recording must have the digest of the clean one, else it is another recording.
    """
    result.degraded.append(DegradedInputs(facts, by_fold))
    for fold, by_modality in by_fold.items():
        (rows,) = by_modality.values()
        found = dict(zip(rows.ids, rows.contents, strict=True))
        wanted = encoding.ids_of([fold])
        lacking = {id_ for id_ in wanted if id_ not in found}
        if facts.modality == "audio":
            clean = encoding.clean_contents(fold, "audio")
            lacking |= {i for i in wanted - lacking if found[i] != clean[i]}
        result.ids -= lacking


def _encode(
    encoding: InputEncoding,
    modality: str,
    corpora: Sequence[DegradedCorpus],
    result: EncodedConditions,
) -> dict[str, FoldRows]:
    """Return the embeddings of each condition of one modality, by fold."""
    groups = list(encoding.groups(modality)) if corpora else []
    chosen = [
        [_selected(encoding, each, folds) for each in corpora] for folds, _ in groups
    ]
    amount = sum(
        len(shown) * sum(len(each.corpus.utterances) for each in of_group)
        for (_, shown), of_group in zip(groups, chosen, strict=True)
    )
    found: dict[str, FoldRows] = {}
    with bar(
        total=amount, name=modality, unit="utterance", show=bool(groups)
    ) as progress:
        for (folds, shown), of_group in zip(groups, chosen, strict=True):
            rows = _encode_group(encoding, shown, of_group, progress.update, result)
            for key, joined in rows:
                by_fold = {fold: {modality: joined} for fold in folds}
                found[key] = {**found.get(key, {}), **by_fold}
    complete = sum(len(folds) for folds, _ in groups)
    for key in [key for key, by_fold in found.items() if len(by_fold) < complete]:
        found.pop(key)
    result.remarks += [
        f"{each.key}: left out, because no {modality} could be encoded"
        for each in corpora
        if each.key not in found
    ]
    return found


def _encode_group(
    encoding: InputEncoding,
    shown: Sequence[Shown],
    corpora: Sequence[DegradedCorpus],
    report: Report,
    result: EncodedConditions,
) -> Iterator[tuple[str, Embeddings]]:
    """Yield the joined embeddings of all encoders of some folds, in each condition."""
    options = encoding.options
    places = EncoderPlaces(named=options.named_checkpoints, cache=options.cache)
    members: dict[str, list[Embeddings]] = {}
    for cache, view in shown:
        encoder = DegradedEncoder(cache, view, encoding.machine, places)
        for key, rows in encoder.encode_all(corpora, report):
            if rows is not None:
                members.setdefault(key, []).append(rows)
        result.problems += encoder.problems
    for key, each in members.items():
        if len(each) == len(shown):
            yield key, join(each)


def _selected(
    encoding: InputEncoding, each: DegradedCorpus, folds: Sequence[str]
) -> DegradedCorpus:
    """Return the test utterances of some folds; all for recognised transcripts.

    The cache of recognised transcripts is that of `extract --transcripts`.
    """
    if not each.degradation:
        return each
    ids = encoding.ids_of(folds)
    return replace(each, corpus=select_utterances(each.corpus, ids))
