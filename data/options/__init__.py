"""Options of every command: one frozen record each, and the click parameters of it.

A record is what the command line builds, what the code below takes, and what prints the
command again. This package holds no work of a command.
"""
