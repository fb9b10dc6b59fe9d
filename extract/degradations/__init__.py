"""Degradations of recordings and transcripts, one module each.

``NAME_degradation.py`` is the degradation NAME. It defines ``DEGRADATION``, an
`affuse.extract.degradations.degradation_record.Degradation`. A new module here, or an
entry point of another package in the group ``affuse.degradations``, adds one.
"""
