"""Which known name somebody meant who mistyped one, for the end of an error."""

from collections.abc import Iterable
from difflib import get_close_matches


def hint(name: str, known: Iterable[str]) -> str:
    """Return a clause that suggests the nearest known name, or "" if none is near.

    Case does not count, and an empty name is never suggested.

    Args:
        name: as it was typed
        known: names to choose from

    Examples:
        >>> hint("Erly", ["audio", "early", ""])
        "; did you mean 'early'?"
        >>> hint("x", ["audio", "early"])
        ''
    """
    folded = {one.casefold(): one for one in known if one}
    found = get_close_matches(name.casefold(), folded, n=1)
    return f"; did you mean {folded[found[0]]!r}?" if found else ""
