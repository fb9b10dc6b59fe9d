"""Figures of a report, one module for each kind; each figure has its data as a table.

Every figure has the width of a column of a paper, and shows figures of a
`affuse.fuse.reporting.table_records.ReportTable`.
"""
