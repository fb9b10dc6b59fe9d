"""The run command: fine-tune, extract, train and report, each where it is not done yet.

Every step is the command of its name, which goes on where it was interrupted; so does
this one, if it is repeated.
"""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from affuse.data import plugins
from affuse.data.cache import fold_encoders
from affuse.data.command_lines import NEXT
from affuse.data.errors import OptionError
from affuse.data.modality import available
from affuse.data.plugins import DESIGN_PACKAGE
from affuse.data.reading import corpus_reading
from affuse.data.records import Corpus
from affuse.data.terminal import page_width
from affuse.fuse.commands import report_command, training_commands
from affuse.fuse.commands.requested_designs import needs
from affuse.fuse.reporting.blocks import WIDTH

Say = Callable[[str], object]


class Encode(Protocol):
    """Stage one."""

    def __call__(
        self, corpus: Corpus, *, cache: Path, say: Say, found: dict[str, Any]
    ) -> tuple[int, Mapping[str, Path]]:
        """Problems that left something out, and the cache of each modality."""


Tune = Callable[..., Path]  # called with say, and options by name


def run(say: Say, encode: Encode, tune: Tune | None, **found: Any) -> bool:
    """All steps from a corpus to its table.

    Args:
        say: told each line
        encode: as `affuse.extract.commands.extract_command.encode`
        tune: fine-tunes the encoders of every fold, and returns the run's folder; None
            to take them as they are, or those of ``finetuned``
        found: the options of the command line, by name

    Returns:
        whether nothing was left out

    Raises:
        AffuseError: as the steps
    """

    corpus = corpus_reading.read_aloud(say, **found)

    def told(line: str) -> None:
        # what is next is done here; how columns were read is said once
        if not line.startswith(NEXT) and line not in corpus.reading:
            say(line)

    if tune is not None:
        say("fine-tuning an encoder for each fold")
        wanted = {
            "fusion": tuned_design(found["designs"]),
            "fold": "all",
            # how heads are trained behind cached embeddings is for the second stage
            "changes": [c for c in found["changes"] if not c.startswith("training=")],
        }
        found["finetuned"] = tune(told, **{**found, **wanted})
    problems, named = 0, dict[str, str]()
    for words, changes in _passes(corpus, found):
        say(f"extracting with {words}")
        options = {**found, **changes}
        count, made = encode(corpus, cache=found["cache"], say=told, found=options)
        problems += count
        for modality, folder in made.items():  # of folds, any names its kind
            named.setdefault(modality, folder.name)
    say("training")
    digests = {"audio": "", "text": "", **named}
    training_commands.train(told, **{**found, **digests, "corpus": corpus.name})
    return _report(say, corpus.name, found) and not problems


def tuned_design(wanted: Sequence[str]) -> str:
    """The design that encoders are fine-tuned with: the first that is trained by steps.

    Raises:
        AffuseError: if there is none
    """
    known = plugins.names(DESIGN_PACKAGE)
    found = [name for name in wanted if name in known]
    if not found:
        raise OptionError(
            f"--finetune trains encoders together with a design, and "
            f"{', '.join(wanted)} is none; add --fusion early, say"
        )
    return found[0]


def _passes(
    corpus: Corpus, found: Mapping[str, Any]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each extraction that is needed, in words, and the options that are its own."""
    wanted = found["modalities"] or needs(found["designs"])
    folds = fold_encoders.folds(found["finetuned"]) if found["finetuned"] else {}
    tuned = {modality for paths in folds.values() for modality in paths}
    for fold, encoders in folds.items():
        paths = {m: str(path) for m, path in encoders.items() if m in wanted}
        places = {f"{m}_checkpoint": path for m, path in paths.items()}
        more = {"modalities": list(paths), "revision": (), "head": False}
        if paths:
            yield (
                f"the encoders of fold {fold}",
                {**_own(paths, found), **places, **more},
            )
    rest = available(corpus, [m for m in wanted if m not in tuned])
    if rest:
        yield "frozen encoders", {**_own(rest, found), "modalities": rest}


def _own(
    modalities: Sequence[str] | Mapping[str, Any], found: Mapping[str, Any]
) -> Any:
    """Options that may name a modality, without those that name another."""

    known = set(modalities)

    def meant(value: str) -> bool:
        name, mark, _ = value.partition("=")
        return not mark or name in known

    names = ("layers", "pooling", "revision")
    return {n: tuple(v for v in found[n] if meant(v)) for n in names}


def _report(say: Say, corpus: str, found: Mapping[str, Any]) -> bool:
    """Print the table of the corpus; whether no run of it is damaged."""
    problems: list[str] = []
    tables = report_command.collect(
        found["runs"],
        corpus=corpus,
        protocol=found["protocol"] or "",
        damaged=problems.append,
    )
    width = page_width(sys.stdout, WIDTH)
    for line in (
        report_command.render(tables, "text", width=width).rstrip("\n").split("\n")
    ):
        say(line)
    for sentence in problems:
        say(sentence)
    return not problems
