"""Click commands that take a record, and command groups that print short errors.

Errors in data or options are printed without a traceback.
"""

import importlib
import shlex
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click

from affuse.data.errors import AffuseError, OptionError, message
from affuse.data.options.command_record import PROGRAM, Command, program
from affuse.data.options.corpus_argument import refuse_corpus_option
from affuse.data.options.option_fields import HEADINGS
from affuse.data.system.environment import version
from affuse.data.terminal import escape_active, print_line, protect

DEBUG = "affuse.debug"  # key in the metadata of a click context
HELP = ["-h", "--help"]
OTHER = "Other options"  # heading of the options that every command has
WIDTH = 80  # columns of --help
RECORD = "record"  # attribute of a command's function: module and class of its record
PACKAGE = "affuse.data.options"


def takes_record(function: Callable[[Any], None]) -> Callable[..., None]:
    """Return a command's function whose keyword arguments are fields of a record.

    Args:
        function: takes one record. The annotation of its parameter ``options`` is a
            string with a module of this package and a class in it, such as
            "training_options.Train". The module is imported only if this command is
            called, so that other commands start fast
    """
    record = str(function.__annotations__["options"])

    @wraps(function)
    def command(**values: Any) -> None:
        function(load(record)(**values))

    setattr(command, RECORD, record)
    return command


def load(record: str) -> type[Command]:
    """Import a record and return its class.

    Args:
        record: module of this package and class, such as "training_options.Train"
    """
    module, _, name = record.partition(".")
    record_class: type[Command] = getattr(
        importlib.import_module(f"{PACKAGE}.{module}"), name
    )
    return record_class


class MisuseError(click.ClickException):
    """Error in the options of a command, printed without a traceback; exit status 2."""

    exit_code = 2


class CommandWithExamples(click.Command):
    """Command whose examples in ``--help`` start the program as it was started."""

    def format_help_text(
        self, ctx: click.Context, formatter: click.HelpFormatter
    ) -> None:
        """Write the text, whose examples start the program as it was started."""
        text, self.help = self.help, with_program_name(self.help)
        super().format_help_text(ctx, formatter)
        self.help = text


class RecordCommand(CommandWithExamples):
    """Command whose click parameters are created when they are first used."""

    record: str | None = None
    _params: list[click.Parameter]

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.record = getattr(self.callback, RECORD, None)

    @property
    def params(self) -> list[click.Parameter]:
        """Return the parameters of the record, followed by the other parameters."""
        if self.record:
            record, self.record = self.record, None
            self._params = [*load(record).parameters(), *self._params]
        return self._params

    @params.setter
    def params(self, value: list[click.Parameter]) -> None:
        self._params = [*value, debug_option()]

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the words, and name the choice if several runs are given for one.

        Raises:
            click.UsageError: if there are too many arguments, or a word is not valid
        """
        run = next((p for p in self.params if p.name == "run"), None)
        if not isinstance(run, click.Argument) or ctx.resilient_parsing:
            try:
                return super().parse_args(ctx, args)
            except click.NoSuchOption as error:
                refuse_corpus_option(self, error)
                raise
        ctx.allow_extra_args = True
        more = super().parse_args(ctx, args)
        folders = [str(ctx.params["run"]), *more]
        if more and all(Path(folder).is_dir() for folder in folders):
            ctx.fail(f"{self.name} takes one run; choose one of {', '.join(folders)}")
        if more:
            plural = "s" if len(more) > 1 else ""
            ctx.fail(f"Got unexpected extra argument{plural} ({' '.join(more)})")
        return more

    def format_options(
        self, ctx: click.Context, formatter: click.HelpFormatter
    ) -> None:
        """Write the options to the help page, grouped by heading."""
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


def with_program_name(text: str | None) -> str:
    """Return a help text with examples that begin with the command of this program.

    The user started the program with this command, for example ``affuse``.
    """
    return (text or "").replace(shlex.join(PROGRAM), shlex.join(program()))


def _remember_debug(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    """Store the flag in the context's metadata, which all nested commands share."""
    if value:
        ctx.meta[DEBUG] = True


def debug_option() -> click.Option:
    """Return a new option ``--debug``, which every command has."""
    return click.Option(
        ["--debug"],
        is_flag=True,
        expose_value=False,
        callback=_remember_debug,
        help="Show the traceback of an error.",
    )


def _show_version(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    """Print the version of the package, and exit."""
    if value:
        print_line(f"affuse {version()}")
        ctx.exit()


class Subgroup(CommandWithExamples, click.Group):
    """Group of commands that take ``--debug`` after the command's name too."""

    command_class = RecordCommand

    def add_command(self, cmd: click.Command, name: str | None = None) -> None:
        """Add a command, as `click.Group` does, and its ``--debug`` and ``-h``."""
        if isinstance(cmd, click.Group):  # a `RecordCommand` has --debug already
            cmd.params.append(debug_option())
        # A context without a parent would have only --help, and click caches that.
        cmd.context_settings.setdefault("help_option_names", HELP)
        super().add_command(cmd, name)


class Group(Subgroup):
    """Group of all commands, which print errors in data or options without a traceback.

    Everything they print is escaped, so that text from files cannot control a terminal.
    """

    def __init__(self, *args: Any, **settings: Any) -> None:
        context = {"help_option_names": HELP, "max_content_width": WIDTH}
        super().__init__(*args, **{"context_settings": context, **settings})
        version_option = click.Option(
            ["--version"],
            is_flag=True,
            expose_value=False,
            is_eager=True,
            callback=_show_version,
            help="Show the version and exit.",
        )
        self.params += [version_option, debug_option()]

    def main(self, *args: Any, **extra: Any) -> Any:
        """Run the program, as `click.Group` does, with all output escaped."""
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
        except (click.ClickException, click.Abort, click.exceptions.Exit):
            raise
        except Exception as error:
            # This import is slow, and most commands raise no such error.
            from affuse.data import plugin_failures

            sentence = plugin_failures.describe(error)
            if DEBUG in ctx.meta or not sentence:
                raise
            raise click.ClickException(sentence) from error


def _refuse_active(error: click.UsageError) -> None:
    """Raise the error again with control characters escaped, if it has any.

    A message of click may hold the name of a folder, which is not escaped.

    Raises:
        click.UsageError: with the escaped message
    """
    text = error.format_message()  # may have several lines, if it lists choices
    if text != escape_active(text):
        raise click.UsageError(escape_active(text), error.ctx) from None
