"""Kinds of ratings of a training set of several corpora, in every output."""

import pytest
import several_corpora
from cli_calls import call

from affuse.extract.inference.formats import table_predictions
from affuse.extract.inference.predicted_segments import ModelFacts

KINDS = "partly synthetic data: b; partly human ratings: a"


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """Folder with caches of two corpora, of which one is synthetic, and a run."""
    folder = tmp_path_factory.mktemp("kinds")
    for name, nature in (("a", "human"), ("b", "synthetic")):
        found = several_corpora.corpus(name, nature=nature)
        several_corpora.write(folder / "cache", found)
    trained = several_corpora.train(folder, "--corpus", "a", "--corpus", "b")
    assert trained.exit_code == 0, trained.output
    return folder


def test_calibrations_and_tables_name_the_kind_of_each_corpus(root):
    run = several_corpora.only_run(root)
    report = call("report", "--runs", root / "runs")
    assert f"CCC on a+b ({KINDS})" in " ".join(report.output.split())
    done = call("calibrate", run, "--cache", root / "cache")
    assert f"{run.name} ({KINDS}), calibrated on validation parts" in done.output


def test_sweeps_name_the_kind_of_each_corpus(root, tmp_path):
    done = call(
        *("sweep", "--fusion", "audio", "--corpus", "a", "--corpus", "b"),
        *("--grid", "latent=4,8", "--set", "epochs=1", "--cache", root / "cache"),
        *("--sweeps", tmp_path, "--runs", tmp_path / "runs", *several_corpora.WORDS),
    )
    assert done.exit_code == 0, done.output
    assert f"audio on a+b ({KINDS}), speakers: validation CCC" in done.output


def test_predictions_name_the_kind_of_each_corpus():
    facts = ModelFacts("run", ("valence",), "a+b", "synthetic")
    assert facts.training == "trained on synthetic ratings of a+b"
    several = ModelFacts("run", ("valence",), "a+b", "synthetic", several=KINDS)
    assert several.training == f"trained on {KINDS}"
    assert f"(trained on {KINDS})" in table_predictions._model(several)
