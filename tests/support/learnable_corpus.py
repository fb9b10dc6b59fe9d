"""A small corpus whose ratings can be learnt from its embeddings, for tests alone."""

import dataclasses
from pathlib import Path

import numpy as np

from affuse.data.cache.embedding_views import join
from affuse.data.cache.recipe import Recipe
from affuse.data.cache.store import Embeddings
from affuse.data.rating_scales import RATINGS
from affuse.data.records import Corpus, Utterance
from affuse.data.single_ratings import summaries

COUNT = 300
DIMS = {"audio": (2, 6), "text": (1, 7)}  # layers, features


def corpus(*, count=COUNT, ratings=RATINGS):
    """Return five sessions of two speakers each, rated from 1 to 5."""
    return Corpus(
        name="toy",
        root=Path(),
        utterances=tuple(
            Utterance(
                id=f"u{row:03d}",
                ratings=dict(zip(ratings, map(float, released), strict=False)),
                speaker=f"{row % 5 + 1}{'FM'[row % 2]}",
                session=str(row % 5 + 1),
                dialogue=f"d{row // 10}",
                scripted=row % 3 == 0,
            )
            for row, released in enumerate(2 * truth(count) + 3)
        ),
        scale=(1.0, 5.0),
        protocol="session5-strict",
        nature="synthetic",
    )


def truth(count=COUNT):
    """Return the ratings: (count, 3), on [-1, 1]."""
    return np.random.default_rng(1).uniform(-1, 1, (count, 3)).round(2)


def embeddings(*, count=COUNT):
    """Return embeddings (linear mixtures of the ratings, with noise) and a head."""
    found = {}
    for modality, (layers, dim) in DIMS.items():
        rng = np.random.default_rng(len(modality))
        mixed = truth(count) @ rng.normal(size=(3, layers * dim))
        values = 5 + mixed + 0.3 * rng.normal(size=mixed.shape)
        audio = modality == "audio"
        names = ("arousal", "dominance", "valence") if audio else ()
        columns = [RATINGS.index(name) for name in names]
        found[modality] = Embeddings(
            recipe=recipe(modality, layers=tuple(range(layers)), head=names),
            ids=tuple(f"u{row:03d}" for row in range(count)),
            contents=("",) * count,
            values=values.reshape(count, layers, dim).astype(np.float32),
            head=((truth(count)[:, columns] + 1) / 2).astype(np.float32)
            if audio
            else None,
        )
    return found


def joined_embeddings(*, count=COUNT):
    """Return `embeddings`, to which two encoders of other sizes are joined.

    One has layers, and the other one vector, as acoustic features have.
    """
    found = embeddings(count=count)
    for modality, layers, dim in (("audio", 1, 5), ("text", 3, 4)):
        rng = np.random.default_rng(100 + len(modality))
        mixed = truth(count) @ rng.normal(size=(3, layers * dim))
        values = 1 + mixed + 0.3 * rng.normal(size=mixed.shape)
        other = Embeddings(
            recipe=recipe(modality, layers=tuple(range(layers)), checkpoint="zweites"),
            ids=tuple(f"u{row:03d}" for row in range(count)),
            contents=("",) * count,
            values=values.reshape(count, layers, dim).astype(np.float32),
        )
        backwards = reorder_rows(other, range(count - 1, -1, -1))
        found[modality] = join([found[modality], backwards])
    return found


def recipe(modality, **changes):
    """Return the recipe of a tiny encoder."""
    facts = {
        "corpus": "toy",
        "content": "0" * 12,
        "modality": modality,
        "encoder": "tiny",
        "checkpoint": "tiny",
        "revision": "",
        "weights": "0",
        "layers": (0,),
        "pooling": "mean",
        "dtype": "float32",
    }
    return Recipe(**{**facts, **changes})


def reorder_rows(found, rows):
    """Return embeddings with these rows only, in this order."""
    return dataclasses.replace(
        found,
        ids=tuple(found.ids[row] for row in rows),
        contents=tuple(found.contents[row] for row in rows),
        values=found.values[rows],
        head=None if found.head is None else found.head[rows],
    )


def labelled(of):
    """The same corpus with genders, kinds, and the agreement of raters in two ways."""
    rng = np.random.default_rng(7)
    return dataclasses.replace(
        of,
        utterances=tuple(
            dataclasses.replace(
                u,
                sex=u.speaker[-1],
                columns={
                    "kind": "abc"[row % 3] if row % 5 else "",
                    "spread": f"{0.5 + row % 3}",
                    "even": "0.7",
                    "raters": f"{2 + row % 4}",
                },
                raters=summaries(
                    {n: x + rng.normal(size=2 + row % 4) for n, x in u.ratings.items()}
                ),
            )
            for row, u in enumerate(of.utterances)
        ),
    )
