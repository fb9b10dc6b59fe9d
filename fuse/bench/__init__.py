"""Benchmark of stage two against ordinary training loops and GEMM throughput."""
