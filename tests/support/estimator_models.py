"""Small data and quick settings for the scikit-learn estimator."""

import numpy as np
import pytest
from learnable_corpus import corpus, embeddings

from affuse.fuse.inputs.tensors import align
from affuse.fuse.sklearn.estimator import FusionRegressor

QUICK = {
    "latent": 8,
    "autoencoder_hidden": 16,
    "hidden": 16,
    "input_dropout": 0.0,
    "dropout": 0.0,
    "learning_rate": 0.05,
    "epochs": 12,
}


SIZES = {"audio": 12, "text": 7}


@pytest.fixture(scope="module")
def example_data():
    """X (audio columns before text columns), y (three ratings), and speakers."""
    aligned = align(corpus(), embeddings())
    x = np.hstack([aligned.features[m] for m in SIZES])
    return x, aligned.truth, np.array([u.speaker for u in aligned.utterances])


def model(fusion="early", **changes):
    columns = changes.pop("columns", SIZES)
    return FusionRegressor(fusion, columns=columns, **{**QUICK, **changes})
