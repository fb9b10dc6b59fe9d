"""Common parts of all encoders: protocol, choices, batches, pooling and threads."""
