"""Command-line options of both stages, and of reading a corpus."""

import copy
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from affuse.data import plugins
from affuse.data.errors import AffuseError, OptionError, message
from affuse.data.plugin_kinds import CORPUS_KIND, PluginKind
from affuse.data.records import NATURES
from affuse.data.suggestions import hint
from affuse.data.system.environment import version
from affuse.data.terminal import inactive, protect, say


class Names(click.Choice):
    """A choice of names; its error suggests the one that is nearest."""

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        """Return the name, as `click.Choice` does."""
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter as error:
            said = error.message + hint(str(value), self.choices)
            raise click.BadParameter(said, ctx, param) from error


class PluginNames(Names):
    """A choice of plug-ins, which are looked up when a command asks for them."""

    def __init__(self, kind: PluginKind) -> None:
        self.kind = kind
        self.case_sensitive = True

    @property
    def choices(self) -> tuple[str, ...]:  # type: ignore[override]
        """The names that there are now."""
        return tuple(plugins.names(self.kind))


class PluginOption(click.Option):
    """An option whose help begins with the names of plug-ins."""

    def __init__(self, *args: Any, kinds: Sequence[PluginKind], **given: Any) -> None:
        super().__init__(*args, **given)
        self.kinds = kinds

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        """Return the line of the help; only here are the names looked up."""
        names = (name for kind in self.kinds for name in plugins.names(kind))
        complete = copy.copy(self)
        complete.help = f"{', '.join(names)}{self.help}"
        return super(PluginOption, complete).get_help_record(ctx)


class Misuse(click.ClickException):
    """One sentence on wrong options, with the exit status of wrong usage."""

    exit_code = 2


def split_names(
    ctx: click.Context, param: click.Parameter, values: Sequence[str]
) -> tuple[str, ...]:
    """Return the names of a repeatable option, of which one may list several.

    Raises:
        click.BadParameter: if a name between two commas is empty
    """
    names = tuple(name.strip() for value in values for name in value.split(","))
    if "" in names:
        raise click.BadParameter(
            f"{','.join(values)!r} has an empty name; divide names by one comma, as in "
            f"early,late",
            ctx,
            param,
        )
    return names


DEBUG = "affuse.debug"  # key of the context
HELP = ["-h", "--help"]
# fmt: off
FOLDER = click.Path(file_okay=False, path_type=Path)
ANY = click.Path(path_type=Path)
CACHE = click.option(
    "--cache", type=FOLDER, default=Path("cache"), show_default=True,
    help="Folder of all embeddings.")
COMPUTE = (
    click.option(
        "--device", default="auto", show_default=True,
        help="auto, cpu or cuda; auto takes CUDA where there is a device."),
    click.option(
        "--threads", type=click.IntRange(min=1),
        help="CPU threads.  [default: all cores]"),
)
OUTPUT = click.option(
    "--output", type=click.File("w", encoding="utf-8"), default="-",
    help="File to write.  [default: the screen]")
CORPUS = PluginNames(CORPUS_KIND)
READ = (
    click.argument("corpus", type=CORPUS),
    click.argument("root", type=ANY, required=False),
    click.option(
        "--name", default="", help="What to call the corpus in cache and tables."),
    click.option(
        "--nature", type=click.Choice(NATURES),
        help="Said in every table.  [default: what the folder says of itself]"),
    click.option(
        "--map", "columns", multiple=True, metavar="ROLE=COLUMN",
        help="manifest: which column is what, e.g. valence=proxy_V; repeatable."),
    click.option(
        "--scale", type=float, nargs=2, metavar="LOW HIGH",
        help="manifest: lowest and highest rating of the scale; never guessed."),
    click.option("--table", help="manifest: which table of the folder."),
    click.option(
        "--dominance", type=click.Choice(["released", "recomputed"]),
        help="iemocap: the released mean, or one that ignores blank dominance."),
)
# fmt: on


def options(group: Sequence[Callable[..., Any]]) -> Callable[..., Any]:
    """Several options as one decorator, shown in the order they are listed."""

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed(group):
            command = option(command)
        return command

    return decorate


def defaults(group: Sequence[Callable[..., Any]], **given: Any) -> dict[str, Any]:
    """Return the values of a command's options where only some are given.

    Args:
        group: options and arguments of the command
        given: values by name; a name on the command line has dashes for underscores.
            One text stands for an option that may be repeated

    Raises:
        OptionError: if the command has no option of a given name, or not of that value
    """
    command: click.Command = options(group)(click.Command("defaults"))
    # arguments that the command requires may be missing here
    context = command.make_context("defaults", [], resilient_parsing=True)
    found = dict(context.params)
    if unknown := sorted(given.keys() - found.keys()):
        raise OptionError(
            f"there is no option {unknown[0]!r}{hint(unknown[0], sorted(found))}"
        )
    params = {param.name: param for param in command.params}
    return found | {n: _value(params[n], v, context) for n, v in given.items()}


def _value(param: click.Parameter, value: Any, context: click.Context) -> Any:
    """Return a value as the command line would make it of a text.

    Raises:
        OptionError: if the option cannot have it
    """
    if value is None:
        return None
    if isinstance(value, str) and (param.multiple or param.nargs == -1):
        value = (value,)
    try:
        return param.type_cast_value(context, value)
    except (click.BadParameter, TypeError, ValueError) as error:
        said = getattr(error, "message", str(error))
        raise OptionError(f"{param.name}={value!r}: {said}") from error


def disjoint(given: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    """Return both together.

    Raises:
        OptionError: if an option is given twice
    """
    if twice := sorted(given.keys() & options.keys()):
        raise OptionError(f"{twice[0]!r} is given twice; leave it out of the options")
    return given | options


def _remember_debug(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    """Keep the flag where all commands of one call look for it."""
    if value:
        ctx.meta[DEBUG] = True


def debug() -> click.Option:
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
        say(f"affuse {version()}")
        ctx.exit()


class Subgroup(click.Group):
    """A group of commands, each of which takes ``--debug`` behind its name too."""

    def add_command(self, cmd: click.Command, name: str | None = None) -> None:
        """Add a command, as `click.Group` does, and give it the option."""
        cmd.params.append(debug())
        # also for a context without a parent, after which click keeps its help option
        cmd.context_settings.setdefault("help_option_names", HELP)
        super().add_command(cmd, name)


class Group(Subgroup):
    """Commands that print one sentence, no traceback, on wrong data or settings.

    Nothing that they print acts on the terminal, whatever the files hold that it names.
    """

    def __init__(self, *args: Any, **given: Any) -> None:
        names = {"help_option_names": HELP, "max_content_width": 100}
        super().__init__(*args, **{"context_settings": names, **given})
        shown = click.Option(
            ["--version"],
            is_flag=True,
            expose_value=False,
            is_eager=True,
            callback=_show_version,
            help="Show the version and exit.",
        )
        self.params += [shown, debug()]

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
            kind = Misuse if isinstance(error, OptionError) else click.ClickException
            raise kind(message(error)) from error
        except click.UsageError as error:
            _refuse_active(error)
            raise
        except KeyboardInterrupt:
            say("", err=True)
            say("stopped; what is finished is kept, repeat to go on", err=True)
            ctx.exit(130)


def _refuse_active(error: click.UsageError) -> None:
    """Replace an error of click that shows a folder's name as it is.

    Raises:
        click.UsageError: with that name escaped, if it holds what acts on a terminal
    """
    text = error.format_message()  # which has several lines where choices are listed
    if text != inactive(text):
        raise click.UsageError(inactive(text), error.ctx) from None
