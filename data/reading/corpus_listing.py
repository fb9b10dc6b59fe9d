"""List of the corpus readers: what each one needs, and facts on its corpus."""

import json
import textwrap
from collections.abc import Iterator
from pathlib import Path

from affuse.data import plugins
from affuse.data.corpus_facts import CorpusFacts, stated_facts
from affuse.data.plugin_kinds import CORPUS_KIND
from affuse.data.terminal import printable

NO_PAGE = "none"
WIDTH = 80  # columns of the list


def listing(*, as_json: bool = False) -> Iterator[str]:
    """Yield the lines of the list.

    Args:
        as_json: True for one JSON value, for programs
    """
    facts = {
        name: stated_facts(name, module)
        for name, module in plugins.load_all(CORPUS_KIND)
    }
    if as_json:
        yield from json.dumps(
            [{"reader": name, **_values(name, each)} for name, each in facts.items()],
            indent=1,
        ).split("\n")
        return
    for name, each in facts.items():
        yield printable(f"{name}: {each.title}")
        for key, value in _values(name, each).items():
            if key != "title":
                yield from _wrapped(f" {key:7} ", printable(value))


def _wrapped(begin: str, text: str) -> list[str]:
    """Return the lines of a fact, which are long only for an address."""
    return textwrap.wrap(
        text or NO_PAGE,
        WIDTH,
        initial_indent=begin,
        subsequent_indent=" " * len(begin),
        break_long_words=False,
        break_on_hyphens=False,
    )


def name_reader(root: Path, reader: str) -> str:
    """Return a clause that names the reader of a corpus, if it is not the one in use.

    Args:
        root: path that could not be read
        reader: that could not read it

    Returns:
        the clause; "" if no other reader finds a sign of its corpus there
    """
    for name, module in plugins.load_all(CORPUS_KIND):
        facts = stated_facts(name, module)
        if name != reader and facts.looks_like(root):
            return (
                f"; this looks like {facts.title}, so name its reader, {name}, in "
                f"place of {reader}"
            )
    return ""


def _values(name: str, facts: CorpusFacts) -> dict[str, str]:
    """Return the facts by the names in the list, with the origin of the reader."""
    source = plugins.source(CORPUS_KIND, name)
    values = {
        "title": facts.title,
        "ROOT": facts.root,
        "page": facts.page or NO_PAGE,
        "licence": facts.licence,
        "ratings": facts.ratings,
        "texts": facts.texts,
        "size": facts.size,
    }
    if source.is_outside:
        values["package"] = f"{source.package} {source.version}".rstrip()
    return values
