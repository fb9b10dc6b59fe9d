"""Calibration of predictions and conformal intervals, fitted on validation parts."""
