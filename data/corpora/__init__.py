"""Corpus readers, one file each: `read(root, **options)` and `sample(root)`."""
