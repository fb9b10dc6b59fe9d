"""Read a corpus by the name of its reader, with the options that it takes."""

import inspect
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

from affuse.data import plugins
from affuse.data.errors import AffuseError, OptionError
from affuse.data.plugin_kinds import CORPUS_KIND
from affuse.data.reading import transcript_rule
from affuse.data.records import Corpus, Problem

OPTIONS = ("scale", "table", "dominance")  # of readers, beside the columns
NAMES = {"columns": "map", **{name: name for name in OPTIONS}}  # on the command line


def read(
    corpus: str,
    root: Path | None,
    *,
    name: str = "",
    nature: str | None = None,
    columns: Sequence[str] = (),
    **options: Any,
) -> Corpus:
    """All utterances of the corpus at `root`, as `transcript_rule` settles them.

    Args:
        corpus: name of its reader
        root: where it lies; None for where the reader itself says, in its ``ROOT``
        name: what to call it in cache and tables; ``""`` for the reader's choice
        nature: ``human``, ``synthetic`` or ``proxy``; None for what the folder says
        columns: ``ROLE=COLUMN`` each, for readers of tables
        options: of this reader; those of `OPTIONS` that are None are not given, others
            are none of its business

    Raises:
        AffuseError: if the reader does not take an option, if it has no `root` of its
            own and none is given, or if the corpus is empty
        FileNotFoundError: if it is not there
    """
    module = plugins.load(CORPUS_KIND, corpus)
    if name != corpus and name in plugins.names(CORPUS_KIND):
        raise OptionError(
            f"--name {name} would pass this corpus off as that of another reader; "
            f"choose another name"
        )
    given = {key: options[key] for key in OPTIONS if options.get(key) is not None}
    if columns:
        given["columns"] = _pairs(columns)
    low, high = given.get("scale", (0, 1))
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
    root = _root(module, corpus) if root is None else root
    found: Corpus = module.read(root, **given)
    if not found.utterances:
        raise AffuseError(
            f"no utterance could be read from {root}"
            + (f": {found.problems[0].reason}" if found.problems else "")
        )
    return replace(
        transcript_rule.settled(found),
        name=name or found.name,
        nature=nature or found.nature,
        reader=corpus,
    )


def read_aloud(say: Callable[[str], object], **found: Any) -> Corpus:
    """Read a corpus, and say how its columns were read before anything else is done.

    Args:
        say: prints a line
        found: as for `read`
    """
    corpus = read(**found)
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
    return len(read(corpus, root).utterances)


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
