"""Commands of stage one, which take the parsed options of the command line."""
