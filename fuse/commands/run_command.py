"""Command run: fine-tune, extract, train and report, each step only if it is missing.

Each step calls the function of the command with its name. These functions resume after
an interruption, so this command can be repeated.
"""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from affuse.data import plugins
from affuse.data.cache import fold_encoders
from affuse.data.errors import OptionError
from affuse.data.modality import available
from affuse.data.options.command_record import NEXT
from affuse.data.options.extraction_options import (
    EncodingOptions,
    Extract,
    checkpoints,
)
from affuse.data.options.pipeline_options import RunCommand
from affuse.data.options.report_options import ReportContents
from affuse.data.options.shared_options import (
    CacheOption,
    ComputeOptions,
    FinetunedFolder,
    RunsFolder,
    named_caches,
)
from affuse.data.options.source_options import CorpusSource
from affuse.data.options.training_options import FittingOptions, MemoryLimit, Train
from affuse.data.plugin_kinds import DESIGN_KIND
from affuse.data.reading import corpus_reading
from affuse.data.records import Corpus
from affuse.data.terminal import page_width
from affuse.fuse.commands import report_command, training_commands
from affuse.fuse.commands.requested_designs import needed_modalities, with_files
from affuse.fuse.reporting.blocks import WIDTH

Say = Callable[[str], object]


class Encode(Protocol):
    """Type of the function that extracts embeddings in stage one."""

    def __call__(
        self, corpus: Corpus, options: Extract, say: Say
    ) -> tuple[int, Mapping[str, Path]]:
        """Return the number of problems that left something out, and the caches.

        Args:
            corpus: to be encoded
            options: of the extraction
            say: prints a line

        Returns:
            number of problems, and {modality: folder of its cache}
        """


Tune = Callable[[Say, RunCommand, str], Path]  # the third argument is the design


def run(say: Say, encode: Encode, tune: Tune, options: RunCommand) -> bool:
    """Execute all steps from a corpus to its table.

    Args:
        say: prints a line
        encode: as `affuse.extract.commands.extract_command.encode`
        tune: fine-tunes the encoders of every fold, and returns the run's folder
        options: of the command line

    Returns:
        True if nothing was left out

    Raises:
        AffuseError: if a step raises it
    """

    options = with_files(options)
    corpus = corpus_reading.read_and_describe(say, options)

    def say_once(line: str) -> None:
        """Print a line, except next commands and repeated notes on columns."""
        # This command executes the next command itself.
        if not line.startswith(NEXT) and line not in (*corpus.reading, *corpus.lacking):
            say(line)

    if options.finetune:
        say("fine-tuning an encoder for each fold")
        folder = tune(say_once, options, tuned_design(options.designs))
        options = replace(options, finetuned=folder)
    problems, named = 0, dict[str, tuple[str, ...]]()
    for words, extraction in _passes(corpus, options):
        say(f"extracting with {words}")
        count, caches = encode(corpus, extraction, say_once)
        problems += count
        # The caches of all folds differ in the encoder only, so the first one suffices.
        for modality, folder in caches.items():
            named.setdefault(modality, (folder.name,))
    say("training")
    shared = (FittingOptions, MemoryLimit, FinetunedFolder, CacheOption)
    command = Train.from_command(
        options,
        *shared,
        ComputeOptions,
        RunsFolder,
        corpus=corpus.name,
        **named_caches(named),
    )
    # The files of designs have been executed above.
    training_commands.train(say_once, replace(command, design_files=()))
    return _report(say, corpus.name, options) and not problems


def tuned_design(requested: Sequence[str]) -> str:
    """Return the design to fine-tune encoders with, which is the first network.

    Args:
        requested: names of designs

    Raises:
        OptionError: if there is none
    """
    networks = plugins.names(DESIGN_KIND)
    chosen = [name for name in requested if name in networks]
    if not chosen:
        raise OptionError(
            f"--finetune trains encoders together with a network, but --fusion names "
            f"only {', '.join(requested)}; add a network, e.g. --fusion early"
        )
    return chosen[0]


def _passes(corpus: Corpus, options: RunCommand) -> Iterator[tuple[str, Extract]]:
    """Yield each extraction that is needed, as a description and a command."""
    needed = options.modalities or needed_modalities(options.designs)
    folds = fold_encoders.folds(options.finetuned) if options.finetuned else {}
    tuned = {modality for paths in folds.values() for modality in paths}
    usual = Extract.from_command(options, CorpusSource, EncodingOptions)
    for fold, encoders in folds.items():
        paths = {m: path for m, path in encoders.items() if m in needed}
        if paths:
            command = replace(_restricted(usual, tuple(paths)), **checkpoints(paths))
            yield (
                f"the encoders of fold {fold}",
                replace(command, revision=(), head=False),
            )
    rest = tuple(available(corpus, [m for m in needed if m not in tuned]))
    if rest:
        yield "frozen encoders", _restricted(usual, rest)


def _restricted(usual: Extract, modalities: Sequence[str]) -> Extract:
    """Return the extraction of some modalities, without values that name another."""

    def matching(values: Sequence[str]) -> tuple[str, ...]:
        """Return the values for all modalities or for one of these."""
        parts = ((value, value.partition("=")) for value in values)
        return tuple(v for v, (m, mark, _) in parts if not mark or m in modalities)

    return replace(
        usual,
        modalities=tuple(modalities),
        layers=matching(usual.layers),
        pooling=matching(usual.pooling),
        revision=matching(usual.revision),
        encoders=matching(usual.encoders),
        other_checkpoints=matching(usual.other_checkpoints),
    )


def _report(say: Say, corpus: str, options: RunCommand) -> bool:
    """Print the table of a corpus, and return True if none of its runs is damaged."""
    contents = ReportContents(corpus=corpus, protocol=options.protocol or "")
    problems: list[str] = []
    tables = report_command.collect(options.runs, contents, damaged=problems.append)
    width = page_width(sys.stdout, WIDTH)
    for line in (
        report_command.render(tables, "text", width=width).rstrip("\n").split("\n")
    ):
        say(line)
    for sentence in problems:
        say(sentence)
    return not problems
