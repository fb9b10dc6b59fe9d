"""Read a corpus by the name of its reader, with the options that it takes."""

import inspect
from dataclasses import replace
from pathlib import Path
from typing import Any

from data import plugins
from data.utterance import Corpus, Problem

PACKAGE = "data.corpora"


def read(
    reader: str, root: Path, *, name: str = "", nature: str = "", **options: Any
) -> Corpus:
    """All utterances of the corpus at `root`.

    Args:
        reader: file name in data/corpora
        name: what to call it in cache and tables; ``""`` for the reader's choice
        nature: ``human``, ``synthetic`` or ``proxy``; ``""`` for what the folder says
        options: of this reader; those that are None are taken as not given

    Raises:
        ValueError: if the reader does not take an option, or the corpus is empty
        FileNotFoundError: if it is not there
    """
    module = plugins.load(PACKAGE, reader)
    given = {key: value for key, value in options.items() if value is not None}
    known = set(inspect.signature(module.read).parameters) - {"root"}
    if unknown := sorted(given.keys() - known):
        takes = ", ".join(sorted(known)) or "none"
        raise ValueError(
            f"corpus reader '{reader}' does not take the option {unknown[0]!r}; it "
            f"takes {takes}"
        )
    corpus: Corpus = module.read(root, **given)
    if not corpus.utterances:
        raise ValueError(
            f"no utterance was read from {root}; 'python cli.py check {reader} {root}' "
            f"names the problems"
        )
    return replace(corpus, name=name or corpus.name, nature=nature or corpus.nature)


def verify(reader: str, corpus: Corpus) -> tuple[Problem, ...]:
    """The slow checks of a reader, which open every recording; none if it has none."""
    module = plugins.load(PACKAGE, reader)
    found: tuple[Problem, ...] = ()
    if hasattr(module, "verify"):
        found = module.verify(corpus)
    return found
