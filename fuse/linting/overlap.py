"""Who or what is on both sides of a line, and which lines a protocol promises."""

from collections.abc import Iterator, Mapping

from affuse.data.name_spellings import unified
from affuse.data.splits.protocols import some
from affuse.fuse.linting.evidence import Evidence
from affuse.fuse.linting.finding import Finding, examples

Pairs = tuple[tuple[str, str], ...]
TEST: Pairs = (("train", "test"), ("validation", "test"))
EVERY: Pairs = (*TEST, ("train", "validation"))
SESSIONS = {"speaker": EVERY, "session": EVERY, "dialogue": EVERY}
PROMISES: Mapping[str, Mapping[str, Pairs]] = {  # protocol: {what: parts kept apart}
    "session5": dict.fromkeys(SESSIONS, TEST),
    "session5-strict": SESSIONS,
    "loso": SESSIONS,
    "speakers": {"speaker": EVERY},
    "official": {},  # the corpus's own; whatever it is
}
STRICTEST = {"speaker": EVERY}  # of a protocol that is not known here


def promised(protocol: str, what: str) -> Pairs:
    """Pairs of parts that a protocol keeps apart, in what there is of one kind."""
    return PROMISES.get(protocol, STRICTEST).get(what, ())


def overlaps(
    evidence: Evidence, what: str, names: Mapping[str, str], *, remedy: str
) -> Iterator[Finding]:
    """What stands in two parts of a fold, one finding a pair of parts.

    Args:
        evidence: of which the folds are looked at
        what: one thing, such as ``speaker``
        names: of that thing, by utterance id; "" where it is not known; spellings of
            one name are one
        remedy: what to do, as the end of a sentence
    """
    protocol, names = evidence.info.protocol, unified(names)
    for pair in EVERY:
        found: dict[str, set[str]] = {}
        touched: set[str] = set()
        for fold in evidence.folds:
            one, other = (evidence.ids(fold, part) for part in pair)
            shared = {names.get(i, "") for i in one} & {names.get(i, "") for i in other}
            if shared := shared - {""}:
                found[fold] = shared
                touched |= {i for i in other if names.get(i) in shared}
        if not found:
            continue
        fatal = pair in promised(protocol, what)
        promise = "promises" if fatal else "does not promise"
        first = next(iter(found))
        text = (
            f"the same {what} in {pair[0]} and {pair[1]} of {len(found)} of "
            f"{len(evidence.folds)} folds, as in '{first}': {some(found[first])}; it "
            f"concerns {examples(sorted(touched))} of {pair[1]}; protocol '{protocol}' "
            f"{promise} otherwise"
        )
        yield Finding(f"{text}; {remedy}" if fatal else text, fatal)
