"""Filling of a cache with several processes or machines."""
