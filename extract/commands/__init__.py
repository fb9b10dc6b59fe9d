"""The commands of stage one; each takes the options of the command line."""
