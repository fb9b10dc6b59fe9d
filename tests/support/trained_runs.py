"""Small runs that are trained quickly."""

import dataclasses

from learnable_corpus import corpus, embeddings

from affuse.data.runs.run_folder import RunFolder
from affuse.fuse.commands import design_training
from affuse.fuse.settings import Settings

QUICK = Settings(
    latent=8,
    autoencoder_hidden=16,
    hidden=16,
    input_dropout=0.1,
    learning_rate=0.01,
    epochs=4,
)


def train_run(
    runs,
    fusion="early",
    *,
    seeds=(0,),
    found=None,
    caches=None,
    allow=(),
    **changes,
):
    return design_training.run(
        corpus() if found is None else found,
        embeddings() if caches is None else caches,
        fusion=fusion,
        settings=dataclasses.replace(QUICK, **changes),
        seeds=seeds,
        runs=runs,
        allow=allow,
        progress=False,
    )


def file_contents(folder):
    """Return the bytes of all files but the log of the work, which has times."""
    return {
        path.relative_to(folder): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != RunFolder.work
    }
