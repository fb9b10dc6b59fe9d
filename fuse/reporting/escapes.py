"""Text as it may stand in each format of a table: escaped where it would act as markup.

Names of designs, labels, speakers and the like come from run folders, which strangers
may have made. Whatever writes a format calls the function of that format on each piece
of text; each begins with `printable`, so that one line stays one line. Text for the
terminal is in `affuse.data.terminal`.
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
    rf"(?P<interval>\[{NUMBER}, {NUMBER}\](?![(\[:]))"  # no link, so it stays
    r"|(?P<mark>[\\`*_<>|\[\]#~$]"
    r"|&(?=#?\w+;)"  # of an entity
    r"|(?<=:)/(?=/)|(?<=www)\.)"  # of an address, which would become a link
)
BLOCK = re.compile(r"^(\d{1,9}(?=[.)])|(?=[-+=]))")  # begins a list or a rule


def for_markdown(words: str) -> str:
    """Escape text within a line of Markdown: of a heading, a sentence or a cell.

    HTML, entities, code, emphasis, links, images and cells' borders are escaped with a
    backslash. An interval stays as it is.

    Examples:
        >>> print(for_markdown("a_b|c*"))
        a\\_b\\|c\\*
        >>> print(for_markdown("![x](y) .73 [.70, .76]"))
        !\\[x\\](y) .73 [.70, .76]
    """
    return MARKDOWN.sub(_marked, printable(words))


def _marked(match: re.Match[str]) -> str:
    """Put a backslash before a mark, and leave an interval alone."""
    return match["interval"] or f"\\{match['mark']}"


def for_markdown_line(words: str) -> str:
    """Escape text that begins a line of Markdown, or an entry of a list.

    Beside what `for_markdown` escapes, the text begins no list, rule or heading of its
    own.

    Examples:
        >>> print(for_markdown_line("- a"), for_markdown_line("1. a"))
        \\- a 1\\. a
    """
    return BLOCK.sub(r"\1\\", for_markdown(words.strip(" ")))


def for_latex(words: str) -> str:
    """Escape text for LaTeX: with commands for what it reads as one; a minus is one.

    Examples:
        >>> print(for_latex("5% [-.04, .02]"))
        5\\% [$-$.04, .02]
    """
    escaped = "".join(LATEX.get(character, character) for character in printable(words))
    return re.sub(r"(?<![^\s\[])-(?=[\s.\d])", "$-$", escaped)


def for_latex_row(cells: Sequence[str]) -> str:
    """Join the escaped cells of a row of a LaTeX table.

    The end of a row and a rule take an argument in brackets, or a star, from the line
    after them; the first cell must not be taken for one.

    Examples:
        >>> print(for_latex_row(["[2cm]", "1"]))
        {}[2cm] & 1 \\\\
    """
    row = " & ".join(cells) + r" \\"
    return f"{{}}{row}" if row.lstrip().startswith(("[", "*")) else row


def for_html(words: str) -> str:
    """Escape text for HTML and SVG, where it may also be the value of an attribute.

    Examples:
        >>> print(for_html("<b> & 'c'"))
        &lt;b&gt; &amp; &#x27;c&#x27;
    """
    return html.escape(printable(words))


def for_csv(value: object) -> object:
    """Return a value for a cell of CSV, on one line and never a formula (CWE-1236).

    Examples:
        >>> print(for_csv("=1+1"), for_csv(-1.5))
        '=1+1 -1.5
    """
    return cell(printable(value) if isinstance(value, str) else value)


def for_json(text: str) -> str:
    """Escape within JSON what a terminal acts on; a reader gets the same text back.

    Args:
        text: JSON, as `json.dumps` made it; its own line ends stay

    Examples:
        >>> print(for_json('{"a": "\\x9b"}'))
        {"a": "\\u009b"}
    """
    return re.sub(r"[^\n -~]", _coded, text)


def _coded(match: re.Match[str]) -> str:
    """Leave a printable character alone, and write another as JSON's code for it."""
    return match[0] if match[0].isprintable() else json.dumps(match[0])[1:-1]
