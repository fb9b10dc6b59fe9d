"""Many models of one shape, trained at once on a leading axis."""
