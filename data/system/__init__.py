"""Files, digests, schemas, progress bars and devices, independent of any corpus."""
