"""The linter: asks every rule against leaks about a run."""
