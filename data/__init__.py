"""Corpora, folds, and the files of caches and runs, without an import of torch."""
