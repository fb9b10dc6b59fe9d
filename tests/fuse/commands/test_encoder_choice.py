"""Training on some of what is cached, and on several encoders of one modality."""

import dataclasses
import json
import shutil

import encoder_caches
import numpy as np
import pytest
from cli_calls import call, error_sentence
from encoder_caches import QUICK, model, narrowed, train, where, wide
from learnable_corpus import reorder_rows

import affuse
from affuse.data.cache import joined_recipe
from affuse.data.cache.embedding_views import join
from affuse.data.errors import OptionError
from affuse.data.runs.run_information import read_info
from affuse.data.runs.run_predictions import read_run
from affuse.fuse.commands.cache_remarks import demand_layers
from affuse.fuse.models.trainable.design_registry import design_names
from affuse.fuse.settings import Settings
from affuse.fuse.trained.layer_weight_files import average_weights

BOTH = ("--audio", "one", "--audio", "two")
NARROW = (
    *("--set", "layers=audio=0,2,text=last"),
    *("--set", "pooling=audio=mean,text=mean+std"),
)


@pytest.fixture
def root(tmp_path):
    encoder_caches.write_all(tmp_path / "cache")
    return tmp_path


def contents(run, name="predictions.csv"):
    return (run / name).read_bytes()


def narrow_root(root):
    """Write the caches of the narrow extraction that `NARROW` takes of wide ones."""
    encoder_caches.write(
        root / "cache",
        narrowed(wide("audio", "one"), (0, 2), "mean"),
        narrowed(wide("text", "bert"), (2,), "mean+std"),
    )
    return root


def predictions(run, cache, *words):
    done = call("predict", run, "--cache", cache, *words)
    assert done.exit_code == 0, done.output
    return done.stdout


@pytest.mark.parametrize("design", ["early", "ridge"])
def test_a_narrowed_run_equals_one_on_a_narrow_extraction(root, tmp_path, design):
    run, said = train(root, "--audio", "one", *NARROW, "--fusion", design)
    assert (
        "one layers 0,1,2, mean+std, float32  60 utterances, of which layers 0,2, m"
        in said
    )
    assert (
        "bert layers 0,1,2, mean+std, float32  60 utterances, of which layers 2\n"
        in said
    )
    small = narrow_root(tmp_path / "small")
    other, said = train(small, "--fusion", design, "--set", "pooling=mean+std")
    assert "of which" not in said
    assert contents(run) == contents(other)
    first, second = (json.loads(contents(model(r), "model.json")) for r in (run, other))
    assert first["recipes"] == second["recipes"]
    assert read_info(run).encoders == read_info(other).encoders
    # each run predicts from either cache
    caches = root / "cache", small / "cache"
    assert len({predictions(r, c) for r in (run, other) for c in caches}) == 1


def test_a_narrow_and_a_wide_cache_of_one_encoder_are_one_choice(root):
    encoder_caches.write(root / "cache", narrowed(wide("text", "bert"), (1,), "mean"))
    both = ("--set", "layers=1", "--set", "pooling=mean+std")
    run, said = train(root, "--fusion", "text", *both)
    assert (
        "bert layers 0,1,2, mean+std, float32  60 utterances, of which layers 1\n"
        in said
    )
    assert read_info(run).encoders["text"]["layers"] == [1]
    linted = call("lint", run, "--cache", root / "cache")
    assert linted.exit_code == 0, linted.output
    shutil.rmtree(root / "cache" / "toy" / wide("text", "bert").recipe.folder())
    again = call("lint", run, "--cache", root / "cache")
    assert "missing" in again.output


def test_a_layer_that_no_cache_holds_is_refused(root):
    typed = ("--audio", "two", "--fusion", "audio", "--set", "layers=2")
    failed = call("train", *where(root), *QUICK, *typed)
    sentence = "audio cache of two has no layer 2, only 0, 1; choose from these"
    assert sentence in error_sentence(failed, status=2)


def test_the_order_of_the_encoders_does_not_matter(root):
    run, said = train(root, *BOTH, "--fusion", "early")
    assert [line.split()[4] for line in said.splitlines()[:3]] == ["one", "two", "bert"]
    turned = ("--audio", "two", "--audio", "one")
    done = call("train", *where(root), *QUICK, *turned, "--fusion", "early")
    assert done.exit_code == 0, done.output
    assert list((root / "runs").iterdir()) == [run]
    record = read_info(run).encoders["audio"]
    assert record["checkpoint"] == "one + two"
    assert [each["layers"] for each in record["encoders"]] == [[0, 1, 2], [0, 1]]


def test_layers_and_pooling_are_chosen_for_each_encoder(root, tmp_path):
    chosen = (
        *("--set", "layers=audio:one=0,2,audio:two=last,text=1"),
        *("--set", "pooling=mean,audio:two=mean+std"),
    )
    run, said = train(root, *BOTH, *chosen, "--fusion", "early")
    assert (
        "one layers 0,1,2, mean+std, float32  60 utterances, of which layers 0,2, m"
        in said
    )
    assert (
        "two layers 0,1, mean+std, float32  60 utterances, of which layers 1\n" in said
    )
    narrow = tmp_path / "narrow"
    encoder_caches.write(
        narrow / "cache",
        narrowed(wide("audio", "one"), (0, 2), "mean"),
        narrowed(wide("audio", "two"), (1,), "mean+std"),
        narrowed(wide("text", "bert"), (1,), "mean"),
    )
    other, said = train(narrow, *BOTH, "--fusion", "early")
    assert "of which" not in said
    assert run.name.rpartition("-")[0] == other.name.rpartition("-")[0]
    assert contents(run) == contents(other)
    demand_equal_predictions(run, root / "cache")
    demand_equal_predictions(run, narrow / "cache")
    members = read_info(run).encoders["audio"]["encoders"]
    assert [(each["layers"], each["pooling"]) for each in members] == [
        ([0, 2], "mean"),
        ([1], "mean+std"),
    ]


def test_a_layer_of_one_encoder_alone_is_no_error_of_the_other(root):
    failed = call(
        *("train", *where(root), *QUICK, *BOTH, "--fusion", "audio"),
        *("--set", "layers=0,2"),
    )
    sentence = "audio cache of two has no layer 2, only 0, 1; choose from these for "
    assert f"{sentence}this encoder alone, as in audio:two=1" in error_sentence(
        failed, status=2
    )
    run, _ = train(root, *BOTH, "--fusion", "audio", "--set", "layers=0,2,audio:two=1")
    members = read_info(run).encoders["audio"]["encoders"]
    assert [each["layers"] for each in members] == [[0, 2], [1]]


def test_an_unknown_encoder_in_a_choice_is_refused(root):
    typed = (*BOTH, "--fusion", "early", "--set", "layers=audio:three=0")
    failed = call("train", *where(root), *QUICK, *typed)
    sentence = (
        "no audio encoder of this command is called 'three'; choose from one, two"
    )
    assert sentence in error_sentence(failed, status=2)


def test_one_cache_is_not_named_twice(root):
    typed = ("--audio", "one", "--audio", "one", "--fusion", "audio")
    failed = call("train", *where(root), *QUICK, *typed)
    sentence = "--audio one and --audio one name the same cache"
    assert sentence in error_sentence(failed, status=2)


def train_several(root, names, *words):
    """Train designs on both audio encoders; return the run of each."""
    fusions = [word for name in names for word in ("--fusion", name)]
    short = ("--set", "epochs=1")
    done = call("train", *where(root), *QUICK, *short, *BOTH, *fusions, *words)
    assert done.exit_code == 0, done.output
    return {read_info(run).design: run for run in (root / "runs").iterdir()}


def demand_equal_predictions(run, cache):
    """Compare the predictions that a training wrote with those of `predict`."""
    written = read_run(run).predictions
    (row,) = [line for line in predictions(run, cache).splitlines() if "u059" in line]
    expected = written.predicted[written.id == "u059"][0]
    found = [float(cell) for cell in row.split(",")[1:4]]
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_all_designs_train_and_predict_on_joined_encoders(root):
    names = sorted(name for name in design_names() if name != "zeroshot")
    runs = train_several(root, names)
    assert sorted(runs) == names
    for name in ("crossattention", "svr", "stacking"):
        demand_equal_predictions(runs[name], root / "cache")
    assert average_weights(runs["early"]) == {}


def test_layers_are_mixed_within_each_encoder(root):
    runs = train_several(root, ["early", "tensor"], "--set", "layers=weighted")
    for run in runs.values():
        demand_equal_predictions(run, root / "cache")
        means = average_weights(run)
        assert {name for _, name in means} == {"audio one", "audio two", "text"}
        for (_, name), weights in means.items():
            assert sorted(weights) == list(range(2 if name == "audio two" else 3))
            assert sum(weights.values()) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize(
    "words",
    [
        ("--set", "training=pretrain"),
        ("--set", "layers=last", "--set", "reduce=pca"),
    ],
)
def test_lint_and_ablate_accept_a_run_of_joined_encoders(root, words):
    run, _ = train(root, *BOTH, "--fusion", "early", *words)
    linted = call("lint", run, "--cache", root / "cache")
    assert linted.exit_code == 0, linted.output
    assert "missing" not in linted.output
    ablated = call("ablate", run, "--cache", root / "cache")
    assert ablated.exit_code == 0, ablated.output
    assert (
        len(predictions(run, root / "cache").splitlines()) == encoder_caches.COUNT + 1
    )


def test_scratch_files_change_no_prediction(root):
    run, _ = train(root, *BOTH, "--fusion", "early")
    other = root / "runs" / "other"
    mapped = call(
        *("train", "--cache", root / "cache", "--runs", other, *QUICK, *BOTH),
        *("--fusion", "early", "--memory", "0.00001"),
    )
    assert mapped.exit_code == 0, mapped.output
    assert contents(run) == contents(other / run.name)


def test_an_utterance_must_be_in_both_caches(root, tmp_path):
    cache = tmp_path / "cache2"
    second = reorder_rows(wide("audio", "two"), range(encoder_caches.COUNT - 1, 2, -1))
    encoder_caches.write(cache, wide("audio", "one"), second)
    data = affuse.load_dataset(
        "toy", cache=cache, audio=["two", "one"], modalities="audio"
    )
    assert data.ids[0] == "u003"
    assert dict(data.left_out) == {"no audio embedding": 3}
    expected = [
        wide("audio", name).values[3:].reshape(encoder_caches.COUNT - 3, -1)
        for name in ("one", "two")
    ]
    np.testing.assert_array_equal(data.X, np.concatenate(expected, axis=1))


def test_a_data_set_has_the_chosen_features(root):
    data = affuse.load_dataset(
        "toy",
        cache=root / "cache",
        audio=["one", "two"],
        features=affuse.FeatureChoice(
            layers="audio=last,audio:two=0,text=0,1", pooling="text=mean"
        ),
    )
    one, two, text = (wide(*name).values for name in encoder_caches.SHAPES)
    np.testing.assert_array_equal(
        data.features["audio"], np.concatenate([one[:, 2], two[:, 0]], axis=1)
    )
    np.testing.assert_array_equal(
        data.features["text"], text[:, :2, :3].reshape(len(text), -1)
    )
    assert data.columns == {"audio": 18, "text": 6}
    names = [(r.checkpoint, r.layers, r.pooling) for r in data.encoders["audio"]]
    assert names == [("one", (2,), "mean+std"), ("two", (0,), "mean+std")]
    assert "audio of one + two (" in repr(data)
    model = affuse.FusionRegressor("audio", columns=data.columns, epochs=1, latent=2)
    assert model.fit(data.X, data.y).predict(data.X).shape == data.y.shape


def test_encoders_of_a_notebook_are_joined_too(root):
    runs = affuse.train_designs(
        "audio",
        audio=["two", "one"],
        cache=root / "cache",
        runs=root / "runs",
        seeds=1,
        changes=["epochs=1", "layers=1"],
    )
    record = read_info(runs["audio"]).encoders["audio"]
    assert [each["checkpoint"] for each in record["encoders"]] == ["one", "two"]
    assert [each["layers"] for each in record["encoders"]] == [[1], [1]]


def test_one_sweep_takes_one_choice_of_layers(root, monkeypatch):
    monkeypatch.chdir(root)
    start = ("sweep", *where(root), "--threads", 1, *BOTH, "--fusion", "audio")
    quick = ("--set", "epochs=1", "--set", "latent=2")
    done = call(*start, *quick, "--set", "layers=0,1", "--grid", "hidden=2,4")
    assert done.exit_code == 0, done.output
    assert "of which layers 0,1" in done.output
    assert done.output.rstrip().endswith(f"--threads 1 --runs {root / 'runs'}")
    assert "--audio one --audio two" in done.output
    for grid in ("layers=0,1", "pooling=mean,mean+std"):
        failed = call(*start, *quick, "--grid", grid)
        assert "one sweep takes one choice" in error_sentence(failed, status=2)


def test_the_report_names_all_encoders_in_every_format(root):
    train(root, *BOTH, "--fusion", "audio", "--set", "layers=1")
    words = "one, layer 1, mean+std pooling + two, layer 1, mean+std pooling"
    for form in ("text", "csv", "markdown", "latex"):
        shown = call("report", "--runs", root / "runs", "--format", form)
        plain = " ".join(shown.stdout.replace("\\", "").split())
        assert words in plain, shown.output
    shown = call("report", "--runs", root / "runs", "--format", "json")
    assert '"checkpoint": "one + two"' in shown.stdout


def test_an_error_names_the_encoder_that_a_run_lacks(root, tmp_path):
    run, _ = train(root, *BOTH, "--fusion", "audio")
    other = wide("audio", "two", dtype="bfloat16")
    cache = tmp_path / "other"
    encoder_caches.write(cache, wide("audio", "one"), other)
    sentence = error_sentence(call("predict", run, "--cache", cache))
    assert "extracted with dtype='bfloat16', not 'float32'" in sentence
    recipe = json.loads(contents(model(run), "model.json"))["recipes"]["audio"]
    assert len(joined_recipe.parse(json.dumps(recipe)).parts) == 2


def test_names_of_encoders_in_a_data_set_cannot_control_a_terminal(root):
    data = affuse.load_dataset("toy", cache=root / "cache", audio="one")
    (recipe,) = data.encoders["audio"]
    hostile = dataclasses.replace(recipe, checkpoint="one\x1b[2J\n")
    shown = repr(dataclasses.replace(data, encoders={"audio": (hostile,)}))
    assert "audio of one\\x1b[2J\\n (" in shown
    assert shown.isprintable()


def test_a_mix_of_layers_needs_an_encoder_with_layers():
    mixed = [Settings(layers="weighted")]
    one = reorder_rows(wide("audio", "one"), range(3))
    last = narrowed(one, (2,), "mean")
    with pytest.raises(OptionError, match="hold one each; extract again with --layers"):
        demand_layers(mixed, {"audio": last})
    vector = dataclasses.replace(
        last.recipe, checkpoint="acoustic", layers=(0,), inputs={"features": 81}
    )
    acoustic = dataclasses.replace(last, recipe=vector)
    with pytest.raises(OptionError, match="acoustic has none; leave layers at all, or"):
        demand_layers(mixed, {"audio": acoustic})
    demand_layers(mixed, {"audio": join([acoustic, one])})
    demand_layers([Settings()], {"audio": acoustic})
