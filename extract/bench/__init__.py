"""Benchmark of stage one, against GEMM throughput and other implementations."""
