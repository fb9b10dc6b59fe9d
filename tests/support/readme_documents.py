"""Fences, sentences and links of the READMEs."""

import re
import shlex
from pathlib import Path
from typing import NamedTuple

ROOT = next(p for p in Path(__file__).parents if (p / "setup.cfg").is_file())
DOCUMENTS = (
    "README.md",
    "data/README.md",
    "data/corpora/demo/README.md",
    "extract/README.md",
    "extract/inference/README.md",
    "extract/mini/README.md",
    "fuse/README.md",
    ".github/CONTRIBUTING.md",
)
CARDS = (
    "extract/mini/audio/README.md",
    "extract/mini/text/README.md",
)  # written in the past tense
FENCE = re.compile(
    r"(?:^<!-- (needs|file): (.+?) -->\n)?^```(\w*)\n(.*?)^```$",
    flags=re.DOTALL | re.MULTILINE,
)


class Fence(NamedTuple):
    document: str
    mark: str  # "needs", "file" or ""
    subject: str  # text after the mark
    language: str
    content: str

    def commands(self):
        """Return the words of each command, without comments."""
        lines = self.content.replace("\\\n", " ").splitlines()
        return [words for line in lines if (words := shlex.split(line, comments=True))]


def text_of(document):
    return (ROOT / document).read_text(encoding="utf-8")


def fences(document):
    return [
        Fence(document, *(group or "" for group in groups))
        for groups in FENCE.findall(text_of(document))
    ]


FENCES = [fence for name in (*DOCUMENTS, *CARDS) for fence in fences(name)]


def links(document):
    """Return the targets of the links of the prose and the tables."""
    return re.findall(r"\]\(([^)\s]+)\)", FENCE.sub("", text_of(document)))


def anchors(path):
    """Return the anchors that GitHub derives from the headings of a document."""
    headings = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    plain = [re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings]
    return {heading.replace(" ", "-") for heading in plain}


def sentences(document):
    """Return the sentences of the prose, without code, tables and headings."""
    text = re.sub(
        r"^```.*?^```$", "", text_of(document), flags=re.DOTALL | re.MULTILINE
    )
    text = re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL)
    text = re.sub(r"^(#|\||!\[).*$", "", text, flags=re.MULTILINE)
    blocks = re.split(r"\n\s*\n|^\s*(?:[*-]|\d+\.) ", text, flags=re.MULTILINE)
    parts = [p for b in blocks for p in re.split(r"(?<=[.!?])(?:\*\*)?\s+", b.strip())]
    return [part for part in parts if part]


def broken_emphasis(text):
    """Return the lines and list items of a text whose bold marks are broken."""
    prose = re.sub(r"`[^`\n]*`", "code", FENCE.sub("", text))
    blocks = re.split(r"\n\s*\n|\n(?=\s*(?:[*-]|\d+\.) |\||#|\*\*)", prose)
    return [
        block.strip()
        for block in blocks
        if block.count("**") % 2 or re.search(r"^\s*\*{2,3} ?\*{2}|\*{3}", block)
    ]


def arguments_of(words):
    """Return the words after the program's name, or None for another program."""
    for start in (["affuse"], ["python", "cli.py"], ["cli.py"]):
        for place in range(len(words)):
            if words[place : place + len(start)] == start:
                return words[place + len(start) :]
    return None
