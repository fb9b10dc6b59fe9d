"""Corpora and file formats; numpy and h5py, never torch."""
