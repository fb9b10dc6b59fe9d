"""Modalities: one file each, with a `MODALITY` record of `affuse.data.modality`."""
