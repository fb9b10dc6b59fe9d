"""Footnotes of the matrix of training sets and test corpora."""

from collections.abc import Iterator, Mapping, Sequence

from affuse.data.runs.corpus_tests import CorpusTestRun
from affuse.data.runs.run_predictions import Run
from affuse.fuse.inputs import omissions
from affuse.fuse.reporting.footnotes import NATURES
from affuse.fuse.reporting.matrix_records import MatrixColumn, MatrixRow
from affuse.fuse.trained.model_folders import models_in_manifest
from affuse.fuse.wording import count

WITHIN = "cv"  # mark of a cross-validated cell


def notes(
    rows: Sequence[MatrixRow],
    columns: Sequence[MatrixColumn],
    runs: Sequence[Run],
    tests: Mapping[str, Sequence[CorpusTestRun]],
    comparisons: Sequence[str],
) -> Iterator[str]:
    """Yield the footnotes of a matrix, each once.

    Args:
        rows: of the matrix
        columns: of the matrix
        runs: of the rows
        tests: {name of a run: its tests}
        comparisons: sentences on the comparisons of rows
    """
    yield (
        f"{WITHIN}: cross-validated on the test parts of the training set, as in its "
        f"table. Any other figure is the mean CCC of all models of the run, each of "
        f"which predicts the whole test corpus; it is no ensemble"
    )
    yield from comparisons
    if len({column.nature for column in columns}) > 1:
        yield "The kinds of ratings differ by corpus"
    for column in columns:
        if sentence := NATURES[column.nature]:
            yield f"{column.corpus}: {sentence}"
    yield from _units(rows)
    pairs = [(run, test) for run in runs for test in tests[run.info.name]]
    yield from dict.fromkeys(_omitted(run, test) for run, test in pairs)
    yield from dict.fromkeys(note for _, test in pairs for note in test.facts.notes)
    for run, test in pairs:
        models = {
            str(path.relative_to(run.path)) for path in models_in_manifest(run.path)
        }
        if models != {*test.facts.models}:
            yield (
                f"{run.info.name} has {count(len(models), 'model')}, of which "
                f"{len(models & {*test.facts.models})} predicted {test.facts.corpus}; "
                f"repeat the train command with --test-corpus {test.facts.corpus}"
            )


def _units(rows: Sequence[MatrixRow]) -> Iterator[str]:
    """Yield the footnote on the intervals of each test corpus."""
    units: dict[str, set[str]] = {}
    for row in rows:
        for corpus, cell in row.cells.items():
            if not cell.within:
                words = count(cell.estimate.clusters, cell.estimate.unit)
                units.setdefault(corpus, set()).add(words)
    if units:
        each = ", ".join(
            f"{' or '.join(sorted(words))} of {corpus}"
            for corpus, words in units.items()
        )
        yield f"95 % intervals over {each}, and over seeds if there are several"


def _omitted(run: Run, test: CorpusTestRun) -> str:
    """Return the footnote on the utterances of a test corpus that are not scored."""
    scored = len({*test.run.predictions.id.tolist()})
    facts = test.facts
    words = "; ".join(omissions.sentences(facts.left_out))
    return (
        f"{facts.corpus}, predicted by models of {run.info.corpus}: {scored:,} of "
        f"{count(facts.utterances, 'utterance')}{'; ' * bool(words)}{words}"
    )
