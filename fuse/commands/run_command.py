"""The run command: fine-tune, extract, train and report, each where it is not done yet.

Every step is the command of its name, which goes on where it was interrupted; so does
this one, if it is repeated.
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
from affuse.fuse.commands.requested_designs import needs, with_files
from affuse.fuse.reporting.blocks import WIDTH

Say = Callable[[str], object]


class Encode(Protocol):
    """Stage one."""

    def __call__(
        self, corpus: Corpus, options: Extract, say: Say
    ) -> tuple[int, Mapping[str, Path]]:
        """Problems that left something out, and the cache of each modality."""


Tune = Callable[[Say, RunCommand, str], Path]  # the last is the design


def run(say: Say, encode: Encode, tune: Tune, options: RunCommand) -> bool:
    """All steps from a corpus to its table.

    Args:
        say: told each line
        encode: as `affuse.extract.commands.extract_command.encode`
        tune: fine-tunes the encoders of every fold, and returns the run's folder
        options: of the command line

    Returns:
        whether nothing was left out

    Raises:
        AffuseError: as the steps
    """

    options = with_files(options)
    corpus = corpus_reading.read_aloud(say, options)

    def told(line: str) -> None:
        # what is next is done here; how columns were read is said once
        if not line.startswith(NEXT) and line not in corpus.reading:
            say(line)

    if options.finetune:
        say("fine-tuning an encoder for each fold")
        folder = tune(told, options, tuned_design(options.designs))
        options = replace(options, finetuned=folder)
    problems, named = 0, dict[str, str]()
    for words, extraction in _passes(corpus, options):
        say(f"extracting with {words}")
        count, made = encode(corpus, extraction, told)
        problems += count
        for modality, folder in made.items():  # of folds, any names its kind
            named.setdefault(modality, folder.name)
    say("training")
    shared = (FittingOptions, MemoryLimit, FinetunedFolder, CacheOption)
    command = Train.like(
        options,
        *shared,
        ComputeOptions,
        RunsFolder,
        corpus=corpus.name,
        **named_caches(named),
    )
    # the files of designs were run above
    training_commands.train(told, replace(command, design_files=()))
    return _report(say, corpus.name, options) and not problems


def tuned_design(wanted: Sequence[str]) -> str:
    """The design that encoders are fine-tuned with: the first that is trained by steps.

    Raises:
        AffuseError: if there is none
    """
    known = plugins.names(DESIGN_KIND)
    found = [name for name in wanted if name in known]
    if not found:
        raise OptionError(
            f"--finetune trains encoders together with a design, and "
            f"{', '.join(wanted)} is none; add --fusion early, say"
        )
    return found[0]


def _passes(corpus: Corpus, options: RunCommand) -> Iterator[tuple[str, Extract]]:
    """Each extraction that is needed, in words and as a command."""
    wanted = options.modalities or needs(options.designs)
    folds = fold_encoders.folds(options.finetuned) if options.finetuned else {}
    tuned = {modality for paths in folds.values() for modality in paths}
    usual = Extract.like(options, CorpusSource, EncodingOptions)
    for fold, encoders in folds.items():
        paths = {m: path for m, path in encoders.items() if m in wanted}
        if paths:
            command = replace(_own(usual, tuple(paths)), **checkpoints(paths))
            yield (
                f"the encoders of fold {fold}",
                replace(command, revision=(), head=False),
            )
    rest = tuple(available(corpus, [m for m in wanted if m not in tuned]))
    if rest:
        yield "frozen encoders", _own(usual, rest)


def _own(usual: Extract, modalities: Sequence[str]) -> Extract:
    """Return the extraction of some modalities, without values that name another."""

    def meant(values: Sequence[str]) -> tuple[str, ...]:
        parts = ((value, value.partition("=")) for value in values)
        return tuple(v for v, (m, mark, _) in parts if not mark or m in modalities)

    return replace(
        usual,
        modalities=tuple(modalities),
        layers=meant(usual.layers),
        pooling=meant(usual.pooling),
        revision=meant(usual.revision),
        encoders=meant(usual.encoders),
        other_checkpoints=meant(usual.other_checkpoints),
    )


def _report(say: Say, corpus: str, options: RunCommand) -> bool:
    """Print the table of the corpus; whether no run of it is damaged."""
    wanted = ReportContents(corpus=corpus, protocol=options.protocol or "")
    problems: list[str] = []
    tables = report_command.collect(options.runs, wanted, damaged=problems.append)
    width = page_width(sys.stdout, WIDTH)
    for line in (
        report_command.render(tables, "text", width=width).rstrip("\n").split("\n")
    ):
        say(line)
    for sentence in problems:
        say(sentence)
    return not problems
