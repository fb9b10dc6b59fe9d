"""Protocols: division of a corpus's utterances into training, validation and test."""
