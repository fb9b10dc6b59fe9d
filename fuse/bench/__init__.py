"""How fast stage two is, against the device's limit and against other ways."""
