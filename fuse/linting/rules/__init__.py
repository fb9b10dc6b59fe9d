"""Rules against leaks, one module each.

The docstring of a rule states its requirement. ``NEEDS`` lists the sources that it
needs (see `affuse.fuse.linting.evidence`), and ``findings(evidence)`` yields its
findings. Rules that need no trained model are applied before training too.
"""
