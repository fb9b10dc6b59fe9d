"""The files of a run folder, which every report reads and nothing else."""
