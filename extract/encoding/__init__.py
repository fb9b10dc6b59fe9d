"""What encoders have in common: protocol, choices, batches, pooling, threads."""
