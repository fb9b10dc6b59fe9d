"""What the names of splits in a table mean, and the protocol that follows from them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from affuse.data.records import Problem, Utterance
from affuse.data.tables import cell_values

EVALUATION = ("eval", "evaluation")  # the test or the dev split, as others name theirs


def settled(
    utterances: Sequence[Utterance], file: str
) -> tuple[tuple[Utterance, ...], list[Problem]]:
    """Return the utterances with ``eval`` read as the others tell, and notes.

    Beside a dev split, it is the test; beside a test split, it is dev. Alone, it stays,
    because it could be either.

    Args:
        utterances: all of the table
        file: name of the table, or of the tables
    """
    sizes = Counter(u.split for u in utterances if u.split)
    notes = []
    for name in EVALUATION:
        if name in sizes and ("dev" in sizes) != ("test" in sizes):
            meant = "test" if "dev" in sizes else "dev"
            utterances = [
                replace(u, split=meant) if u.split == name else u for u in utterances
            ]
            count = sizes.pop(name)
            sizes[meant] += count
            notes.append(
                f"split '{name}' is read as {meant}, because there is no other {meant} "
                f"(rows: {count}); if it is not, write {_other(meant)}"
            )
    strange = {n: k for n, k in sizes.items() if n not in cell_values.SPLITS.values()}
    if strange:
        names = ", ".join(f"'{name}' (rows: {n})" for name, n in strange.items())
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


def protocol(utterances: Sequence[Utterance]) -> str:
    """Return the default protocol: ``official`` if the corpus has several splits.

    It is also that where train or test is missing, so that training asks instead of
    dividing in another way than the corpus does.
    """
    if len({u.split for u in utterances if u.split}) > 1:
        return "official"
    return "speakers" if any(u.speaker for u in utterances) else ""


def _other(name: str) -> str:
    return "dev" if name == "test" else "test"
