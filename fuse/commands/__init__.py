"""Commands of stage two, which take the options of the command line.

`affuse.cli` parses these options.
"""
