"""The commands train, sweep and ablate on a small corpus in memory."""

import dataclasses

import pytest
from fusion_calls import QUICK, call, train
from fusion_calls import caches as caches
from learnable_corpus import COUNT, reorder_rows

from affuse.data.runs.run_predictions import finished_runs, read_run
from affuse.data.system.progress import _Bar
from affuse.fuse.commands.requested_designs import expand_designs, needed_modalities

WEIGHTED = ("--set", "layers=weighted")


def test_match_parameters_gives_designs_of_similar_size(tmp_path, caches):
    words = ("--fusion", "early", "--fusion", "gated", "--fusion", "ridge")
    done = train(tmp_path, *words, "--match-parameters", 3000)
    assert done.exit_code == 0, done.output
    found = {r.info.design: r.info for r in map(read_run, finished_runs(tmp_path))}
    assert found["early"].settings["hidden"] != found["gated"].settings["hidden"]
    for name in ("early", "gated"):
        size = found[name].parameters
        assert size == pytest.approx(3000, rel=0.02)
        hidden = found[name].settings["hidden"]
        assert f"{name}: hidden={hidden} gives {size:,} parameters" in done.output
    assert found["ridge"].parameters == 19 * 3 + 3  # ridge has no hidden units


def test_an_impossible_size_is_refused_before_training(tmp_path, caches):
    words = ("--fusion", "text", "--fusion", "early", "--match-parameters", 300)
    done = train(tmp_path, *words)
    assert done.exit_code == 2
    assert "early cannot have about 300 parameters" in done.stderr
    assert not list(tmp_path.iterdir())


def test_train_prints_the_layer_weights(tmp_path, caches):
    done = train(tmp_path, "--fusion", "early", *WEIGHTED)
    assert done.exit_code == 0, done.output
    assert "early: mean weights of layers: valence audio" in done.output


def test_a_repeated_command_says_that_nothing_is_trained(tmp_path, caches):
    designs = ("early,text", "early,text", "early,audio")
    first, again, more = (train(tmp_path, "--fusion", names) for names in designs)
    sentence = "nothing to train; finished already: 2 models"
    assert sentence in again.stdout.splitlines()
    assert "nothing to train" not in first.output + more.output


def test_the_progress_bar_shows_the_validation_ccc(tmp_path, caches, monkeypatch):
    told = []
    monkeypatch.setattr(_Bar, "set_postfix_str", lambda bar, words: told.append(words))
    assert train(tmp_path, "--fusion", "text").exit_code == 0
    assert told
    assert all(": validation CCC " in words for words in told)


def test_weighted_layers_need_a_cache_of_several_layers(tmp_path, caches):
    audio = caches["audio"]
    recipe = dataclasses.replace(audio.recipe, layers=(1,))
    caches["audio"] = dataclasses.replace(
        audio, recipe=recipe, values=audio.values[:, :1]
    )
    done = train(tmp_path, "--fusion", "early", *WEIGHTED)
    assert done.exit_code == 2
    assert "extract again with --layers all" in done.stderr
    assert not list(tmp_path.iterdir())


def test_sweep_refuses_weighted_layers_on_a_single_layer(tmp_path, caches):
    for modality, found in caches.items():
        recipe = dataclasses.replace(found.recipe, layers=(1,))
        values = found.values[:, :1]
        caches[modality] = dataclasses.replace(found, recipe=recipe, values=values)
    words = ("--fusion", "text", "--grid", "layers=concat,weighted")
    done = call("sweep", *words, *QUICK, "--sweeps", tmp_path)
    assert done.exit_code == 2
    assert "extract again with --layers all" in done.stderr
    assert not list(tmp_path.iterdir())


def test_sweep_has_no_option_match_parameters(caches):
    words = ("--fusion", "text", "--grid", "latent=4,8", "--match-parameters", 3000)
    done = call("sweep", *words)
    assert done.exit_code == 2
    assert "No such option" in done.stderr


@pytest.mark.parametrize("words", [("train",), ("sweep", "--grid", "latent=4,8")])
def test_an_unknown_design_is_refused_before_caches_are_read(tmp_path, words):
    done = call(*words, "--fusion", "erly", "--cache", tmp_path)
    assert done.exit_code == 2
    assert "no fusion 'erly': choose from audio, crossattention" in done.stderr


def test_designs_that_are_named_beside_all_are_kept():
    assert expand_designs(["all", "early"], ["text"], head=False)[-2:] == [
        "early",
        "text",
    ]
    assert "zeroshot" in expand_designs(["all", "zeroshot"], ["text"], head=False)
    assert expand_designs(["text", "text"], ["text"], head=False) == ["text"]


def test_ablate_prints_the_contribution_of_each_modality(tmp_path, caches):
    train(tmp_path, "--fusion", "experts")
    (run,) = tmp_path.iterdir()
    done = call("ablate", run, "--seed", 3, "--threads", 1)
    assert done.exit_code == 0, done.output
    lines = done.output.splitlines()
    assert [line[:14].strip() for line in lines[2:7]] == [
        "audio and text",
        "audio only",
        "text only",
        "audio permuted",
        "text permuted",
    ]
    assert lines[7].endswith("seed 3")


@pytest.mark.parametrize(
    ("fusion", "said", "rows"),
    [
        ("experts", "7 utterances are predicted from audio alone", COUNT),
        ("early", "left out: 7 utterances with no text embedding", COUNT - 7),
    ],
)
def test_predict_names_utterances_that_lack_a_modality(
    tmp_path, caches, caplog, fusion, said, rows
):
    train(tmp_path, "--fusion", fusion)
    (run,) = tmp_path.iterdir()
    caches["text"] = reorder_rows(caches["text"], range(7, COUNT))
    done = call("predict", run, "--threads", 1)
    assert done.exit_code == 0, done.output
    assert done.stdout.count("\n") == 1 + rows
    table = tmp_path / "a.csv"
    written = call("predict", run, "--threads", 1, "--output", table)
    assert written.stdout == f"{table}: predictions of {rows} of {COUNT} utterances\n"
    assert table.read_text(encoding="utf-8") == done.stdout
    del caplog.records[2:]
    told = [record.getMessage() for record in caplog.records]
    assert [said in words for words in told] == [True, False]
    assert "were in the training or validation part of the one model" in told[1]


@pytest.mark.parametrize("name", ["ablate", "calibrate"])
def test_several_runs_for_one_are_named(tmp_path, name):
    folders = [tmp_path / "a", tmp_path / "b"]
    for folder in folders:
        folder.mkdir()
    done = call(name, *folders)
    assert done.exit_code == 2
    said = " ".join(done.stderr.split())
    assert f"{name} takes one run; choose one of {folders[0]}, {folders[1]}" in said
    done = call(name, folders[0], "demo")
    assert done.exit_code == 2
    assert "Got unexpected extra argument (demo)" in done.stderr


def test_late_fusion_designs_need_both_modalities():
    assert needed_modalities(["lateccc"]) == ("audio", "text")
    only = expand_designs(["all"], ["text"], head=False)
    assert "text" in only
    assert not {"latemean", "lateccc", "stacking", "experts"} & set(only)
