"""Protocols: which utterances train, validate and test, and the corpus's own splits."""
