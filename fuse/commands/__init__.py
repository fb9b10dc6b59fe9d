"""The commands of stage two; each takes the options of the command line."""
