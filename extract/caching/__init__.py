"""Extraction of embeddings into the parts of a cache: inputs, reuse, provenance."""
