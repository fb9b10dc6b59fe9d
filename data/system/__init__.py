"""Files and their digests: what is read is regular, bounded, whole and of the type."""
