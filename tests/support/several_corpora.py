"""Small caches of several corpora from one encoder, for tests of training sets."""

import dataclasses

import learnable_corpus
import numpy as np
from cli_calls import call
from planted_leaks import write_part

from affuse.data.cache import corpus_table
from affuse.data.cache.recording_spans import RecordingSpan

COUNT = 60  # utterances; five sessions of two speakers
WORDS = ("--threads", 1, "--seeds", 1, "--protocol", "speakers", "--folds", 3)


def corpus(name, **changes):
    """Return a corpus whose sentences occur in no other corpus.

    Args:
        name: of the corpus
        changes: fields of the corpus
    """
    plain = learnable_corpus.corpus(count=COUNT)
    utterances = tuple(
        dataclasses.replace(u, sentence=f"{name} {u.id}", columns={})
        for u in plain.utterances
    )
    facts = {"name": name, "utterances": utterances, "reader": "manifest"}
    return dataclasses.replace(plain, **{**facts, **changes})


def changed(found, rows, **changes):
    """Return a corpus with fields of some utterances changed."""
    utterances = list(found.utterances)
    for row in rows:
        utterances[row] = dataclasses.replace(utterances[row], **changes)
    return dataclasses.replace(found, utterances=tuple(utterances))


def embeddings(name, modality="audio", *, shared=0, **changes):
    """Return embeddings of a corpus.

    Args:
        name: of the corpus
        modality: of the embeddings
        shared: number of first utterances whose input other corpora have too
        changes: fields of the recipe
    """
    plain = learnable_corpus.embeddings(count=COUNT)[modality]
    owners = ["every" if row < shared else name for row in range(COUNT)]
    contents = tuple(f"{owner} {row}" for row, owner in enumerate(owners))
    facts = {"corpus": name, "content": name, "head": (), **changes}
    return dataclasses.replace(
        plain,
        recipe=dataclasses.replace(plain.recipe, **facts),
        contents=contents,
        values=plain.values + np.float32(0.1 * len(name)),
        head=None,
        stretches=tuple(
            RecordingSpan(content, 0.0, 1.0, f"samples {content}")
            for content in contents
            if modality == "audio"
        ),
    )


def write(cache, found, *rows):
    """Write a corpus and its caches; by default, of audio."""
    corpus_table.save(found, cache)
    for each in rows or (embeddings(found.name),):
        write_part(cache, each)


def train(root, *words, fusion="ridge"):
    """Call the command train; return its result."""
    where = ("--cache", root / "cache", "--runs", root / "runs")
    return call("train", "--fusion", fusion, *where, *WORDS, *words)


def only_run(root):
    """Return the folder of the only run."""
    (run,) = (root / "runs").iterdir()
    return run
