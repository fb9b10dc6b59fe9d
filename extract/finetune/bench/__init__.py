"""Benchmark of fine-tuning: speed and peak memory, compared with an ordinary loop."""
