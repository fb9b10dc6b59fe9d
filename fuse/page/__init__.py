"""Page of a report: one HTML file with all tables and figures, which needs no network.

Each section has a module that turns a table of a report into records.
`affuse.fuse.page.page_rendering` writes them as HTML.
"""
