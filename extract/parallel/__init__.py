"""Filling a cache with several processes or machines."""
