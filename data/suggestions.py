"""Suggestions for mistyped names, appended to error messages."""

from collections.abc import Iterable
from difflib import get_close_matches


def hint(name: str, choices: Iterable[str]) -> str:
    """Return a clause that suggests the most similar name, or "" if none is similar.

    Case is ignored, and an empty name is never suggested.

    Args:
        name: as it was typed
        choices: names to choose from

    Examples:
        >>> hint("Erly", ["audio", "early", ""])
        "; did you mean 'early'?"
        >>> hint("x", ["audio", "early"])
        ''
    """
    folded = {choice.casefold(): choice for choice in choices if choice}
    matches = get_close_matches(name.casefold(), folded, n=1)
    return f"; did you mean {folded[matches[0]]!r}?" if matches else ""
