"""Test of finished runs with other corpora, after training.

The saved models of a run predict every utterance of a test corpus that no training or
validation part contains. Choices such as early stopping were made before, on the
validation parts of the training corpus. A test that was made is not repeated.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from affuse.data.cache import corpus_table
from affuse.data.corpus_naming import corpus_names
from affuse.data.errors import OptionError
from affuse.data.options.run_options import RunInput
from affuse.data.options.training_options import Train
from affuse.data.records import Corpus
from affuse.data.runs.corpus_tests import write_corpus_test
from affuse.data.runs.fold_table import read_folds
from affuse.fuse.commands import training_overlap
from affuse.fuse.commands.corpus_predictions import (
    fold_rows,
    notes,
    split_off_scored,
    stack_models,
)
from affuse.fuse.commands.corpus_test_task import (
    CorpusTesting,
    CorpusTestTask,
    is_done,
    lacking_modalities,
    plan_task,
)
from affuse.fuse.commands.encoder_overlap import doubts, find_seen_by_encoders
from affuse.fuse.commands.seen_utterances import (
    KeyedCorpus,
    count_reasons,
    find_seen,
    first_reasons,
)
from affuse.fuse.commands.training_overlap import TRAINING_PARTS
from affuse.fuse.inputs import input_selection, omissions
from affuse.fuse.inputs.fold_embeddings import ALL_FOLDS
from affuse.fuse.inputs.input_selection import Sources
from affuse.fuse.linting.gathering import gather_test_corpus
from affuse.fuse.trained import prediction
from affuse.fuse.wording import count

Say = Callable[[str], object]
log = logging.getLogger(__name__)


def demand_test_corpora(options: Train, sources: Sources) -> None:
    """Raise an error if a test corpus cannot be used, before anything is trained.

    Args:
        options: of the command line
        sources: the training corpus and its embeddings

    Raises:
        OptionError: if a test corpus is a training corpus
        AffuseError: if it is not cached, or its embeddings have other recipes
    """
    folds = sources.fold_embeddings or {ALL_FOLDS: sources.embeddings}
    recipes = {f: {m: e.recipe for m, e in each.items()} for f, each in folds.items()}
    for name in options.test_corpus:
        if name in corpus_names(sources.corpus.name):
            raise OptionError(
                f"--test-corpus {name} is a training corpus; the report shows its "
                f"cross-validated result, so leave the option out"
            )
        chosen = RunInput(run=options.runs, cache=options.cache, corpus=name)
        input_selection.find_caches(chosen, recipes, options)


def predict_test_corpora(
    options: Train, folders: Mapping[str, Path], sources: Sources, device: str, say: Say
) -> None:
    """Predict each test corpus with the models of each run, unless that was done.

    Args:
        options: of the command line
        folders: {design: folder of its run}
        sources: the training corpus and its embeddings
        device: that computes the predictions
        say: prints a line

    Raises:
        AffuseError: if no utterance of a test corpus is left to score
    """
    if not options.test_corpus:
        return
    trained = _keyed(sources.corpus, options.cache)
    for name in dict.fromkeys(options.test_corpus):
        tested = _keyed(corpus_table.load(options.cache, name), options.cache)
        testing = CorpusTesting(options, tested, trained, device)
        for design, folder in folders.items():
            if words := _predict(testing, folder):
                say(f"{design}, tested with {name}: {words}")


def _keyed(corpus: Corpus, cache: Path) -> KeyedCorpus:
    """Return a corpus with the keys of its utterances."""
    return KeyedCorpus(corpus, training_overlap.collect_keys(corpus, cache))


def _predict(testing: CorpusTesting, run: Path) -> str:
    """Predict a test corpus with one run; return a phrase, "" if it is impossible."""
    task = plan_task(testing, run)
    if lacking := lacking_modalities(testing, task):
        log.warning("%s", lacking)
        return ""
    if is_done(run, task.facts):
        return "finished already"
    sources = input_selection.select_for_run(testing.input(run), task.recipes)
    applied = prediction.predict(
        run,
        sources.embeddings,
        fold_embeddings=sources.fold_embeddings,
        device=testing.device,
    )
    seen, doubtful = _find_seen(testing, task, sources)
    scored, left_out = split_off_scored(task.rated, applied, seen)
    sentences = (*doubtful, *notes(testing.tested, scored, applied, task.facts.targets))
    for sentence in sentences:
        log.warning("%s", sentence)
    facts = replace(task.facts, left_out=left_out, notes=sentences)
    write_corpus_test(
        run,
        task.info,
        facts,
        list(fold_rows(task.rated.utterances, scored)),
        stack_models(applied, task.rated, scored, facts.targets),
    )
    omitted = "; ".join(omissions.sentences(left_out))
    return f"{count(len(scored), 'utterance')}; {omitted}".removesuffix("; ")


def _find_seen(
    testing: CorpusTesting, task: CorpusTestTask, sources: Sources
) -> tuple[dict[str, str], tuple[str, ...]]:
    """Return utterances that affected the models or encoders, and sentences.

    Returns:
        {id: one of `affuse.fuse.commands.seen_utterances.REASONS`}, without rules that
        may fail; and sentences on those, and on corpora that this one may be
    """
    rows = read_folds(task.run)
    used = sorted({row.id for row in rows if row.part in TRAINING_PARTS})
    found = find_seen(testing.tested, testing.trained, used)
    by_fold = sources.fold_embeddings or {ALL_FOLDS: sources.embeddings}
    caches = [cache for each in by_fold.values() for cache in each.values()]
    evidence = gather_test_corpus(task.run, task.recipes, sources.corpus, caches)
    for id_ in find_seen_by_encoders(evidence):
        found.setdefault(id_, set()).add("encoders")
    seen = first_reasons(found, without=testing.options.allow)
    allowed = {id_: rules for id_, rules in found.items() if id_ not in seen}
    name = testing.tested.corpus.name
    said = (
        f"{count(number, 'utterance')} of {name} scored in spite of {reason}, "
        f"because --allow was given"
        for reason, number in count_reasons(first_reasons(allowed)).items()
    )
    return seen, (*doubts(evidence), *said)
