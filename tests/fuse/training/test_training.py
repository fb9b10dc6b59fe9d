import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from learnable_corpus import COUNT, corpus, embeddings, labelled, reorder_rows
from locations import ROOT
from trained_runs import QUICK, file_contents, train_run

from affuse.data.cache.verification import verify
from affuse.data.errors import AffuseError
from affuse.data.runs.rater_table import read_raters
from affuse.data.runs.run_folder import ModelFolder, RunFolder
from affuse.data.runs.run_predictions import finished_runs, read_predictions, read_run
from affuse.data.system.csv_tables import read_rows
from affuse.data.system.work_log import read_work
from affuse.fuse import experiment_files as options
from affuse.fuse.commands import design_training
from affuse.fuse.commands.report_command import collect
from affuse.fuse.models import baselines
from affuse.fuse.models.trainable.design_registry import design_names
from affuse.fuse.scoring.metrics import ccc
from affuse.fuse.setting_scopes import recorded
from affuse.fuse.trained import model_files
from affuse.fuse.training import alignment
from affuse.fuse.training.failed_runs import explain_unfinished_run
from affuse.fuse.training.training_request import TrainingData, TrainingSetup

MODEL_FILES = (
    ModelFolder.weights,
    ModelFolder.description,
    ModelFolder.history,
    "predictions.csv",
)


def test_the_run_folder_records_utterances_that_share_a_recording(tmp_path):
    found = corpus()
    turns = tuple(
        dataclasses.replace(u, audio=Path(f"{u.dialogue}.wav"), span=(row % 10, None))
        for row, u in enumerate(found.utterances)
    )
    train_run(tmp_path, "ridge", found=dataclasses.replace(found, utterances=turns))
    (run,) = map(read_run, finished_runs(tmp_path))
    assert {row.recording for row in run.folds} == {f"u{d:02d}0" for d in range(30)}
    assert all(row.recording[:3] == row.id[:3] for row in run.folds)


def test_a_run_records_the_single_ratings_of_its_test_utterances(tmp_path):
    found = labelled(corpus())
    folder = train_run(tmp_path, "text", found=found, weighting="raters", epochs=1)
    tested = {row.id for row in read_run(folder).folds if row.part == "test"}
    raters = {u.id: u.raters for u in found.utterances if u.id in tested}
    assert read_raters(folder) == raters
    assert not verify(folder).problems
    (table,) = collect(tmp_path)
    assert [row.design for row in table.rows] == ["text", "one rater", "true opinion"]


def test_single_ratings_change_the_name_only_of_runs_that_they_weight(tmp_path):
    bare, rated = corpus(), labelled(corpus())
    first, *others = rated.utterances
    less = dataclasses.replace(first, raters=others[0].raters)
    changed = dataclasses.replace(rated, utterances=(less, *others))
    folder = train_run(tmp_path, "ridge", found=bare)
    assert read_raters(folder) == {}
    assert train_run(tmp_path, "ridge", found=rated) == folder
    assert read_raters(folder)  # the repeated command adds them to an older run
    weighted = [
        train_run(tmp_path, "text", found=x, weighting="raters", epochs=1).name
        for x in (rated, changed)
    ]
    assert weighted[0] != weighted[1]


@pytest.mark.parametrize("fusion", design_names())
def test_a_run_can_be_read_by_the_report(tmp_path, fusion):
    folder = train_run(tmp_path, fusion, protocol="loso")
    run = read_run(folder)
    assert run.info.design == fusion
    assert run.info.name == folder.name
    assert folder.name.startswith(f"toy-{fusion}-loso-")
    assert sorted(run.predictions.id) == [u.id for u in corpus().utterances]
    assert set(run.predictions.fold) == {f"session{k}" for k in range(1, 6)}
    assert (run.info.nature, run.info.protocol) == ("synthetic", "loso")
    assert [r.path for r in map(read_run, finished_runs(tmp_path))] == [folder]


@pytest.mark.parametrize("name", options.experiments())
def test_bundled_experiments_can_be_trained(tmp_path, name):
    folder = design_training.run(
        corpus(),
        embeddings(),
        fusion="late",
        settings=options.load(name),
        seeds=[0],
        runs=tmp_path,
        label=name,
        progress=False,
    )
    assert read_run(folder).info.label == name


def test_a_run_records_settings_parameters_and_history(tmp_path):
    folder = train_run(tmp_path, "text", seeds=[0, 4])
    info = read_run(folder).info
    assert list(info.encoders) == ["text"]
    assert info.encoders["text"]["checkpoint"] == "tiny"
    settings = dataclasses.replace(QUICK, protocol="session5-strict", map="none")
    assert options.load(folder / "settings.toml") == settings
    assert info.settings == recorded(settings)
    # autoencoder 7-16-8-16-7 and regressor 8-16-3, each with its biases
    expected = (7 * 16 + 16 + 16 * 8 + 8) + (8 * 16 + 16 + 16 * 7 + 7)
    assert info.parameters == expected + (8 * 16 + 16 + 16 * 3 + 3)
    history = read_rows(folder / ModelFolder.history, model_files.HISTORY_COLUMNS)
    assert [row[1] for _, row in history] == ["0"] * 4 + ["4"] * 4
    alignment = json.loads((folder / "alignment.json").read_text())
    assert alignment.pop("division")["protocol"] == "session5-strict"
    assert alignment == {"utterances": COUNT, "left_out": {}, "outside_scale": 0}
    assert file_contents(folder).keys() >= {
        Path("session5", f"seed-{seed}", name)
        for seed in (0, 4)
        for name in MODEL_FILES
    }


def test_a_trained_run_predicts_planted_ratings(tmp_path):
    folder = train_run(tmp_path, dropout=0.0, epochs=100)
    run = read_run(folder).predictions
    # noise of .3 beside a signal of about .9 a feature, averaged over 19 features
    assert min(ccc(run.truth[:, k], run.predicted[:, k]) for k in range(3)) > 0.85


def test_a_run_records_device_and_time_of_each_command_that_trained(tmp_path):
    folder = train_run(tmp_path, "text")
    train_run(tmp_path, "text")  # trains nothing, and adds no line
    train_run(tmp_path, "text", seeds=(0, 1, 2))
    first, second = read_work(RunFolder(folder).work).steps
    models = len(list(RunFolder(folder).models()))
    assert (first.amount, second.amount) == (models / 3, 2 * models / 3)
    assert (first.command, first.unit) == ("train", "models")
    assert first.device.endswith(("thread", "threads"))
    assert not verify(folder).problems
    assert not verify(folder).notes


def test_repeated_training_gives_equal_bytes(tmp_path):
    first = train_run(tmp_path / "a", seeds=[0, 1])
    second = train_run(tmp_path / "b", seeds=[0, 1])
    assert first.name == second.name
    assert file_contents(first) == file_contents(second)


def test_the_order_of_utterances_and_rows_does_not_matter(tmp_path):
    rng = np.random.default_rng(0)
    order = rng.permutation(COUNT)
    shuffled = dataclasses.replace(
        corpus(), utterances=tuple(corpus().utterances[row] for row in order)
    )
    caches = {
        m: reorder_rows(cache, rng.permutation(COUNT))
        for m, cache in reversed(embeddings().items())
    }
    first = train_run(tmp_path / "a")
    second = train_run(tmp_path / "b", found=shuffled, caches=caches)
    assert file_contents(first) == file_contents(second)


@pytest.mark.parametrize(
    ("fusion", "changes"),
    [
        ("late", {}),
        ("early", {"reduce": "pca"}),
        ("text", {"training": "pretrain", "pretrain_epochs": 3}),
        ("stacking", {}),
        ("early", {"layers": "weighted", "modality_dropout": 0.2}),
        ("text", {"ema": 0.9, "noise": 0.1, "mixup": 0.2, "auxiliary": "speaker:1"}),
        ("ridge", {}),
        ("svr", {}),
    ],
)
def test_test_rows_do_not_change_a_fitted_model(tmp_path, fusion, changes):
    clean = train_run(tmp_path / "a", fusion, **changes)
    test = {u.id for u in corpus().utterances if u.session == "5"}
    poisoned = dataclasses.replace(
        corpus(),
        utterances=tuple(
            dataclasses.replace(
                u, ratings=dict.fromkeys(u.ratings, 1e6 * (-1) ** int(u.id[1:]))
            )
            if u.id in test
            else u
            for u in corpus().utterances
        ),
    )
    caches = embeddings()
    for cache in caches.values():
        cache.values[[id_ in test for id_ in cache.ids]] = 1e6
    # what is said of such test rows is far outside the scale
    given = {"found": poisoned, "caches": caches, "allow": ["divergence"]}
    dirty = train_run(tmp_path / "b", fusion, **given, **changes)
    fitted = [
        f for f in file_contents(clean) if f.name in MODEL_FILES[:3] + ("history.csv",)
    ]
    assert len(fitted) == 4  # three of the unit, and the joined history
    for file in fitted:
        assert (clean / file).read_bytes() == (dirty / file).read_bytes()
    tables = [(folder / "predictions.csv").read_bytes() for folder in (clean, dirty)]
    assert tables[0] != tables[1]


def test_finished_models_are_not_trained_again(tmp_path, monkeypatch):
    folder = train_run(tmp_path, "text")
    before = file_contents(folder)
    monkeypatch.setattr(
        design_training, "fit_any_kind", None
    )  # would raise if it were called
    train_run(tmp_path, "text")
    assert file_contents(folder) == before


def test_failed_runs_are_distinguished_from_interrupted_runs(
    tmp_path, monkeypatch, caplog
):
    original = design_training.fit_any_kind

    def failing(jobs):
        yield from ((n, AffuseError(f"{job.where}: no")) for n, job in enumerate(jobs))

    monkeypatch.setattr(design_training, "fit_any_kind", failing)
    with pytest.raises(AffuseError, match=": no"):
        train_run(tmp_path, "text")
    (folder,) = tmp_path.iterdir()
    assert explain_unfinished_run(folder).startswith(
        "its training failed, and would fail again: text"
    )
    assert not verify(folder).problems
    monkeypatch.setattr(design_training, "fit_any_kind", original)
    train_run(tmp_path, "ridge")
    collect(tmp_path)
    assert f"not shown: {folder}; its training failed" in caplog.text
    train_run(tmp_path, "text")
    assert not (folder / RunFolder.failures).exists()
    assert (
        explain_unfinished_run(folder)
        == "its training was interrupted; repeat its train command"
    )
    assert not verify(folder).problems


def test_an_interrupted_run_resumes(tmp_path, monkeypatch):
    original, calls = design_training.fit_any_kind, []

    def interrupted(jobs):
        calls.append([job.where for job in jobs])
        for number, found in enumerate(original(jobs)):
            if number == 2 and len(calls) == 1:
                raise KeyboardInterrupt
            yield found

    monkeypatch.setattr(design_training, "fit_any_kind", interrupted)
    with pytest.raises(KeyboardInterrupt):
        train_run(tmp_path / "a", "text", protocol="loso")
    assert list(map(read_run, finished_runs(tmp_path / "a"))) == []
    folder = train_run(tmp_path / "a", "text", protocol="loso")
    assert [len(set(where)) for where in calls] == [5, 3]
    assert set(calls[1]) < set(calls[0])
    whole = train_run(tmp_path / "b", "text", protocol="loso")
    assert file_contents(folder) == file_contents(whole)


def test_more_seeds_extend_the_run(tmp_path):
    first = train_run(tmp_path / "a", "text", seeds=[1])
    train_run(tmp_path / "a", "text", seeds=[0, 1])
    whole = train_run(tmp_path / "b", "text", seeds=[0, 1])
    assert file_contents(first) == file_contents(whole)
    assert set(read_run(first).predictions.seed) == {0, 1}


def test_a_seed_that_lacks_a_fold_is_not_in_the_table(tmp_path):
    folder = train_run(tmp_path, "text", seeds=[0, 1], protocol="loso")
    (folder / "session3" / "seed-1" / "predictions.csv").unlink()
    train_run(tmp_path, "text", seeds=[0], protocol="loso")
    found = read_predictions(folder / "predictions.csv", ("valence",))
    assert set(found.seed) == {0}


@pytest.mark.slow
def test_two_processes_can_train_one_run(tmp_path):
    program = (
        "import sys; sys.path[:0] = ['tests/support', '.']; from pathlib import Path;"
        "import trained_runs; trained_runs.train_run(Path(sys.argv[1]), 'text',"
        "seeds=[int(s) for s in sys.argv[2]], protocol='loso')"
    )
    both = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(tmp_path / "a"), seeds],
            cwd=ROOT,
        )
        for seeds in ("01", "12")
    ]
    assert [process.wait() for process in both] == [0, 0]
    (folder,) = (tmp_path / "a").iterdir()
    whole = train_run(tmp_path / "b", "text", seeds=[0, 1, 2], protocol="loso")
    assert file_contents(folder).keys() == file_contents(whole).keys()
    assert set(read_run(folder).predictions.seed) == {0, 1, 2}


def test_the_name_of_a_run_depends_on_all_that_affects_its_models(tmp_path):
    released = list(corpus().utterances)
    released[0] = dataclasses.replace(
        released[0], ratings={**released[0].ratings, "valence": 1.5}
    )
    caches = embeddings()
    text = caches["text"]
    other = dataclasses.replace(
        text, recipe=dataclasses.replace(text.recipe, layers=(9,))
    )
    names = [
        train_run(tmp_path, "text", epochs=1, **changes).name
        for changes in (
            {},
            {"latent": 4},
            {"found": dataclasses.replace(corpus(), utterances=tuple(released))},
            {"caches": {**caches, "text": other}},
            {"caches": {**caches, "text": reorder_rows(text, range(1, COUNT))}},
        )
    ]
    assert len(set(names)) == len(names)
    stated = {"protocol": "session5-strict", "seeds": [9], "epochs": 1}
    assert train_run(tmp_path, "text", **stated).name == names[0]


def test_another_text_encoder_does_not_change_the_run_of_speech(tmp_path):
    caches = embeddings()
    text = caches["text"]
    other = dataclasses.replace(
        text, recipe=dataclasses.replace(text.recipe, layers=(9,))
    )
    first = train_run(tmp_path, "audio")
    assert train_run(tmp_path, "audio", caches={**caches, "text": other}) == first


def test_all_designs_use_the_same_utterances(tmp_path):
    caches = embeddings()
    caches["text"] = reorder_rows(caches["text"], range(10, COUNT))
    tables = [
        read_run(train_run(tmp_path, fusion, caches=caches)).folds
        for fusion in ("audio", "text", "early")
    ]
    assert tables[0] == tables[1] == tables[2]
    assert "u004" not in {row.id for row in tables[0]}


def test_a_corpus_without_dominance_is_trained_on_two_ratings(tmp_path):
    folder = train_run(tmp_path, "early", found=corpus(ratings=("valence", "arousal")))
    run = read_run(folder)
    assert run.info.targets == ("valence", "arousal")
    assert run.predictions.predicted.shape == (60, 2)


def test_baselines_have_one_seed(tmp_path):
    folder = train_run(tmp_path, "ridge", seeds=[3, 4])
    assert set(read_run(folder).predictions.seed) == {0}


@pytest.mark.parametrize(
    ("fusion", "modality", "sentence"),
    [
        ("late", "text", "needs audio embeddings, and there is only text"),
        ("zeroshot", "text", "needs audio embeddings, and there is only text"),
        ("lte", "text", "no design 'lte': choose from audio, cross"),
    ],
)
def test_missing_inputs_are_reported_before_files_are_written(
    tmp_path, fusion, modality, sentence
):
    caches = {modality: embeddings()[modality]}
    with pytest.raises(ValueError, match=sentence):
        train_run(tmp_path, fusion, caches=caches)
    assert list(tmp_path.iterdir()) == []


def test_zeroshot_without_a_head_is_refused_before_files_are_written(tmp_path):
    audio = dataclasses.replace(embeddings()["audio"], head=None)
    with pytest.raises(ValueError, match="extract audio with --head"):
        train_run(tmp_path, "zeroshot", caches={"audio": audio})
    assert list(tmp_path.iterdir()) == []


def test_left_out_utterances_are_reported(tmp_path):
    caches = embeddings()
    caches["text"] = reorder_rows(caches["text"], range(10, COUNT))
    released = list(corpus().utterances)
    ratings = {**released[20].ratings, "arousal": 5.5}
    released[20] = dataclasses.replace(released[20], ratings=ratings)
    found = dataclasses.replace(corpus(), utterances=tuple(released))
    folder = train_run(tmp_path, "ridge", found=found, caches=caches)
    expected = (
        "290 utterances; left out: 10 with no text embedding; "
        "a rating outside the scale: 1"
    )
    assert alignment.alignment_summary(folder) == expected
    with pytest.raises(FileNotFoundError, match="is not a run folder"):
        alignment.alignment_summary(tmp_path)


def test_a_failed_model_does_not_stop_other_models(tmp_path, monkeypatch):
    fit, fit_all = baselines.fit, design_training.fit_any_kind

    def broken(name, rows, validation, **how):
        if name == "pcaridge":
            raise AffuseError("no components")
        return fit(name, rows, validation, **how)

    def diverging(jobs):
        for number, found in fit_all(jobs):
            lost = jobs[number].where.startswith("early, fold session3")
            yield number, AffuseError("the loss is nan") if lost else found

    monkeypatch.setattr(baselines, "fit", broken)
    monkeypatch.setattr(design_training, "fit_any_kind", diverging)
    with pytest.raises(ValueError, match="pcaridge, fold .*: no components") as raised:
        design_training.run_all(
            TrainingData(corpus(), embeddings()),
            ["pcaridge", "early", "ridge"],
            TrainingSetup(
                settings=dataclasses.replace(QUICK, protocol="loso", epochs=1),
                seeds=[0],
                runs=tmp_path,
                progress=False,
            ),
        )
    assert "(and 5 more); all other models are finished" in str(raised.value)
    done = {r.info.design: r for r in map(read_run, finished_runs(tmp_path))}
    assert set(done) == {"ridge"}
    (early,) = tmp_path.glob("*-early-*")
    assert sorted(path.parts[-3] for path in early.glob("*/*/predictions.csv")) == [
        f"session{test}"
        for test in (1, 2, 4, 5)  # 4 validates the third
    ]


def test_no_seeds_and_no_embeddings_are_refused(tmp_path):
    with pytest.raises(ValueError, match="no seeds"):
        train_run(tmp_path, seeds=[])
    with pytest.raises(ValueError, match="ridge needs embeddings"):
        train_run(tmp_path, "ridge", caches={})


@pytest.mark.parametrize("name", ["model.safetensors", "model.json", "history.csv"])
@pytest.mark.parametrize("how", ["removed", "cut"])
def test_a_damaged_model_is_trained_again(tmp_path, caplog, name, how):
    folder = train_run(tmp_path, "text")
    before = file_contents(folder)
    path = next(folder.glob(f"*/seed-*/{name}"))
    path.unlink() if how == "removed" else path.write_bytes(path.read_bytes()[:20])
    train_run(tmp_path, "text")
    assert file_contents(folder) == before
    assert [
        r.message.endswith("training this model again") for r in caplog.records
    ] == [True]
