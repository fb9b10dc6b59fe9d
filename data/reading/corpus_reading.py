"""Read a corpus by the name of its reader, with the options that it takes."""

import inspect
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

from affuse.data import plugins
from affuse.data.errors import AffuseError, OptionError
from affuse.data.options.source_options import CorpusSource
from affuse.data.plugin_kinds import CORPUS_KIND
from affuse.data.reading import transcript_rule
from affuse.data.records import Corpus, Problem

NAMES = {  # of what a reader may take: its parameter, and the option
    **{"columns": "map", "scale": "scale", "table": "table"},
    "dominance": "dominance",
}


def read(source: CorpusSource) -> Corpus:
    """Return all utterances of a corpus, as `transcript_rule` settles them.

    Args:
        source: the name of the reader; the folder, None for
            the reader's own ``ROOT``; and options, of which a reader takes some

    Raises:
        AffuseError: if the reader does not take an option, if it has no `root` of its
            own and none is given, or if the corpus is empty
        FileNotFoundError: if it is not there
    """
    corpus, name = source.corpus, source.name
    module = plugins.load(CORPUS_KIND, corpus)
    if name != corpus and name in plugins.names(CORPUS_KIND):
        raise OptionError(
            f"--name {name} would pass this corpus off as that of another reader; "
            f"choose another name"
        )
    given = _given(source)
    low, high = source.scale or (0, 1)
    if not low < high:
        raise OptionError(
            f"--scale {low:g} {high:g}: say the lowest rating first, then the highest, "
            f"as in --scale 1 5"
        )
    known = inspect.signature(module.read).parameters.keys() & NAMES.keys()
    if unknown := sorted(given.keys() - known):
        raise OptionError(
            f"corpus reader '{corpus}' does not take --{NAMES[unknown[0]]}; it takes "
            + (", ".join(f"--{NAMES[k]}" for k in sorted(known)) or "no such option")
        )
    root = _root(module, corpus) if source.root is None else source.root
    found: Corpus = module.read(root, **given)
    if not found.utterances:
        raise AffuseError(
            f"no utterance could be read from {root}"
            + (f": {found.problems[0].reason}" if found.problems else "")
        )
    return replace(
        transcript_rule.settled(found),
        name=name or found.name,
        nature=source.nature or found.nature,
        reader=corpus,
    )


def _given(source: CorpusSource) -> dict[str, Any]:
    """Return the options of a reader that were given, by the names it has for them."""
    values = {
        "columns": _pairs(source.columns) or None,
        "scale": source.scale,
        "table": source.table,
        "dominance": source.dominance,
    }
    return {name: value for name, value in values.items() if value is not None}


def read_aloud(say: Callable[[str], object], source: CorpusSource) -> Corpus:
    """Read a corpus, and say how its columns were read before anything else is done.

    Args:
        say: prints a line
        source: as for `read`
    """
    corpus = read(source)
    for line in corpus.reading:
        say(line)
    return corpus


def _root(module: ModuleType, corpus: str) -> Path:
    """Where a corpus lies that comes with the program."""
    found: Path | None = getattr(module, "ROOT", None)
    if found is None:
        raise OptionError(
            f"corpus '{corpus}' does not come with this program: say where it is, as "
            f"in: {corpus} /path/to/it"
        )
    return found


def _pairs(items: Sequence[str]) -> dict[str, str]:
    """``["valence=proxy_V"]`` as column by role."""
    found: dict[str, str] = {}
    for item in items:
        role, mark, column = item.partition("=")
        if not mark:
            raise OptionError(f"--map {item}: say ROLE=COLUMN, e.g. valence=proxy_V")
        if role in found:
            raise OptionError(f"--map {item}: {role} is mapped twice; leave one out")
        found[role] = column
    return found


def sample(corpus: str, root: Path) -> int:
    """Write the smallest example of a corpus; return how many utterances it has.

    Raises:
        FileExistsError: if there is something already
    """
    if root.exists() and any(root.iterdir()):
        raise FileExistsError(f"{root} is not empty; name a new folder")
    root.mkdir(parents=True, exist_ok=True)
    plugins.load(CORPUS_KIND, corpus).sample(root)
    return len(read(CorpusSource(corpus=corpus, root=root)).utterances)


def verify(
    reader: str, corpus: Corpus, otherwise: Callable[[Corpus], Iterable[Problem]]
) -> tuple[Problem, ...]:
    """Return what the slow checks find, which open every recording.

    Args:
        reader: its name
        corpus: that it read
        otherwise: the checks for a reader that has none
    """
    module = plugins.load(CORPUS_KIND, reader)
    return tuple(getattr(module, "verify", otherwise)(corpus))
