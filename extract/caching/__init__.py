"""Filling a cache: inputs, parts, reuse, provenance."""
