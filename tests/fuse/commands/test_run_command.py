"""The command run, from recordings to the table, with simulated fine-tuning."""

import dataclasses
import shutil

import own_runs
import pytest
import tunable_checkpoints
from cli_calls import call, error_sentence, parse_command
from own_runs import COUNT, DIVIDED, FOLDS, TINY, arguments, fine_tune
from trained_runs import file_contents

from affuse.data.cache import fold_encoders, store
from affuse.data.runs.run_predictions import read_run
from affuse.extract.commands import run_tuning
from affuse.fuse.commands import training_commands

SETTINGS = own_runs.SMALL


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """Write a table of six speakers with three utterances each."""
    return own_runs.write_table(tmp_path_factory.mktemp("corpus"))


def run(table, root, *words):
    return call("run", *arguments(table, root), *DIVIDED, *SETTINGS, *words)


@pytest.fixture
def tune(table, tmp_path, monkeypatch):
    """Simulate the fine-tuning; give the list of its calls."""
    asked = []

    def stand_in(say, options, design):
        asked.append((options, design))
        folder = tmp_path / "finetuned" / "own-early-speakers-12345678"
        return folder if folder.exists() else fine_tune(say, table, folder)

    monkeypatch.setattr(run_tuning, "tune", stand_in)
    return asked


def only(root):
    (found,) = (root / "runs").iterdir()
    return found


def test_run_extracts_trains_and_reports(table, tmp_path):
    done = run(table, tmp_path, "--fusion", "early", "--fusion", "ridge", *TINY)
    assert done.exit_code == 0, done.output
    steps = [
        line
        for line in done.stdout.splitlines()
        if line.startswith(("extracting", "training"))
    ]
    assert steps == ["extracting with frozen encoders", "training"]
    assert "next: " not in done.stdout
    lines = done.stdout.splitlines()
    assert [any(line.startswith(name) for line in lines) for name in ("early", "ridge")]
    again = run(table, tmp_path, "--fusion", "early", "--fusion", "ridge", *TINY)
    assert again.exit_code == 0
    assert again.stdout.count("nothing was left to encode") == 2
    first, second = (d.stdout.partition("\ntraining\n")[2] for d in (done, again))
    finished = "nothing to train; finished already: 6 models\n"
    assert second.count(finished) == 1
    assert second.replace(finished, "") == first


def test_run_trains_on_the_caches_that_it_extracted(table, tmp_path):
    words = ("--fusion", "text", "--modality", "text", *TINY)
    assert run(table, tmp_path, *words).exit_code == 0
    shutil.rmtree(tmp_path / "runs")
    assert run(table, tmp_path, *words, "--layers", "1").exit_code == 0
    assert read_run(only(tmp_path)).info.encoders["text"]["layers"] == [1]


def test_the_exit_status_is_1_if_a_recording_is_missing(table, tmp_path):
    shutil.copytree(table.parent, tmp_path / "corpus")
    (tmp_path / "corpus" / "wav" / "003.wav").write_bytes(b"RIFF")
    words = ("--fusion", "text", "--modality", "audio", "--modality", "text", *TINY)
    done = run(tmp_path / "corpus" / "own.csv", tmp_path, *words)
    assert done.exit_code == 1
    assert "003.wav" in done.stdout
    assert len(read_run(only(tmp_path)).predictions) == COUNT  # all have a transcript


def test_finetune_extracts_each_fold_with_its_own_encoders(table, tmp_path, tune):
    done = run(table, tmp_path, "--fusion", "ridge", "--fusion", "early", "--finetune")
    assert done.exit_code == 0, done.output
    assert [design for _, design in tune] == ["early"]
    assert "epochs=2" in tune[0][0].changes
    names = sorted(f"{place.name}" for place in (tmp_path / "finetuned").glob("*/*"))
    for name in names:
        assert f"extracting with the encoders of fold {name}" in done.stdout
    caches = list(store.find(tmp_path / "cache"))
    assert len(caches) == 2 * FOLDS
    assert len({c.recipe.weights for c in caches}) == 2 * FOLDS
    assert {fold_encoders.origin(c.recipe)["fold"] for c in caches} == set(names)
    runs = [read_run(path) for path in sorted((tmp_path / "runs").iterdir())]
    assert [r.info.design for r in runs] == ["early", "ridge"]
    for found in runs:
        assert sorted(set(found.predictions.fold)) == names
        assert len(set(found.predictions.id)) == COUNT
        assert "fine-tuned for each fold" in found.info.encoders["text"]["checkpoint"]


@pytest.mark.slow
def test_the_setting_of_jointly_trained_heads_does_not_reach_the_fine_tuning(
    table, tmp_path, tune
):
    words = ("--fusion", "early", "--finetune", "--set", "training=pretrain")
    done = run(table, tmp_path, *words)
    assert done.exit_code == 0, done.output
    assert read_run(only(tmp_path)).info.settings["training"] == "pretrain"


def test_an_interrupted_run_resumes(table, tmp_path, tune, monkeypatch):
    words = ("--fusion", "text", "--finetune")
    real, made = training_commands.train, []

    def interrupt(say, options):
        raise KeyboardInterrupt

    monkeypatch.setattr(training_commands, "train", interrupt)
    stopped = run(table, tmp_path, *words)
    assert stopped.exit_code == 130
    assert "repeat to go on" in stopped.stderr
    caches = file_contents(tmp_path / "cache")
    monkeypatch.setattr(training_commands, "train", real)
    done = run(table, tmp_path, *words)
    assert done.exit_code == 0, done.output
    assert done.stdout.count("nothing was left to encode") == FOLDS
    parts = {p: c for p, c in caches.items() if p.name.startswith("part-")}
    assert {p: file_contents(tmp_path / "cache")[p] for p in parts} == parts
    made.append(file_contents(only(tmp_path)))
    shutil.rmtree(tmp_path / "runs")
    assert run(table, tmp_path, *words).exit_code == 0
    assert file_contents(only(tmp_path)) == made[0]


def test_an_earlier_fine_tuning_is_used_with_finetuned(table, tmp_path):
    folder = fine_tune(print, table, tmp_path / "mine")
    words = ("--fusion", "audio", "--finetuned", folder, "--layers", "audio=1")
    done = run(table, tmp_path, *words)
    assert done.exit_code == 0, done.output
    caches = list(store.find(tmp_path / "cache"))
    assert [(c.recipe.modality, c.recipe.layers) for c in caches] == [
        ("audio", (1,)) for _ in range(FOLDS)
    ]


def test_finetune_without_a_network_is_refused(table, tmp_path, tune):
    done = run(table, tmp_path, "--fusion", "ridge", "--finetune")
    assert "--finetune trains encoders together with a network" in error_sentence(
        done, status=2
    )
    assert not (tmp_path / "cache").exists()


def test_shared_options_reach_the_fine_tuning(monkeypatch, tmp_path):
    asked = []

    def record(say, options):
        asked.append(options)
        return tmp_path

    monkeypatch.setattr("affuse.extract.commands.finetune_command.finetune", record)
    words = ["manifest", "x.csv", "--fusion", "early", "--folds", "4", "--seed", "7"]
    found = parse_command("run", *words, "--batch", "9", "--set", "training=pretrain")
    assert run_tuning.tune(print, found, "early") == tmp_path
    expected = parse_command("finetune", *words)
    run_tuning.tune(print, dataclasses.replace(found, experiment="paper"), "early")
    assert asked == [expected, dataclasses.replace(expected, experiment="paper")]


@pytest.mark.slow
def test_run_fine_tunes_encoders_without_simulation(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # fine-tuned encoders are written here
    table = tunable_checkpoints.table(tmp_path / "corpus")
    encoder = tunable_checkpoints.text(tmp_path / "text")
    words = ("--fusion", "text", "--text-checkpoint", encoder, "--finetune")
    done = call(
        "run", *arguments(table, tmp_path), "--protocol", "loso", *SETTINGS, *words
    )
    assert done.exit_code == 0, done.output
    run = read_run(only(tmp_path))
    assert sorted(set(run.predictions.fold)) == ["session1", "session2", "session3"]
    recipes = [c.recipe for c in store.find(tmp_path / "cache")]
    assert len(recipes) == 3
    # Some folds may keep the initial weights.
    assert len({r.weights for r in recipes}) > 1
    assert call("lint", run.path, "--cache", tmp_path / "cache").exit_code == 0
