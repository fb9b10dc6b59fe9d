"""Audio encoder that differs from the one of other test runs."""

OTHER = {"checkpoint": "hub/hubert", "layers": [6], "pooling": "mean"}
