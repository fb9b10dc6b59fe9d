"""Plan of the test of a run with another corpus, before anything is predicted.

This decides whether a run can be tested, and whether that was done before.
"""

import hashlib
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from affuse.data.cache import store, verification
from affuse.data.cache.recipe import Recipe
from affuse.data.errors import AffuseError
from affuse.data.options.run_options import RunInput
from affuse.data.options.training_options import Train
from affuse.data.runs.corpus_tests import CorpusTest, read_facts
from affuse.data.runs.run_folder import RunFolder
from affuse.data.runs.run_information import RunInfo, read_info
from affuse.data.system import digests
from affuse.fuse.commands.corpus_predictions import (
    common_targets,
    rated_utterances,
)
from affuse.fuse.commands.seen_utterances import KeyedCorpus
from affuse.fuse.inputs import omissions
from affuse.fuse.inputs.tensors import AlignedCorpus
from affuse.fuse.settings import Settings
from affuse.fuse.trained import prediction
from affuse.fuse.trained.model_folders import models_in_manifest

FORMAT = 1  # of a test; raise it when equal inputs give other predictions or omissions
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class CorpusTesting:
    """Test corpus and training set of a command, with their keys."""

    options: Train
    tested: KeyedCorpus
    trained: KeyedCorpus
    device: str

    def input(self, run: Path) -> RunInput:
        """Return the options that select the caches of the test corpus for a run."""
        name = self.tested.corpus.name
        return RunInput(run=run, cache=self.options.cache, corpus=name)


@dataclass(frozen=True)
class CorpusTestTask:
    """Run that is tested with one corpus, before anything is predicted."""

    run: Path
    info: RunInfo
    recipes: Mapping[str, Mapping[str, Recipe]]  # {fold: {modality: recipe}}
    rated: AlignedCorpus  # utterances of the test corpus, without features
    facts: CorpusTest  # without what is left out


def plan_task(testing: CorpusTesting, run: Path) -> CorpusTestTask:
    """Return what is known of a test before anything is predicted."""
    info, corpus = read_info(run), testing.tested.corpus
    recipes = prediction.recipes(run)
    policy = str(info.settings.get("out_of_range", Settings.out_of_range))
    rated = rated_utterances(corpus, policy)
    models = {
        str(folder.relative_to(run)): digest
        for folder, digest in models_in_manifest(run).items()
    }
    facts = CorpusTest(
        corpus=corpus.name,
        nature=corpus.nature,
        targets=common_targets(info.targets, rated),
        models=models,
        identity=_identity(testing, recipes, rated),
        utterances=len(corpus.utterances),
    )
    return CorpusTestTask(run, info, recipes, rated, facts)


def _identity(
    testing: CorpusTesting,
    recipes: Mapping[str, Mapping[str, Recipe]],
    rated: AlignedCorpus,
) -> str:
    """Return a digest of the inputs and ratings of a test corpus, and of its rules."""
    caches = store.find(testing.options.cache, testing.tested.corpus.name)
    facts = {
        "format": FORMAT,
        "recipes": {
            f: {m: r.digest() for m, r in by.items()} for f, by in recipes.items()
        },
        "contents": sorted({c.recipe.content for c in caches}),
        "ids": rated.ids,
        "truth": hashlib.sha256(rated.truth.tobytes()).hexdigest(),
        "allow": sorted({*testing.options.allow}),
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]


def lacking_modalities(testing: CorpusTesting, task: CorpusTestTask) -> str:
    """Return a sentence if the corpus lacks a modality that the models need, or ""."""
    name = testing.tested.corpus.name
    cached = {c.recipe.modality for c in store.find(testing.options.cache, name)}
    needed = {m for by_name in task.recipes.values() for m in by_name}
    lacking = sorted(needed - cached)
    if not lacking or (needed & cached and prediction.load_run(task.run).robust):
        return ""
    return (
        f"{task.info.design} is not tested with {name}, which has no "
        f"{' and no '.join(lacking)} embeddings; extract them, or test "
        f"{omissions.runs_without(cached)}"
    )


def is_done(run: Path, facts: CorpusTest) -> bool:
    """Return True if the same models were tested with the same utterances before."""
    folder = RunFolder(run).corpus_test(facts.corpus)
    try:
        earlier = read_facts(folder)
        damaged = list(verification.faults(folder.path))
    except (OSError, AffuseError) as error:
        if not isinstance(error, FileNotFoundError):
            log.warning("%s; testing again", error)
        return False
    same = (earlier.identity, earlier.models) == (facts.identity, facts.models)
    listed = str(folder.manifest.relative_to(run)) in digests.read_or_empty(run)
    return same and listed and not damaged
