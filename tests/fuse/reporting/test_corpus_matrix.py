"""Matrix of training sets and test corpora in all formats of a report."""

import csv
import dataclasses
import io
import json

import numpy as np
import pytest
from report_runs import info_of, save

from affuse.data.records import Member
from affuse.data.runs.corpus_tests import (
    CorpusTest,
    read_corpus_tests,
    write_corpus_test,
)
from affuse.data.runs.fold_table import FoldRow, read_folds, write_folds
from affuse.data.runs.run_folder import RunFolder
from affuse.data.runs.run_predictions import (
    Predictions,
    read_run,
    write_predictions,
)
from affuse.fuse.commands.report_command import collect, render
from affuse.fuse.reporting import matrix_tests
from affuse.fuse.reporting.matrix_records import MatrixTable
from affuse.fuse.reporting.table_records import kind_of_ratings
from affuse.fuse.scoring.corpus_scores import estimate_test_corpus

SIZE = 40


def add_test(
    run,
    corpus="emodb",
    nature="proxy",
    *,
    targets=None,
    gain=0.5,
    seed=3,
    left=0,
    **facts,
):
    """Write predictions of a run's models for a corpus of 40 utterances.

    Args:
        gain: of the predictions; noise lowers their CCC the more, the lower it is
        left: number of utterances that are left out
    """
    info = read_run(run).info
    targets = targets or info.targets
    truth = np.random.default_rng(2).normal(0, 0.4, (SIZE, len(targets)))
    noise = np.random.default_rng(3).normal(0, 0.2, truth.shape)
    ids = [f"{corpus}{k:02d}" for k in range(SIZE)]
    predicted = Predictions(
        id=np.array(ids),
        fold=np.repeat("5", SIZE),
        seed=np.zeros(SIZE, int),
        truth=truth,
        predicted=gain * truth + noise,
    )
    if left:
        fields = ("id", "fold", "seed", "truth", "predicted")
        kept = {name: getattr(predicted, name)[left:] for name in fields}
        predicted, ids = dataclasses.replace(predicted, **kept), ids[left:]
    rows = [FoldRow("", "test", i, f"s{k % 8}") for k, i in enumerate(ids)]
    values = {"models": {}, "identity": "0", "utterances": SIZE, **facts}
    test = CorpusTest(corpus=corpus, nature=nature, targets=tuple(targets), **values)
    write_corpus_test(run, info, test, rows, predicted)


@pytest.fixture
def runs(tmp_path):
    """Two runs of one corpus, of which one is tested with another corpus."""
    for design, gain in {"late": 0.9, "text": 0.5}.items():
        save(tmp_path, info_of(design), gain=gain)
    add_test(tmp_path / info_of("late").name)
    return tmp_path


def matrix_of(runs):
    table = collect(runs)[-1]
    assert isinstance(table, MatrixTable)
    return table


def test_there_is_no_matrix_without_a_test_corpus(tmp_path):
    save(tmp_path, info_of("late"))
    save(tmp_path, info_of("late", name="b-late-loso-1", corpus="b", protocol="loso"))
    tables = collect(tmp_path)
    assert len(tables) == 2
    assert not any(isinstance(table, MatrixTable) for table in tables)


def test_the_diagonal_is_the_figure_of_the_table(runs):
    table, matrix = collect(runs)
    by_design = {row.info.design: row for row in matrix.rows_of_matrix}
    for row in table.rows:
        if row.info:
            cell = by_design[row.design].cells["iemocap"]
            assert cell.within
            assert cell.estimate == row.sections["all"]
    assert not by_design["late"].cells["emodb"].within
    assert "emodb" not in by_design["text"].cells


def test_every_row_and_column_states_the_kind_of_ratings(runs):
    matrix = matrix_of(runs)
    assert [column.name for column in matrix.columns_of_matrix] == [
        "iemocap (human)",
        "emodb (proxy)",
    ]
    assert {row.name for row in matrix.rows_of_matrix} == {
        "iemocap (human), session5: late",
        "iemocap (human), session5: text",
    }
    assert matrix.nature == "proxy"
    assert any(note.startswith("emodb: Proxy ratings") for note in matrix.notes)


@pytest.mark.parametrize("form", ["text", "markdown", "latex"])
def test_formats_for_readers_show_a_block_for_each_rating(runs, form):
    text = render(collect(runs), form)
    _, _, matrix = text.partition("CCC by training set and test corpus")
    for heading in ("mean CCC of the ratings", "CCC of valence", "test utterances"):
        assert heading in matrix
    line = next(x for x in matrix.splitlines() if "session5: late" in x)
    assert " cv" in line
    assert line.count(".") == 6  # two figures with intervals


def test_csv_has_a_line_for_each_cell(runs):
    lines = csv.DictReader(io.StringIO(render(collect(runs), "csv")))
    cells = [line for line in lines if line["section"] == "matrix"]
    places = [(c["design"], c["test_corpus"], c["cross_validated"]) for c in cells]
    assert sorted(places) == [
        ("late", "emodb", "no"),
        ("late", "iemocap", "yes"),
        ("text", "iemocap", "yes"),
    ]
    tested = next(c for c in cells if c["test_corpus"] == "emodb")
    assert (tested["nature"], tested["test_nature"]) == ("human", "proxy")
    assert (tested["utterances"], tested["resampled"], tested["clusters"]) == (
        "40",
        "speaker",
        "8",
    )
    assert float(tested["mean_low"]) < float(tested["mean"])


def test_json_has_the_matrix_beside_the_tables(runs):
    *tables, last = json.loads(render(collect(runs), "json"))["tables"]
    assert all("matrix" not in table for table in tables)
    assert last["matrix"]["columns"][1] == {"corpus": "emodb", "nature": "proxy"}
    cells = {row["design"]: row["cells"] for row in last["matrix"]["rows"]}
    assert cells["late"]["emodb"]["cross_validated"] is False
    assert 0 < cells["late"]["emodb"]["ccc"]["mean"]["value"] < 1


def test_footnotes_count_what_is_left_out_and_repeat_notes(tmp_path):
    save(tmp_path, info_of("late"))
    left_out = {"a recording that is in training or validation": 3}
    facts = {"left_out": left_out, "utterances": 43, "notes": ("emodb lacks it",)}
    add_test(tmp_path / info_of("late").name, **facts)
    notes = matrix_of(tmp_path).notes
    assert (
        "emodb, predicted by models of iemocap: 40 of 43 utterances; left out: 3 "
        "utterances with a recording that is in training or validation"
    ) in notes
    assert "emodb lacks it" in notes
    assert "95 % intervals over 8 speakers of emodb, and over seeds" in " ".join(notes)


def test_a_test_of_other_models_is_named(tmp_path):
    save(tmp_path, info_of("late"))
    add_test(tmp_path / info_of("late").name, models={"5/seed-0": "00"})
    assert any(
        "repeat the train command with --test-corpus emodb" in note
        for note in matrix_of(tmp_path).notes
    )


def test_a_rating_that_the_test_corpus_lacks_has_no_figure(tmp_path):
    save(tmp_path, info_of("late"))
    add_test(tmp_path / info_of("late").name, targets=("valence", "arousal"))
    text = render(collect(tmp_path), "markdown")
    _, _, block = text.partition("CCC of dominance")
    line = next(x for x in block.splitlines() if "session5: late" in x)
    assert line.endswith(" cv |  |")


def test_a_damaged_test_is_named_and_the_rest_is_shown(runs):
    folder = RunFolder(runs / info_of("late").name).corpus_test("emodb")
    folder.facts.write_text("{}")
    problems = []
    tables = collect(runs, damaged=problems.append)
    assert len(tables) == 1
    assert problems[0].startswith("damaged, so not in the matrix: ")


def test_joint_training_sets_have_a_column_for_each_corpus(tmp_path):
    members = (Member("a", "human", (1.0, 5.0)), Member("b", "synthetic", (1.0, 9.0)))
    info = info_of(
        "late",
        name="a+b-late-speakers-0",
        corpus="a+b",
        protocol="speakers",
        nature="synthetic",
        members=members,
    )
    save(tmp_path, info)
    run = read_run(tmp_path / info.name)
    named = {
        i: f"{'ab'[k % 2]}/{i}" for k, i in enumerate(sorted({*run.predictions.id}))
    }
    ids = np.array([named[i] for i in run.predictions.id.tolist()])
    found = dataclasses.replace(run.predictions, id=ids)
    write_predictions(run.path / "predictions.csv", found, info)
    rows = [
        dataclasses.replace(r, id=named.get(r.id, r.id)) for r in read_folds(run.path)
    ]
    write_folds(run.path, rows)
    table, matrix = collect(tmp_path)
    assert table.title == (
        "CCC on a+b (partly synthetic data: b; partly human ratings: a), protocol "
        "speakers"
    )
    (row,) = matrix.rows_of_matrix
    assert row.name == "a (human) + b (synthetic), speakers: late"
    assert {n: (c.within, c.estimate.utterances) for n, c in row.cells.items()} == {
        "a": (True, 20),
        "b": (True, 20),
    }
    ids = {*row.cells["a"].scored.predictions.id.tolist()}
    assert ids == {i.removeprefix("a/") for i in named.values() if i[:2] == "a/"}


def test_kinds_of_ratings_are_never_hidden():
    members = [Member(n, n, None) for n in ("human", "proxy", "synthetic")]
    assert kind_of_ratings("synthetic", members) == (
        "partly synthetic data: synthetic; partly proxy ratings: proxy; "
        "partly human ratings: human"
    )
    assert kind_of_ratings("proxy", members[1:2] * 2) == "proxy ratings"


def trained_on(root, corpus, *, design="late", **changes):
    """Write a run of a training corpus and return its folder."""
    info = info_of(design, name=f"{corpus}-{design}", corpus=corpus, **changes)
    save(root, info)
    return root / info.name


def cells_of(root, corpus="emodb"):
    return {r.info.name: r.cells[corpus] for r in matrix_of(root).rows_of_matrix}


def test_rows_of_a_column_are_compared_with_its_best_row(tmp_path):
    for corpus, gain in {"a": 0.9, "b": 0.1, "c": 0.9}.items():
        add_test(trained_on(tmp_path, corpus), gain=gain)
    cells = cells_of(tmp_path)
    assert cells["a-late"].versus is None
    versus = {name: cells[name].versus for name in ("b-late", "c-late")}
    assert {each.name for each in versus.values()} == {"a (human), session5: late"}
    worse = versus["b-late"]
    assert (worse.verdict, worse.mark) == ("worse", "\N{DAGGER}")
    gap = cells["b-late"].estimate.mean.value - cells["a-late"].estimate.mean.value
    assert worse.difference.value == pytest.approx(gap, abs=1e-9)
    assert worse.adjusted == pytest.approx(min(1, 2 * worse.p))  # of two comparisons
    assert versus["c-late"].verdict == "not told apart"
    text = render(collect(tmp_path), "markdown")
    line = next(x for x in text.splitlines() if x.startswith("| b (human)"))
    assert line.count("\N{DAGGER}") == 1
    assert "adjusted by Holm over 2 comparisons" in text


def test_programs_read_the_comparisons_of_a_matrix(tmp_path):
    for corpus, gain in {"a": 0.9, "b": 0.1}.items():
        add_test(trained_on(tmp_path, corpus), gain=gain)
    lines = csv.DictReader(io.StringIO(render(collect(tmp_path), "csv")))
    found = {
        line["run"]: line
        for line in lines
        if line["section"] == "matrix" and line["test_corpus"] == "emodb"
    }
    assert found["b-late"]["versus"] == "a (human), session5: late"
    assert found["b-late"]["verdict"] == "worse"
    assert float(found["b-late"]["p_holm"]) < 0.05
    assert found["a-late"]["versus"] == ""
    matrix = json.loads(render(collect(tmp_path), "json"))["tables"][-1]["matrix"]
    cells = {row["run"]: row["cells"]["emodb"] for row in matrix["rows"]}
    assert cells["b-late"]["versus"]["verdict"] == "worse"
    assert cells["a-late"]["versus"] is None


def test_rows_on_other_utterances_designs_or_settings_are_not_compared(tmp_path):
    add_test(trained_on(tmp_path, "a"), gain=0.9)
    add_test(trained_on(tmp_path, "b"), gain=0.1, left=3)
    add_test(trained_on(tmp_path, "c", design="text"), gain=0.1)
    settings = {**info_of("late").settings, "epochs": 1234}
    add_test(trained_on(tmp_path, "d", settings=settings), gain=0.1)
    assert {cell.versus for cell in cells_of(tmp_path).values()} == {None}
    notes = " ".join(matrix_of(tmp_path).notes)
    assert matrix_tests.NOT_COMPARED in notes
    assert "because they were scored on other utterances or ratings: 1" in notes
    assert "because their settings differ: 1" in notes


def test_each_model_of_a_test_counts_as_a_seed(tmp_path):
    folder = trained_on(tmp_path, "a")
    add_test(folder)
    (test,) = read_corpus_tests(read_run(folder))
    p = test.run.predictions
    several = dataclasses.replace(
        p,
        id=np.tile(p.id, 4),
        fold=np.repeat(["1", "1", "2", "2"], SIZE),
        seed=np.repeat([0, 1, 0, 1], SIZE),
        truth=np.tile(p.truth, (4, 1)),
        predicted=np.concatenate([p.predicted * k for k in (0.4, 0.6, 0.8, 1.0)]),
    )
    rows = tuple(
        dataclasses.replace(row, fold=fold)
        for fold in ("1", "2")
        for row in test.run.folds
    )
    run = dataclasses.replace(test.run, predictions=several, folds=rows)
    pooled = matrix_tests.pool_models(run)
    assert {*pooled.predictions.seed.tolist()} == {0, 1, 2, 3}
    assert len(pooled.folds) == SIZE
    for each in (run, pooled):
        value = estimate_test_corpus(each).mean.value
        assert value == pytest.approx(estimate_test_corpus(run).mean.value)
