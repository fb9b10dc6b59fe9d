"""Escape functions for text in each format of a table.

Names of designs, labels and speakers come from run folders, which may be untrusted. A
format calls its function on each piece of text, so that text never acts as markup. Each
function first calls `printable`, so that text never breaks a line. Text for the
terminal is escaped in `affuse.data.terminal`.
"""

import html
import json
import re
from collections.abc import Sequence

from affuse.data.reading.corpus_csv import cell
from affuse.data.terminal import printable

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
NUMBER = r"[-+]?\d*\.?\d+"
MARKDOWN = re.compile(
    rf"(?P<interval>\[{NUMBER}, {NUMBER}\](?![(\[:]))"  # is not a link; unchanged
    r"|(?P<mark>[\\`*_<>|\[\]#~$]"
    r"|&(?=#?\w+;)"  # begins an entity
    r"|(?<=:)/(?=/)|(?<=www)\.)"  # in an address, which would become a link
)
BLOCK = re.compile(r"^(\d{1,9}(?=[.)])|(?=[-+=]))")  # begins a list or a rule


def for_markdown(words: str) -> str:
    """Return text escaped for a heading, a sentence or a cell of Markdown.

    A backslash escapes HTML, entities, code, emphasis, links, images and borders of
    cells. Intervals are unchanged.

    Args:
        words: the text

    Examples:
        >>> print(for_markdown("a_b|c*"))
        a\\_b\\|c\\*
        >>> print(for_markdown("![x](y) .73 [.70, .76]"))
        !\\[x\\](y) .73 [.70, .76]
    """
    return MARKDOWN.sub(_marked, printable(words))


def _marked(match: re.Match[str]) -> str:
    """Return a mark with a backslash, or an unchanged interval."""
    return match["interval"] or f"\\{match['mark']}"


def for_markdown_line(words: str) -> str:
    """Return text escaped for the beginning of a line or list entry of Markdown.

    In addition to `for_markdown`, the text cannot begin a list, a rule or a heading.

    Args:
        words: the text

    Examples:
        >>> print(for_markdown_line("- a"), for_markdown_line("1. a"))
        \\- a 1\\. a
    """
    return BLOCK.sub(r"\1\\", for_markdown(words.strip(" ")))


def for_latex(words: str) -> str:
    """Return text escaped for LaTeX, with hyphens before numbers as minus signs.

    Args:
        words: the text

    Examples:
        >>> print(for_latex("5% [-.04, .02]"))
        5\\% [$-$.04, .02]
    """
    escaped = "".join(LATEX.get(character, character) for character in printable(words))
    return re.sub(r"(?<![^\s\[])-(?=[\s.\d])", "$-$", escaped)


def for_latex_row(cells: Sequence[str]) -> str:
    """Return the row of a LaTeX table from its escaped cells.

    The end of a row and a rule accept a star, or an argument in brackets, from the next
    line. An empty group prevents that a first cell is read as one.

    Args:
        cells: escaped text

    Examples:
        >>> print(for_latex_row(["[2cm]", "1"]))
        {}[2cm] & 1 \\\\
    """
    row = " & ".join(cells) + r" \\"
    return f"{{}}{row}" if row.lstrip().startswith(("[", "*")) else row


def for_html(words: str) -> str:
    """Return text escaped for HTML and SVG, also for the value of an attribute.

    Args:
        words: the text

    Examples:
        >>> print(for_html("<b> & 'c'"))
        &lt;b&gt; &amp; &#x27;c&#x27;
    """
    return html.escape(printable(words))


def for_csv(value: object) -> object:
    """Return a value for a cell of CSV, on one line and never a formula (CWE-1236).

    Args:
        value: text or a number

    Examples:
        >>> print(for_csv("=1+1"), for_csv(-1.5))
        '=1+1 -1.5
    """
    return cell(printable(value) if isinstance(value, str) else value)


def for_json(text: str) -> str:
    """Return JSON with escapes for control characters; its content is unchanged.

    Args:
        text: output of `json.dumps`; its line breaks are unchanged

    Examples:
        >>> print(for_json('{"a": "\\x9b"}'))
        {"a": "\\u009b"}
    """
    return re.sub(r"[^\n -~]", _coded, text)


def _coded(match: re.Match[str]) -> str:
    """Return a printable character unchanged, and another as its JSON escape."""
    return match[0] if match[0].isprintable() else json.dumps(match[0])[1:-1]
