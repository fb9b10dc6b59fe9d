"""Formats of a report, one file for each: ``NAME_report.py`` is the format NAME.

Each is a `affuse.fuse.reporting.table_format.TableFormat`. A new file here, or an
entry point of another package in the group ``affuse.formats``, adds a format.
"""
