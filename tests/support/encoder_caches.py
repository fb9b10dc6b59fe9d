"""Caches of several small encoders on disk, wide and narrow, for tests alone."""

import dataclasses
import hashlib

import learnable_corpus
import numpy as np
from cli_calls import call
from planted_leaks import write_part

from affuse.data.cache import corpus_table
from affuse.data.cache.embedding_views import narrow
from affuse.data.cache.recipe import WITH_DEVIATION
from affuse.data.cache.store import Embeddings

COUNT = 60  # five sessions of twelve
SHAPES = {  # (modality, checkpoint): number of layers, features of one layer
    ("audio", "one"): (3, 4),
    ("audio", "two"): (2, 5),
    ("text", "bert"): (3, 3),
}
QUICK = (
    *("--threads", 1, "--seeds", 1, "--set", "epochs=2", "--set", "latent=4"),
    *("--set", "autoencoder_hidden=8", "--set", "hidden=8"),
    *("--set", "learning_rate=0.01"),
)


def corpus():
    return learnable_corpus.corpus(count=COUNT)


def wide(modality, checkpoint, *, pooling=WITH_DEVIATION, **changes):
    """Return embeddings of all layers of one encoder, with standard deviations."""
    layers, dim = SHAPES[modality, checkpoint]
    size = dim * (2 if pooling == WITH_DEVIATION else 1)
    seed = int(hashlib.sha256(f"{modality} {checkpoint}".encode()).hexdigest()[:8], 16)
    rng = np.random.default_rng(seed)
    mixed = learnable_corpus.truth(COUNT) @ rng.normal(size=(3, layers * size))
    values = 3 + mixed + 0.3 * rng.normal(size=mixed.shape)
    facts = {
        "checkpoint": checkpoint,
        "weights": checkpoint,
        "layers": tuple(range(layers)),
        "pooling": pooling,
    }
    return Embeddings(
        recipe=learnable_corpus.recipe(modality, **{**facts, **changes}),
        ids=tuple(f"u{row:03d}" for row in range(COUNT)),
        contents=tuple(f"{row:032x}" for row in range(COUNT)),
        values=values.reshape(COUNT, layers, size).astype(np.float32),
    )


def narrowed(found, layers, pooling):
    """Return the embeddings that a narrower extraction would have stored."""
    view = narrow(found, found.recipe.selected(layers, pooling))
    values = np.stack([view.vector(row) for row in range(len(found.ids))])
    return dataclasses.replace(found, recipe=view.recipe, values=values)


def write(cache, *found):
    """Write a corpus and caches; return their folders."""
    corpus_table.save(corpus(), cache)
    for each in found:
        write_part(cache, each)
    return [cache / each.recipe.corpus / each.recipe.folder() for each in found]


def write_all(cache):
    """Write the wide cache of every encoder."""
    return write(cache, *(wide(*name) for name in SHAPES))


def where(root):
    return ("--cache", root / "cache", "--runs", root / "runs")


def train(root, *words):
    """Train with the command line; return the folder of the new run and the output."""
    runs = root / "runs"
    before = {*runs.iterdir()} if runs.is_dir() else set()
    done = call("train", *where(root), *QUICK, *words)
    assert done.exit_code == 0, done.output
    (run,) = {*runs.iterdir()} - before
    return run, done.output


def model(run):
    """Return the folder of the first model of a run."""
    return sorted(run.glob("*/seed-*"))[0]
