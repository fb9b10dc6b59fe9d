"""Linter: checks a run with rules against leaks between training and test."""
