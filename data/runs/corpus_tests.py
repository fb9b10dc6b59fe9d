"""Predictions of a run's models for test corpora, which took no part in its training.

``tests/CORPUS`` in a run folder holds one test corpus:

=================== ===================================================================
``test.json``       `CorpusTest`: corpus, kind of its ratings, and what was left out
``folds.csv``       the scored utterances, all in the test part of the fold ``tests``
``predictions.csv`` one row per fold, seed and scored utterance, as in the run folder;
                    the fold is that of the model, which predicts every utterance
``SHA256SUMS``      digests of these files; the manifest of the run lists it
=================== ===================================================================
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from affuse.data.errors import AffuseError, DamagedFileError
from affuse.data.rating_scales import RATINGS
from affuse.data.records import NATURES, check_name
from affuse.data.runs.fold_table import FoldRow, read_folds, write_folds
from affuse.data.runs.run_folder import CORPUS_TESTS, CorpusTestFolder, RunFolder
from affuse.data.runs.run_information import RunInfo
from affuse.data.runs.run_predictions import (
    Predictions,
    Run,
    read_predictions,
    write_predictions,
)
from affuse.data.system import digests
from affuse.data.system.atomic_files import publish
from affuse.data.system.documents import read_json
from affuse.data.system.schema import ListOf, MapOf, OneOf, Record, Text, Whole

ADVICE = "remove its folder, and repeat the train command with --test-corpus"
DIGEST = Text(64, least=1)
KIND = Record(
    {
        "corpus": Text(200, least=1),
        "nature": OneOf(NATURES),
        "targets": ListOf(OneOf(RATINGS), most=len(RATINGS), least=1),
        "models": MapOf(DIGEST, most=100_000),
        "identity": DIGEST,
        "utterances": Whole(),
        "left_out": MapOf(Whole(), most=1_000),
    },
    {"notes": ListOf(Text(10_000), most=1_000)},
)


@dataclass(frozen=True)
class CorpusTest:
    """Facts on the test of a run's models with one corpus.

    Attributes:
        corpus: its name
        nature: kind of its ratings, one of `affuse.data.records.NATURES`
        targets: ratings that the run predicts and the corpus has
        models: {folder of a model, relative to the run: digest of its manifest}
        identity: digest of the inputs, the ratings and the rules that left some out
        utterances: number of utterances of the corpus
        left_out: {reason: number of utterances that are not scored}
        notes: sentences for the report
    """

    corpus: str
    nature: str
    targets: tuple[str, ...]
    models: Mapping[str, str]
    identity: str
    utterances: int
    left_out: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class CorpusTestRun:
    """Run whose test part is a test corpus, in each of its folds, with the facts."""

    facts: CorpusTest
    run: Run


def write_corpus_test(
    run: Path,
    info: RunInfo,
    facts: CorpusTest,
    rows: Sequence[FoldRow],
    predictions: Predictions,
) -> None:
    """Write the folder of a test corpus, and list it in the manifest of the run.

    Args:
        run: folder of the run
        info: description of the run
        facts: on the test
        rows: a row for each scored utterance; the fold is not used
        predictions: a row for each model and scored utterance

    Raises:
        AffuseError: if a folder is a link, which may lead anywhere
    """
    folder = RunFolder(run).corpus_test(facts.corpus)
    for path in (folder.path.parent, folder.path):
        if path.is_symlink():
            raise AffuseError(
                f"{path} is a link, and nothing is written through links; remove it"
            )
    folder.path.mkdir(parents=True, exist_ok=True)
    listed = [str(folder.manifest.relative_to(run))]
    info = replace(info, targets=facts.targets)
    with digests.rewrite_files(folder.path, CorpusTestFolder.files()):
        write_folds(folder.path, [replace(row, fold=CORPUS_TESTS) for row in rows])
        write_predictions(folder.predictions, predictions, info)
        content = json.dumps(asdict(facts), indent=1, sort_keys=True) + "\n"
        publish(folder.facts, content.encode())
    digests.list_files(run, listed)


def read_facts(folder: CorpusTestFolder) -> CorpusTest:
    """Return the facts on a test.

    Args:
        folder: of the test corpus in the run

    Raises:
        FileNotFoundError: if the corpus was not tested
        DamagedFileError: if the file is damaged, or is of another corpus
    """
    values = read_json(folder.facts, KIND, advice=ADVICE)
    tuples = {name: tuple(values.get(name, ())) for name in ("targets", "notes")}
    facts = CorpusTest(**{**values, **tuples})
    try:
        check_name(facts.corpus)
    except AffuseError as error:
        raise DamagedFileError(f"{folder.facts}: {error}; {ADVICE}") from error
    if facts.corpus != folder.path.name:
        raise DamagedFileError(
            f"{folder.facts} is a test with '{facts.corpus}', in the folder of "
            f"'{folder.path.name}'; {ADVICE}"
        )
    return facts


def read_corpus_tests(run: Run) -> tuple[CorpusTestRun, ...]:
    """Return the tests of a run with each test corpus, sorted by name.

    The folds of each are those of the models, and all have the same test part.

    Args:
        run: finished run

    Raises:
        DamagedFileError: if a file is damaged, or models predict different utterances
    """
    return tuple(_read(run, folder) for folder in RunFolder(run.path).corpus_tests())


def _read(run: Run, folder: CorpusTestFolder) -> CorpusTestRun:
    """Return the test of a run with one corpus."""
    facts = read_facts(folder)
    if lost := sorted({*facts.targets} - {*run.info.targets}):
        raise DamagedFileError(
            f"{folder.facts} has {lost[0]}, which the run does not predict; {ADVICE}"
        )
    try:
        predictions = read_predictions(folder.predictions, facts.targets)
        rows = read_folds(folder.path)
    except FileNotFoundError as error:
        raise DamagedFileError(f"{error}; {ADVICE}") from error
    _demand_same_rows(folder.predictions, predictions, rows)
    info = replace(run.info, targets=facts.targets)
    folds = tuple(
        replace(row, fold=fold)
        for fold in sorted({*predictions.fold.tolist()})
        for row in rows
    )
    return CorpusTestRun(facts, Run(run.path, info, predictions, folds))


def _demand_same_rows(
    path: Path, predictions: Predictions, rows: Sequence[FoldRow]
) -> None:
    """Raise an error unless each model predicts each utterance, of one rating."""
    expected = {row.id for row in rows if row.part == "test"}
    models: dict[tuple[str, int], dict[str, bytes]] = {}
    p = predictions
    for fold, seed, id_, truth in zip(
        p.fold.tolist(), p.seed.tolist(), p.id.tolist(), p.truth, strict=True
    ):
        models.setdefault((fold, seed), {})[id_] = truth.tobytes()
    first = next(iter(models.values()), {})
    if first.keys() != expected or any(each != first for each in models.values()):
        raise DamagedFileError(
            f"{path}: the models were scored on different utterances or ratings, or "
            f"{CorpusTestFolder.utterances} beside it has others; {ADVICE}"
        )
