"""Calls of the commands of stage two on a small corpus in memory."""

import pytest
from click.testing import CliRunner
from learnable_corpus import corpus, embeddings

from affuse import cli
from affuse.fuse.inputs import input_selection
from affuse.fuse.inputs.input_selection import Sources

QUICK = ("--set", "epochs=2", "--set", "latent=4", "--set", "autoencoder_hidden=8")


@pytest.fixture
def caches(monkeypatch):
    """Embeddings that the commands use; a test may change them."""
    there = embeddings()

    def found(options, modalities, choice=None):
        kept = {m: there[m] for m in modalities if m in there}
        return Sources(corpus(), (), kept)

    def alike(options, recipes):
        return found(options, next(iter(recipes.values())))

    monkeypatch.setattr(input_selection, "select_for_training", found)
    monkeypatch.setattr(input_selection, "select_for_run", alike)
    return there


def call(*words):
    return CliRunner().invoke(cli.main, [str(word) for word in words])


def train(runs, *words):
    where = ("--runs", runs, "--seeds", 1, "--threads", 1)
    return call("train", *words, *QUICK, *where)
