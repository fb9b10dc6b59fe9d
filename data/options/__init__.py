"""Options of all commands: one frozen dataclass for each command, called its record.

The command line creates a record and passes it to the function that does the work. A
record as text is the command line that creates it. This package does no work itself.
"""
