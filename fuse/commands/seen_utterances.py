"""Utterances of a test corpus whose recording, sentence or speaker was trained on.

Ids and names of two corpora are not comparable, so recordings and sentences are
compared by the keys of `affuse.fuse.commands.training_overlap`. A speaker of both
corpora is recognised by a recording that both have. Names of speakers are compared only
if one reader, such as that of IEMOCAP, has read both corpora.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from affuse.data.cache.corpus_matching import GENERIC
from affuse.data.name_spellings import spelling
from affuse.data.records import Corpus
from affuse.fuse.commands.training_overlap import ComparisonKeys
from affuse.fuse.linting.timelines import Timelines

# {rule of the linter, as in --allow: reason for leaving an utterance out}
REASONS = {
    "recordings": "a recording that is in training or validation",
    "sentences": "a sentence that is in training or validation",
    "speakers": "a speaker who is in training or validation",
    "encoders": "an input that an encoder was trained on",
}


@dataclass(frozen=True)
class KeyedCorpus:
    """Corpus with the keys by which its utterances are compared."""

    corpus: Corpus
    keys: ComparisonKeys


def find_seen(
    tested: KeyedCorpus, trained: KeyedCorpus, used: Sequence[str]
) -> dict[str, set[str]]:
    """Return the utterances of a test corpus that a training corpus contains.

    Args:
        tested: the test corpus
        trained: the training corpus
        used: its utterances that are in training or validation of any fold

    Returns:
        {id: all of the first three `REASONS` that apply}
    """
    found: dict[str, set[str]] = {}
    for id_, rule in _compared(tested.keys, trained.keys, used):
        found.setdefault(id_, set()).add(rule)
    people = {u.id: spelling(u.speaker) for u in tested.corpus.utterances}
    recorded = {
        people.get(i, "") for i, rules in found.items() if "recordings" in rules
    }
    seen = recorded | _equal_names(tested.corpus, trained.corpus, used)
    for id_, person in people.items():
        if person and person in seen:
            found.setdefault(id_, set()).add("speakers")
    return found


def _compared(
    keys: ComparisonKeys, theirs: ComparisonKeys, used: Sequence[str]
) -> Iterator[tuple[str, str]]:
    """Yield the ids whose recording or sentence was trained on, with the reason."""
    recordings = {key for i in used for key in theirs.recordings.get(i, ())}
    words = {theirs.words[i] for i in used if i in theirs.words}
    timelines = Timelines(used, theirs.stretches)
    for id_ in keys.recordings.keys() | keys.words.keys():
        stretch = keys.stretches.get(id_)
        if not recordings.isdisjoint(keys.recordings.get(id_, ())) or (
            stretch is not None and timelines.find(stretch)
        ):
            yield id_, "recordings"
        if keys.words.get(id_) in words:
            yield id_, "sentences"


def _equal_names(tested: Corpus, trained: Corpus, used: Sequence[str]) -> set[str]:
    """Return the names of speakers that are trained on, if they are comparable."""
    if tested.reader in GENERIC:
        return set()
    prefixes = [m.prefix for m in trained.members if m.reader == tested.reader]
    prefixes += [""] * (not trained.members and trained.reader == tested.reader)
    ids = frozenset(used)
    return {
        spelling(u.speaker.removeprefix(prefix))
        for prefix in prefixes
        for u in trained.utterances
        if u.id in ids and u.id.startswith(prefix)
    }


def count_incomparable(keys: ComparisonKeys, ids: Iterable[str]) -> int:
    """Return the number of utterances with neither a recording nor words to compare.

    Args:
        keys: of the test corpus
        ids: of utterances
    """
    return sum(i not in keys.recordings and i not in keys.words for i in ids)


def first_reasons(
    found: Mapping[str, Collection[str]], without: Collection[str] = ()
) -> dict[str, str]:
    """Return {id: first of `REASONS` that applies}.

    Args:
        found: {id: reasons}
        without: reasons that do not count; an id without another one is left out
    """
    first = {
        id_: next((r for r in REASONS if r in rules and r not in without), "")
        for id_, rules in found.items()
    }
    return {id_: rule for id_, rule in first.items() if rule}


def count_reasons(seen: Mapping[str, str]) -> dict[str, int]:
    """Return {reason in words: number of utterances}, in the order of `REASONS`.

    Args:
        seen: as `first_reasons` returns it
    """
    rules = list(seen.values())
    counts = {text: rules.count(rule) for rule, text in REASONS.items()}
    return {text: number for text, number in counts.items() if number}
