"""Formats of predictions, one module each: ``NAME_predictions.py`` is the format NAME.

Each is an `affuse.extract.inference.prediction_format.PredictionFormat`. A new module
here, or an entry point of another package in the group ``affuse.prediction_formats``,
adds a format.
"""
