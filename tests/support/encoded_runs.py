"""Runs whose text embeddings claim to come from a checkpoint that exists."""

import dataclasses

import learnable_corpus
import numpy as np
import tunable_checkpoints
from trained_runs import train_run

from affuse.extract.encoding.choices import Choice, Machine
from affuse.extract.encoding.encoder_loading import load, make_recipe

COUNT = 60  # utterances
TEXT = ("text", "distilbert")  # modality and encoder


def text_checkpoint(folder):
    """Write a small text checkpoint; return its folder."""
    folder.mkdir(parents=True)
    return tunable_checkpoints.text(folder)


def text_run(runs, checkpoint, **training):
    """Train the design `text` on random embeddings with the recipe of a checkpoint.

    Args:
        runs: folder of runs
        checkpoint: folder of the checkpoint
        training: entries of the recipe's training
    """
    choice = Choice(*TEXT, checkpoint=str(checkpoint))
    recipe = make_recipe("toy", choice, load(choice, Machine(threads=1)), "")
    if training:
        recipe = dataclasses.replace(recipe, training=training)
    plain = learnable_corpus.embeddings(count=COUNT)["text"]
    shape = COUNT, len(recipe.layers), tunable_checkpoints.BERT["hidden_size"]
    values = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    return train_run(
        runs,
        "text",
        found=learnable_corpus.corpus(count=COUNT),
        caches={"text": dataclasses.replace(plain, recipe=recipe, values=values)},
        epochs=1,
    )
