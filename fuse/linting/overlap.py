"""Speaker, session and dialogue overlap, and the separations each protocol guarantees.

Stretches of recordings are compared in `affuse.fuse.linting.timelines`.
"""

from collections.abc import Iterator, Mapping

from affuse.data.name_spellings import unify_names
from affuse.data.splits.protocols import abbreviate
from affuse.fuse.linting.evidence import Evidence
from affuse.fuse.linting.finding import Finding, examples

Pairs = tuple[tuple[str, str], ...]
TEST_PAIRS: Pairs = (("train", "test"), ("validation", "test"))
ALL_PAIRS: Pairs = (*TEST_PAIRS, ("train", "validation"))
SESSION_GUARANTEES = {"speaker": ALL_PAIRS, "session": ALL_PAIRS, "dialogue": ALL_PAIRS}
GUARANTEES: Mapping[str, Mapping[str, Pairs]] = {  # protocol -> kind -> separate parts
    "session5": dict.fromkeys(SESSION_GUARANTEES, TEST_PAIRS),
    "session5-strict": SESSION_GUARANTEES,
    "loso": SESSION_GUARANTEES,
    "speakers": {"speaker": ALL_PAIRS},
    "official": {},  # splits of the corpus, which guarantee nothing by themselves
}
DEFAULT_GUARANTEES = {"speaker": ALL_PAIRS}  # of a protocol that is not listed


def guaranteed_pairs(protocol: str, what: str) -> Pairs:
    """Return the pairs of parts that a protocol guarantees to separate.

    Args:
        protocol: its name
        what: kind of names that are separate, such as ``speaker``
    """
    return GUARANTEES.get(protocol, DEFAULT_GUARANTEES).get(what, ())


def overlaps(
    evidence: Evidence, what: str, names: Mapping[str, str], *, remedy: str
) -> Iterator[Finding]:
    """Yield a finding for each pair of parts that share names in a fold.

    Args:
        evidence: on the run
        what: kind of the names, such as ``speaker``
        names: utterance id -> name, "" if unknown; spellings are unified
        remedy: words at the end of the sentence that state what to do
    """
    protocol, names = evidence.info.protocol, unify_names(names)
    for pair in ALL_PAIRS:
        by_fold: dict[str, set[str]] = {}
        touched: set[str] = set()
        for fold in evidence.folds:
            one, other = (evidence.ids(fold, part) for part in pair)
            shared = {names.get(i, "") for i in one} & {names.get(i, "") for i in other}
            if shared := shared - {""}:
                by_fold[fold] = shared
                touched |= {i for i in other if names.get(i) in shared}
        if not by_fold:
            continue
        fatal = pair in guaranteed_pairs(protocol, what)
        promise = "guarantees" if fatal else "does not guarantee"
        first = next(iter(by_fold))
        text = (
            f"the same {what} is in {pair[0]} and {pair[1]} of {len(by_fold)} of "
            f"{len(evidence.folds)} folds, as in '{first}': "
            f"{abbreviate(by_fold[first])}; it has {examples(sorted(touched))} in "
            f"{pair[1]}; protocol '{protocol}' {promise} separate {what}s"
        )
        yield Finding(f"{text}; {remedy}" if fatal else text, fatal)
