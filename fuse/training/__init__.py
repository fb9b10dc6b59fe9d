"""Planning of a run, training of its models, and publication of their files.

Networks are defined in `affuse.fuse.models`; `affuse.fuse.reporting` writes reports.
"""
