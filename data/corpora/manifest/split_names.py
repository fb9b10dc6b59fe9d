"""Interpretation of split names in a table, and the default protocol that follows."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from affuse.data.name_spellings import spelling
from affuse.data.records import Problem, Utterance
from affuse.data.tables import cell_values
from affuse.data.terminal import printable

USED = ("train", "dev", "test")  # splits of the protocol official
MANY = 20  # least number of rows whose speakers may not all differ without a note
EVALUATION = ("eval", "evaluation")  # names that mean test or dev, by the other splits


def unify(
    utterances: Sequence[Utterance], file: str
) -> tuple[tuple[Utterance, ...], list[Problem]]:
    """Return the utterances with ``eval`` replaced by test or dev, and notes.

    If there is a dev split, ``eval`` means test; if there is a test split, it means
    dev. Otherwise it stays, because it could be either.

    Args:
        utterances: all of the table
        file: name of the table, or of the tables
    """
    sizes = Counter(u.split for u in utterances if u.split)
    notes = []
    for name in EVALUATION:
        if name in sizes and ("dev" in sizes) != ("test" in sizes):
            target = "test" if "dev" in sizes else "dev"
            utterances = [
                replace(u, split=target) if u.split == name else u for u in utterances
            ]
            count = sizes.pop(name)
            sizes[target] += count
            notes.append(
                f"split '{name}' is read as {target}, because there is no other "
                f"{target} (rows: {count}); if it is not, write {_other(target)}"
            )
    unknown = {n: k for n, k in sizes.items() if n not in cell_values.SPLITS.values()}
    if unknown:
        names = ", ".join(f"'{name}' (rows: {n})" for name, n in unknown.items())
        notes.append(
            f"splits whose names are not known: {names}; protocol official uses none "
            f"of them, so write train, dev or test in the table where they mean that"
        )
    elif len(sizes) == 1 and protocol(utterances) == "speakers":
        notes.append(
            f"every row with a split is of '{next(iter(sizes))}', so the split divides "
            f"nothing; the default protocol is speakers"
        )
    if len(sizes) > 1 and (count := sum(not u.split for u in utterances)):
        notes.append(
            f"no split is stated (rows: {count}), so protocol official uses none of "
            f"these rows"
        )
    return tuple(utterances), [Problem(file, n, fatal=False) for n in notes]


def note_shared(utterances: Iterable[Utterance], file: str) -> Iterator[Problem]:
    """Yield a note if rows of one speaker, or of one recording, have several splits.

    Args:
        utterances: all of the table, with the names of splits that `unify` returns
        file: name of the table, or of the tables
    """
    used = [u for u in utterances if u.split in USED]
    speakers = ((spelling(u.speaker), u.speaker, u.split) for u in used if u.speaker)
    files = ((str(u.audio), u.audio.name, u.split) for u in used if u.audio is not None)
    for what, rows in (("speaker", speakers), ("recording", files)):
        if sentence := _shared(what, rows):
            yield Problem(file, sentence, fatal=False)


def note_unique_speakers(
    utterances: Sequence[Utterance], file: str
) -> Iterator[Problem]:
    """Yield a note if every row of a large table has another speaker.

    Args:
        utterances: all of the table
        file: name of the table, or of the tables
    """
    names = {spelling(u.speaker) for u in utterances if u.speaker}
    if len(utterances) >= MANY and len(names) == len(utterances):
        yield Problem(
            file,
            f"every row has another speaker (rows: {len(names)}); if the column does "
            f"not name speakers, correct --map speaker=COLUMN",
            fatal=False,
        )


def _shared(what: str, rows: Iterable[tuple[str, str, str]]) -> str:
    """Return a sentence on speakers or files that have several splits, or "".

    Args:
        what: speaker or recording
        rows: a key of the speaker or file, its name, and the split of each row
    """
    splits: dict[str, set[str]] = {}
    names: dict[str, str] = {}
    for key, name, split in rows:
        splits.setdefault(key, set()).add(split)
        names.setdefault(key, name)
    shared = [key for key, found in splits.items() if len(found) > 1]
    if not shared:
        return ""
    example = ", ".join(name for name in USED if name in splits[shared[0]])
    return (
        f"{what}s with rows in several splits: {len(shared)} of {len(splits)}, such as "
        f"'{printable(names[shared[0]])}' in {example}; results of protocol official "
        f"may not hold for new {what}s; correct the splits, or leave them out with "
        f"--map split="
    )


def protocol(utterances: Sequence[Utterance]) -> str:
    """Return the default protocol: ``official`` if the corpus has several splits.

    It is ``official`` even if train or test is missing. Then training stops with an
    error, instead of ignoring the splits of the corpus.

    Args:
        utterances: all of the corpus

    Returns:
        ``official``, ``speakers``, or "" if there are neither splits nor speakers
    """
    if len({u.split for u in utterances if u.split}) > 1:
        return "official"
    return "speakers" if any(u.speaker for u in utterances) else ""


def _other(name: str) -> str:
    return "dev" if name == "test" else "test"
