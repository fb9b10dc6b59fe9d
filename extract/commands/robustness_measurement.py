"""Measurement of `robustness`: encodes degraded inputs, and scores a run on them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
import torch

from affuse.data.cache import provenance
from affuse.data.errors import AffuseError, OptionError
from affuse.data.options.extraction_options import Extract
from affuse.data.options.robustness_options import Robustness
from affuse.data.options.source_options import CorpusSource
from affuse.data.reading import corpus_checks, corpus_reading
from affuse.data.records import Corpus, Problem
from affuse.data.runs.run_predictions import Run, read_run
from affuse.extract.commands.degraded_inputs import InputEncoding, encode_conditions
from affuse.extract.commands.robustness_conditions import (
    ChosenConditions,
    ConditionScope,
    choose_conditions,
)
from affuse.extract.encoding.choices import Machine
from affuse.fuse.inputs.fold_embeddings import ALL_FOLDS
from affuse.fuse.inputs.input_selection import Shown, find_caches, select_for_run
from affuse.fuse.models.design_files import use_run_files
from affuse.fuse.reporting import robustness_table
from affuse.fuse.robustness import kept_conditions
from affuse.fuse.robustness.condition_scores import (
    RobustnessTask,
    demand_clean_predictions,
    score_conditions,
)
from affuse.fuse.trained import prediction
from affuse.fuse.wording import count

Say = Callable[..., object]
Taken = Mapping[str, Mapping[str, Sequence[Shown]]]  # {fold: {modality: caches}}


def measure_robustness(options: Robustness, say: Say) -> int:
    """Measure a run on degraded inputs, and write the table.

    Args:
        options: of the command line
        say: prints a line, with ``err=True`` beside the table

    Returns:
        number of inputs, utterances and conditions that were left out

    Raises:
        FileNotFoundError: if the run is not finished, or there is no cache or corpus
        AffuseError: if the corpus, an encoder or the run cannot be used
        OptionError: if a condition cannot be measured
    """
    use_run_files(options.run, options.design_files)
    run = _read_run(options)
    options = replace(options, corpus=run.info.corpus)
    recipes = prediction.recipes(options.run)
    taken = find_caches(options, recipes)
    sources = select_for_run(options, recipes)
    call = _call(taken)
    conditions = _choose(options, run, taken, call)
    ids = _limited(run, options.limit)
    encoding = InputEncoding(
        options=options,
        run=run,
        taken=taken,
        clean=sources.fold_embeddings or {ALL_FOLDS: sources.embeddings},
        corpus=_read_corpus(options, call, ids),
        ids=ids,
        machine=_machine(options, call),
    )
    device = encoding.machine.device
    demand_clean_predictions(RobustnessTask(run, encoding.clean, ids, device))
    encoded = encode_conditions(encoding, conditions)
    problems = [*dict.fromkeys(encoded.problems)]
    remarks = [*conditions.remarks, *encoded.remarks]
    for line in (*corpus_checks.problem_lines(problems), *remarks):
        say(line, err=True)
    task = RobustnessTask(run, encoding.clean, encoded.ids, device)
    result = score_conditions(task, encoded.degraded)
    result = replace(result, notes=(*result.notes, *remarks, *_named(problems)))
    stored = kept_conditions.store(options.run, result)
    with options.open_output() as output:
        output.write(robustness_table.render(result, options.form))
    say(stored, err=True)
    return len(problems) + len(encoded.remarks)


def _read_run(options: Robustness) -> Run:
    """Return the run, which must be of one corpus.

    Raises:
        AffuseError: if it was trained on several corpora together
        OptionError: if the user names another corpus
    """
    run = read_run(options.run)
    if run.info.members:
        names = ", ".join(member.name for member in run.info.members)
        raise AffuseError(
            f"{options.run} was trained on several corpora together ({names}), and "
            f"robustness reads the recordings of one; train a run on one of them"
        )
    if options.corpus not in ("", run.info.corpus):
        raise OptionError(
            f"--corpus {options.corpus}: {options.run} was trained and is tested on "
            f"'{run.info.corpus}'; leave it out"
        )
    return run


def _call(taken: Taken) -> Extract:
    """Return the command that read the corpus, which the caches of a run recorded.

    Raises:
        AffuseError: if no cache recorded it
    """
    folders = [
        cache.path
        for by_modality in taken.values()
        for shown in by_modality.values()
        for cache, _ in shown
    ]
    calls = filter(None, map(provenance.load_if_readable, dict.fromkeys(folders)))
    call = next(calls, None)
    if call is None:
        raise AffuseError(
            f"{folders[0]} does not say how its corpus was read, because the file "
            f"{provenance.path(folders[0]).name} beside it is missing or damaged; "
            f"repeat its extract command, which writes the file and encodes nothing "
            f"again"
        )
    return call


def _choose(
    options: Robustness, run: Run, taken: Taken, call: Extract
) -> ChosenConditions:
    """Return the conditions to measure."""
    first = next(iter(taken.values()))
    texts = first.get("text", ())
    scope = ConditionScope(
        modalities=tuple(first),
        trained_on=texts[0][0].recipe.transcripts if texts else "",
        cache=options.cache,
        corpus=run.info.corpus,
        source=_source(options, call),
    )
    return choose_conditions(options.conditions, scope)


def _source(options: Robustness, call: Extract) -> CorpusSource:
    """Return the options that read the corpus, with the folders that the user names."""
    return CorpusSource.from_command(
        call,
        CorpusSource,
        root=options.root or call.root,
        recordings=options.recordings or call.recordings,
    )


def _read_corpus(options: Robustness, call: Extract, ids: frozenset[str]) -> Corpus:
    """Return the corpus with the name that it has in the cache.

    Raises:
        AffuseError: if it has none of the utterances to score
    """
    source = _source(options, call)
    corpus = corpus_reading.read(source)
    if not any(u.id in ids for u in corpus.utterances):
        raise AffuseError(
            f"{corpus.root} has none of the {count(len(ids), 'test utterance')} of "
            f"{options.run}, such as '{min(ids)}'; name the folder of the corpus: "
            f"{replace(options, root=None)} ROOT"
        )
    return replace(corpus, name=options.corpus)


def _machine(options: Robustness, call: Extract) -> Machine:
    """Return device and resources; a bar of all conditions replaces those of each."""
    machine = Machine.of(options, progress=False)
    torch.set_num_threads(machine.threads)
    return replace(machine, batch=options.batch, longest=call.max_seconds)


def _limited(run: Run, limit: int | None) -> frozenset[str]:
    """Return the ids of the test utterances to score, evenly spaced over the folds."""
    p = run.predictions
    pairs = sorted({*zip(p.fold.tolist(), p.id.tolist(), strict=True)})
    ids = list(dict.fromkeys(id_ for _, id_ in pairs))
    if limit is None or limit >= len(ids):
        return frozenset(ids)
    places = np.linspace(0, len(ids) - 1, limit).round().astype(int)
    return frozenset(ids[place] for place in places)


def _named(problems: Sequence[Problem]) -> Iterator[str]:
    """Yield the sentence of the table on inputs that could not be encoded."""
    if problems:
        first = problems[0]
        yield (
            f"{count(len(problems), 'input')} could not be encoded, the first "
            f"'{first.id}' ({first.file}): {first.reason}"
        )
