"""Modalities: each file defines one as a `MODALITY` record (`affuse.data.modality`)."""
