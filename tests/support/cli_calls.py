"""Calls of the command line in this process."""

import click
from click.testing import CliRunner

from affuse import cli
from affuse.data.options.command_groups import load


def call(*words):
    """Call one command line; return its exit status and output."""
    return CliRunner().invoke(cli.main, [str(word) for word in words])


def commands(group=cli.main, names=()):
    """Yield the words of every command and of every group of commands."""
    yield list(names)
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, (*names, name))
        else:
            yield [*names, name]


def parse_command(name, *words):
    """Return the options record of a command line, without executing it."""
    command = cli.main.commands[name]
    context = command.make_context(name, [str(word) for word in words])
    return load(command.callback.record)(**context.params)


def error_sentence(result, *, status=1):
    """Return the error message of a failed call, which must not show a traceback."""
    assert result.exit_code == status
    assert isinstance(result.exception, SystemExit)
    assert "Traceback" not in result.output
    assert result.stderr.startswith("Error: ")
    return result.stderr.removeprefix("Error: ").rstrip("\n")
