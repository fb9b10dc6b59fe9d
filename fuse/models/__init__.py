"""Networks, projections and baselines; one file each in designs and baselines."""
