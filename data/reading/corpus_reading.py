"""Reading of a corpus by the name of its reader, with the reader's options."""

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

from affuse.data import plugins
from affuse.data.errors import AffuseError, OptionError
from affuse.data.options.source_options import CorpusSource
from affuse.data.plugin_kinds import CORPUS_KIND
from affuse.data.reading import corpus_listing, transcript_rule
from affuse.data.records import Corpus, Problem, check_name
from affuse.data.system.garbage_collection import paused_collection
from affuse.data.tables import column_roles

# parameter of a reader -> option on the command line
NAMES = {
    "columns": "map",
    "scale": "scale",
    "recordings": "recordings",
    "table": "table",
    "dominance": "dominance",
}


def read(source: CorpusSource) -> Corpus:
    """Return a corpus, with transcripts treated by `transcript_rule`.

    Args:
        source: name of the reader; folder or file, None for the reader's own ``ROOT``;
            and options, of which each reader accepts some

    Raises:
        AffuseError: if the reader does not accept an option, if `root` is None and the
            reader has no ``ROOT``, or if the corpus is empty
        FileNotFoundError: if the corpus does not exist
    """
    corpus, name = source.corpus, source.name
    module = plugins.load(CORPUS_KIND, corpus)
    if name != corpus and name in plugins.names(CORPUS_KIND):
        raise OptionError(
            f"--name {name} is the name of another corpus reader, so it would mislabel "
            f"this corpus; choose another name"
        )
    arguments = _arguments(source)
    low, high = source.scale or (0, 1)
    if not low < high:
        raise OptionError(
            f"--scale {low:g} {high:g}: state the lowest rating first, then the "
            f"highest, as in --scale 1 5"
        )
    accepted = inspect.signature(module.read).parameters.keys() & NAMES.keys()
    if refused := sorted(arguments.keys() - accepted):
        raise OptionError(
            f"corpus reader '{corpus}' does not take --{NAMES[refused[0]]}; it takes "
            + (", ".join(f"--{NAMES[k]}" for k in sorted(accepted)) or "no such option")
        )
    root = _root(module, corpus) if source.root is None else source.root
    contents = _contents(module, corpus, root, arguments)
    if not contents.utterances:
        raise AffuseError(
            f"no utterance could be read from {root}"
            + (f": {contents.problems[0].reason}" if contents.problems else "")
            + corpus_listing.name_reader(root, corpus)
        )
    name = name or contents.name
    check_name(name)  # the record also accepts the name of a training set
    return replace(
        transcript_rule.apply_rule(contents),
        name=name,
        nature=source.nature or contents.nature,
        reader=corpus,
    )


def _contents(
    module: ModuleType, corpus: str, root: Path, arguments: Mapping[str, Any]
) -> Corpus:
    """Return what a reader reads, or name the reader that fits in its error."""
    try:
        with paused_collection():
            contents: Corpus = module.read(root, **arguments)
    except (AffuseError, FileNotFoundError) as error:
        sentence = error.args[0] if error.args else None
        if isinstance(sentence, str):
            sentence += corpus_listing.name_reader(root, corpus)
            error.args = (sentence, *error.args[1:])
        raise
    return contents


def _arguments(source: CorpusSource) -> dict[str, Any]:
    """Return the options of readers that have a value, by the name of the parameter."""
    values = {
        "columns": column_roles.by_role(source.columns) or None,
        "scale": source.scale,
        "recordings": source.recordings,
        "table": source.table,
        "dominance": source.dominance,
    }
    return {name: value for name, value in values.items() if value is not None}


def read_and_describe(
    print_line: Callable[[str], object], source: CorpusSource
) -> Corpus:
    """Return a corpus as `read` does; print how it was read, and what training lacks.

    Args:
        print_line: prints a line
        source: as for `read`
    """
    corpus = read(source)
    for line in (*corpus.reading, *corpus.lacking):
        print_line(line)
    return corpus


def _root(module: ModuleType, corpus: str) -> Path:
    """Return the folder of a corpus that comes with the program."""
    folder: Path | None = getattr(module, "ROOT", None)
    if folder is None:
        raise OptionError(
            f"corpus '{corpus}' does not come with this program: give its folder, as "
            f"in: {corpus} /path/to/it"
        )
    return folder


def sample(corpus: str, root: Path) -> int:
    """Write the smallest example of a corpus and return its number of utterances.

    Args:
        corpus: name of its reader
        root: folder to write to

    Raises:
        FileExistsError: if the folder is not empty
    """
    if root.exists() and any(root.iterdir()):
        raise FileExistsError(f"{root} is not empty; name a new folder")
    root.mkdir(parents=True, exist_ok=True)
    plugins.load(CORPUS_KIND, corpus).sample(root)
    return len(read(CorpusSource(corpus=corpus, root=root)).utterances)


def verify(
    reader: str, corpus: Corpus, default_checks: Callable[[Corpus], Iterable[Problem]]
) -> tuple[Problem, ...]:
    """Return the problems found by the slow checks, which open every recording.

    Args:
        reader: its name
        corpus: as the reader returned it
        default_checks: checks for a reader that has none
    """
    module = plugins.load(CORPUS_KIND, reader)
    return tuple(getattr(module, "verify", default_checks)(corpus))
