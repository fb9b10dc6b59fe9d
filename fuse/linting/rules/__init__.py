"""Rules against leaks, one file each.

A rule is a module that says in its docstring what it holds a run to, and offers
``NEEDS``, what must be at hand (of `affuse.fuse.linting.evidence`), and
``findings(evidence)``. Whatever needs no trained model is asked before training as
well.
"""
