"""Files, digests, schemas, progress, devices: what is no matter of a corpus."""
