"""Calibrated predictions and honest intervals, learnt from validation parts alone."""
