"""Commands that take a record, and groups of them that print errors as sentences."""

import importlib
import shlex
from collections.abc import Callable
from functools import wraps
from typing import Any

import click

from affuse.data.errors import AffuseError, OptionError, message
from affuse.data.options.command_record import PROGRAM, Command, program
from affuse.data.options.option_fields import HEADINGS
from affuse.data.system.environment import version
from affuse.data.terminal import escape_active, print_line, protect

DEBUG = "affuse.debug"  # key of the context
HELP = ["-h", "--help"]
OTHER = "Other options"  # heading of those that every command has
WIDTH = 80  # columns of --help
RECORD = "record"  # attribute of the function of a command
PACKAGE = "affuse.data.options"


def takes_record(function: Callable[[Any], None]) -> Callable[..., None]:
    """Add the options of a record to a command, whose function takes one record.

    Args:
        function: its parameter ``options`` is annotated with a text: a module of this
            package and a record in it, such as "training_options.Train". The record is
            imported when the command is typed, so that other commands cost nothing
    """
    record = str(function.__annotations__["options"])

    @wraps(function)
    def command(**values: Any) -> None:
        function(load(record)(**values))

    setattr(command, RECORD, record)
    return command


def load(record: str) -> type[Command]:
    """Import a record by its module and class."""
    module, _, name = record.partition(".")
    found: type[Command] = getattr(importlib.import_module(f"{PACKAGE}.{module}"), name)
    return found


class MisuseError(click.ClickException):
    """One sentence on wrong options, with the exit status of wrong usage."""

    exit_code = 2


class RecordCommand(click.Command):
    """A command whose click parameters are made when they are asked for."""

    record: str | None = None
    _params: list[click.Parameter]

    def __init__(self, *args: Any, **given: Any) -> None:
        super().__init__(*args, **given)
        self.record = getattr(self.callback, RECORD, None)

    @property
    def params(self) -> list[click.Parameter]:
        """Return the parameters: those of the record, then others."""
        if self.record:
            record, self.record = self.record, None
            self._params = [*load(record).parameters(), *self._params]
        return self._params

    @params.setter
    def params(self, value: list[click.Parameter]) -> None:
        self._params = [*value, debug_option()]

    def format_options(
        self, ctx: click.Context, formatter: click.HelpFormatter
    ) -> None:
        """Write the options, each below its heading."""
        lines: dict[str, list[tuple[str, str]]] = {name: [] for name in HEADINGS}
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx)
            if record and isinstance(param, click.Option):
                heading = getattr(param, "heading", OTHER)
                lines.setdefault(heading, []).append(record)
        for heading, records in lines.items():
            if records:
                with formatter.section(heading):
                    formatter.write_dl(records)

    def format_help_text(
        self, ctx: click.Context, formatter: click.HelpFormatter
    ) -> None:
        """Write the text, whose examples start the program as it was started."""
        text, self.help = self.help, with_program_name(self.help)
        super().format_help_text(ctx, formatter)
        self.help = text


def with_program_name(text: str | None) -> str:
    """Return a help text whose examples start the program as it was started."""
    return (text or "").replace(shlex.join(PROGRAM), shlex.join(program()))


def _remember_debug(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    """Keep the flag where all commands of one call look for it."""
    if value:
        ctx.meta[DEBUG] = True


def debug_option() -> click.Option:
    """Return a new ``--debug``, which every command has."""
    return click.Option(
        ["--debug"],
        is_flag=True,
        expose_value=False,
        callback=_remember_debug,
        help="Show the traceback of an error.",
    )


def _show_version(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    """Print the version of the package, and leave."""
    if value:
        print_line(f"affuse {version()}")
        ctx.exit()


class Subgroup(click.Group):
    """A group of commands, each of which takes ``--debug`` behind its name too."""

    command_class = RecordCommand

    def format_help_text(
        self, ctx: click.Context, formatter: click.HelpFormatter
    ) -> None:
        """Write the text, whose examples start the program as it was started."""
        text, self.help = self.help, with_program_name(self.help)
        super().format_help_text(ctx, formatter)
        self.help = text

    def add_command(self, cmd: click.Command, name: str | None = None) -> None:
        """Add a command, as `click.Group` does, and give it the option."""
        if isinstance(cmd, click.Group):  # other commands have it
            cmd.params.append(debug_option())
        # also for a context without a parent, after which click keeps its help option
        cmd.context_settings.setdefault("help_option_names", HELP)
        super().add_command(cmd, name)


class Group(Subgroup):
    """Commands that print one sentence, no traceback, on wrong data or settings.

    Nothing that they print acts on the terminal, whatever the files hold that it names.
    """

    def __init__(self, *args: Any, **given: Any) -> None:
        names = {"help_option_names": HELP, "max_content_width": WIDTH}
        super().__init__(*args, **{"context_settings": names, **given})
        shown = click.Option(
            ["--version"],
            is_flag=True,
            expose_value=False,
            is_eager=True,
            callback=_show_version,
            help="Show the version and exit.",
        )
        self.params += [shown, debug_option()]

    def main(self, *args: Any, **extra: Any) -> Any:
        """Run as a program, as `click.Group` does."""
        protect()
        return super().main(*args, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (AffuseError, OSError) as error:
            if DEBUG in ctx.meta or isinstance(error, BrokenPipeError):
                raise
            kind = (
                MisuseError if isinstance(error, OptionError) else click.ClickException
            )
            raise kind(message(error)) from error
        except click.UsageError as error:
            _refuse_active(error)
            raise
        except KeyboardInterrupt:
            print_line("", err=True)
            print_line("stopped; what is finished is kept, repeat to go on", err=True)
            ctx.exit(130)


def _refuse_active(error: click.UsageError) -> None:
    """Replace an error of click that shows a folder's name as it is.

    Raises:
        click.UsageError: with that name escaped, if it holds what acts on a terminal
    """
    text = error.format_message()  # which has several lines where choices are listed
    if text != escape_active(text):
        raise click.UsageError(escape_active(text), error.ctx) from None
