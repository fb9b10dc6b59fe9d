"""Cli calls, shared by several test files."""

import click
from click.testing import CliRunner

from affuse import cli
from affuse.data.options.command_groups import load


def call(*words):
    """One command line; its exit status and output are in the result."""
    return CliRunner().invoke(cli.main, [str(word) for word in words])


def commands(group=cli.main, names=()):
    """Every command, as the words that call it."""
    yield list(names)
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, (*names, name))
        else:
            yield [*names, name]


def parse_command(name, *words):
    """The record of a command that is typed."""
    command = cli.main.commands[name]
    context = command.make_context(name, [str(word) for word in words])
    return load(command.callback.record)(**context.params)


def error_sentence(result, *, status=1):
    """The one sentence of a failure, which is no traceback."""
    assert result.exit_code == status
    assert isinstance(result.exception, SystemExit)
    assert "Traceback" not in result.output
    assert result.stderr.startswith("Error: ")
    return result.stderr.removeprefix("Error: ").rstrip("\n")
