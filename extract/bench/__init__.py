"""How fast stage one is, against the device's limit and against other ways."""
