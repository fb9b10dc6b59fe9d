"""Training of model groups: models of one shape, vectorised over the leading axis."""
