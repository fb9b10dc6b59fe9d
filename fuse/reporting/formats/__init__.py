"""Formats of a report, one module each: ``NAME_report.py`` is the format NAME.

Each is an `affuse.fuse.reporting.table_format.TableFormat`. A new module here, or an
entry point of another package in the group ``affuse.formats``, adds a format.
"""
