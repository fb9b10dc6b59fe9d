"""No recording of the test is in training or validation under another id."""

from collections.abc import Iterator

from fuse.lint._evidence import CACHE, Evidence
from fuse.lint._finding import Finding, Skipped, examples
from fuse.lint._overlap import TEST

NEEDS = (CACHE,)


def findings(evidence: Evidence) -> Iterator[Finding]:
    """Equal bytes and spans, by their digests in the cache.

    Raises:
        Skipped: if no embeddings of speech are at hand
    """
    digests = evidence.contents.get("audio", {})
    if not any(digests.values()):
        raise Skipped("no digests of recordings are at hand")
    for fold in evidence.folds:
        for other, test in TEST:
            known = {digests.get(id_, ""): id_ for id_ in evidence.ids(fold, other)}
            known.pop("", None)
            ids = evidence.ids(fold, test)
            if twice := sorted(i for i in ids if digests.get(i) in known):
                first = twice[0]
                yield Finding(
                    f"fold '{fold}' tests on {examples(twice)} whose recording is in "
                    f"{other} too: that of {first} as {known[digests[first]]}; remove "
                    f"one of each pair from the corpus"
                )
