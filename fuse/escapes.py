"""Words that Markdown and LaTeX shall not read as markup."""

import re

LATEX = {
    **{c: f"\\{c}" for c in "&%$#_{}"},
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "\N{DAGGER}": r"\textdagger{}",
}


def for_markdown(words: str) -> str:
    """With a backslash where one is needed.

    Examples:
        >>> print(for_markdown("a_b|c*"))
        a\\_b\\|c\\*
    """
    return re.sub(r"([\\`*_<>|])", r"\\\1", words)


def for_latex(words: str) -> str:
    """With commands for what LaTeX reads as one; a minus becomes one.

    Examples:
        >>> print(for_latex("5% [-.04, .02]"))
        5\\% [$-$.04, .02]
    """
    escaped = "".join(LATEX.get(character, character) for character in words)
    return re.sub(r"(?<![^\s\[])-(?=[\s.\d])", "$-$", escaped)
