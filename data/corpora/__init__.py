"""Corpus readers, one module or package each: `read(root, **options)`, `sample(root)`.

A reader returns a `Corpus` and its problems; it does not decode audio.
"""
