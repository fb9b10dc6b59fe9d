"""Mistyped names: the error suggests the most similar name, with exit status 2."""

import pytest
from click.testing import CliRunner
from small_caches import fill

from affuse import cli
from affuse.data.suggestions import hint

MINI = ("--audio-checkpoint", "mini", "--text-checkpoint", "mini")


def call(*words):
    return CliRunner().invoke(cli.main, [str(word) for word in words])


@pytest.fixture(scope="module")
def where(tmp_path_factory):
    """Options for a cache of the corpus `toy` and an empty folder of runs."""
    root = tmp_path_factory.mktemp("toy")
    fill(root / "cache")
    return ("--cache", root / "cache", "--runs", root / "runs")


@pytest.mark.parametrize(
    ("name", "known", "found"),
    [
        ("erly", ["audio", "early"], "; did you mean 'early'?"),
        ("EARLY", ["audio", "Early"], "; did you mean 'Early'?"),
        ("", ["", "early"], ""),
        ("e", ["", "early"], ""),
        ("nothing", ["early"], ""),
    ],
)
def test_only_a_similar_nonempty_name_is_suggested(name, known, found):
    assert hint(name, known) == found


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (("train", "--fusion", "erly"), "early"),
        (("train", "--fusion", "early,lte"), "late"),
        (("train", "--fusion", "text", "--set", "latnet=3"), "latent"),
        (("train", "--fusion", "text", "--set", "reduce=pcaa"), "pca"),
        (("train", "--fusion", "text", "--protocol", "speker"), "speakers"),
        (("train", "--fusion", "text", "--corpus", "toi"), "toy"),
        (("train", "--fusion", "text", "--experiment", "papr"), "paper"),
        (("sweep", "--fusion", "text", "--grid", "latnet=1,2"), "latent"),
    ],
)
def test_train_suggests_the_most_similar_name(where, words, meant):
    done = call(*words, *where)
    assert f"did you mean '{meant}'?" in done.stderr
    assert "''" not in done.stderr
    assert done.exit_code == 2
    assert isinstance(done.exception, SystemExit)


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (("check", "manifst", "x"), "manifest"),
        (("finetune", "demo", "--fusion", "erly"), "early"),
        (("finetune", "demo", "--protocol", "speker"), "speakers"),
        (("finetune", "demo", "--set", "epoch=3"), "epochs"),
    ],
)
def test_other_commands_suggest_the_most_similar_name(words, meant):
    done = call(*words, *(() if words[0] == "check" else MINI))
    assert f"did you mean '{meant}'?" in done.stderr
    assert done.exit_code == 2


@pytest.mark.parametrize(
    "words",
    [
        ("train", "--fusion", "text", "--set", "latent"),
        ("train", "--fusion", "text", "--set", "=3"),
        ("train", "--fusion", "text", "--set", "latent=-1"),
        ("train", "--fusion", "text", "--set", "batch=2"),
        ("train", "--fusion", "text", "--device", "gpu"),
        ("train", "--fusion", "text", "--text", "0123abcd"),
        ("sweep", "--fusion", "text", "--grid", "=1"),
        ("sweep", "--fusion", "text"),
        ("sweep", "--fusion", "ridge", "--grid", "latent=1"),
    ],
)
def test_usage_errors_of_training_exit_with_2(where, words):
    done = call(*words, *where)
    assert (done.exit_code, done.stderr.startswith("Error: ")) == (2, True)


@pytest.mark.parametrize(
    "words",
    [
        ("check", "iemocap"),
        ("check", "demo", "--scale", 1, 5),
        ("check", "demo", "--map", "valence"),
        ("check", "demo", "--name", "iemocap"),
        ("extract", "demo", "--shard", "a"),
        ("extract", "demo", "--layers", "video=1"),
        ("extract", "demo", "--max-seconds", 0),
        ("finetune", "demo", "--fold", "none", *MINI),
        ("finetune", "demo", "--warmup", 7, *MINI),
        ("distil", "text", "--teacher", "t", "--data", ".", "--output", "o")
        + ("--speeds", 1),
    ],
)
def test_usage_errors_of_other_commands_exit_with_2(tmp_path, monkeypatch, words):
    monkeypatch.chdir(tmp_path)
    done = call(*words)
    assert (done.exit_code, done.stderr.startswith("Error: ")) == (2, True)


def test_designs_are_divided_by_commas(monkeypatch):
    given = []
    monkeypatch.setattr(
        "affuse.fuse.commands.training_commands.train",
        lambda say, options: given.append(options),
    )
    words = ("--fusion", "early, late", "--fusion", "text")
    assert call("train", *words, "--allow", "speakers,ids").exit_code == 0
    assert given[0].designs == ("early", "late", "text")
    assert given[0].allow == ("speakers", "ids")


@pytest.mark.parametrize("value", ["", "early,", ",", "early,,late"])
def test_an_empty_design_name_is_refused(where, value):
    done = call("train", "--fusion", value, *where)
    assert (done.exit_code, "empty name" in done.stderr) == (2, True)
