"""Sizes of quick fine-tunings."""

from affuse.fuse.settings import Settings

SMALL = Settings(
    protocol="loso", latent=8, autoencoder_hidden=8, hidden=8, epochs=2, batch=128
)


QUICK = ("latent=8", "autoencoder_hidden=8", "hidden=8", "epochs=2", "patience=2")
