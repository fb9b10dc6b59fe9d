"""Contrasted runs, shared by several test files."""

OTHER = {"checkpoint": "hub/hubert", "layers": [6], "pooling": "mean"}
