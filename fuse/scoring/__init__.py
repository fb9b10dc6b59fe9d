"""Metrics, intervals, significance tests and signs of failed trainings."""
