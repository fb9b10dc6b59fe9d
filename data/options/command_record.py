"""Base class of all records, which converts a record to the line that a shell takes.

The line leaves out options that have their default.
"""

import shlex
import sys
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, Field, dataclass, fields
from inspect import get_annotations
from pathlib import Path
from typing import Any, ClassVar, Self

import click

from affuse.data.errors import OptionError
from affuse.data.options.option_fields import COMPUTE, parameter, spelling, words
from affuse.data.suggestions import hint
from affuse.data.system.environment import ROOT

PROGRAM = ("python", "cli.py")
NEXT = "next: "  # beginning of a line of output; the rest is a command to paste


@dataclass(frozen=True, kw_only=True)
class Command:
    """Record of the options and arguments of one command.

    A record without `COMMAND` holds options that several commands share. Each field is
    an option or an argument, and the field's default is that of the option.
    """

    COMMAND: ClassVar[str] = ""  # as it is typed, such as "train" or "cache list"
    HEADING: ClassVar[str] = COMPUTE  # in --help, for fields that the record defines
    MOVED: ClassVar[Mapping[str, str]] = {}  # inherited field -> its other heading

    @classmethod
    def fields(cls) -> tuple[Field[Any], ...]:
        """Return the fields in the order of ``--help``.

        Fields that the record defines come first, then those of its base classes from
        left to right.
        """
        by_name = {each.name: each for each in fields(cls)}
        return tuple(by_name[name] for name in dict.fromkeys(_names(cls)))

    @classmethod
    def parameters(cls) -> list[click.Parameter]:
        """Return new click parameters, one for each field."""
        return [parameter(each, cls.heading(each.name)) for each in cls.fields()]

    @classmethod
    def heading(cls, name: str) -> str:
        """Return the heading of a field in ``--help``."""
        owner = next(c for c in cls.__mro__ if name in get_annotations(c))
        return cls.MOVED.get(name, vars(owner).get("HEADING", COMPUTE))

    @classmethod
    def from_values(cls, **values_by_name: Any) -> Self:
        """Return a record from Python values, checked as on the command line.

        Args:
            values_by_name: values by the name of a field. None selects the default. An
                option that may be repeated also accepts a single string

        Raises:
            OptionError: if there is no such option, if a value is not valid, or if a
                required value is missing
        """
        parameters = {str(each.name): each for each in cls.parameters()}
        if unknown := sorted(values_by_name.keys() - parameters.keys()):
            suggestion = hint(unknown[0], sorted(parameters))
            raise OptionError(f"there is no option {unknown[0]!r}{suggestion}")
        context = click.Context(click.Command(cls.COMMAND))
        values = {
            name: _checked(parameters[name], value, context)
            for name, value in values_by_name.items()
            if value is not None
        }
        for each in cls.fields():
            if each.default is MISSING and each.name not in values:
                raise OptionError(f"{each.name!r} is missing; give it a value")
        return cls(**values)

    @classmethod
    def from_command(
        cls, other: "Command", *shared: type["Command"], **changes: Any
    ) -> Self:
        """Return a record of this command with some values of another command.

        Args:
            other: record of the other command, an instance of each class in `shared`
            shared: classes whose fields are copied from `other`
            changes: values of other fields; they take precedence over copied values
        """
        names = [each.name for part in shared for each in fields(part)]
        return cls(**{**{name: getattr(other, name) for name in names}, **changes})

    def words(self) -> Iterator[str]:
        """Yield the words that follow the program's name, without shell quotes."""
        yield from self.COMMAND.split()
        changed = [f for f in self.fields() if getattr(self, f.name) != f.default]
        for each in sorted(changed, key=lambda each: bool(spelling(each).flag)):
            yield from words(each, getattr(self, each.name))

    def __str__(self) -> str:
        return shlex.join([*program(), *self.words()])


def _names(record: type) -> Iterator[str]:
    """Yield the names of a record's fields, then those of its base classes.

    A name that several classes have is repeated.
    """
    if issubclass(record, Command):
        yield from (name for name in get_annotations(record) if name.islower())
        for base in record.__bases__:
            yield from _names(base)


def _checked(param: click.Parameter, value: Any, context: click.Context) -> Any:
    """Return a value after the conversion and checks of the command line.

    Raises:
        OptionError: if the value is not valid for the option
    """
    if isinstance(value, str) and (param.multiple or param.nargs == -1):
        value = (value,)
    try:
        return param.process_value(context, value)
    except (click.BadParameter, TypeError, ValueError) as error:
        sentence = getattr(error, "message", str(error))
        raise OptionError(f"{param.name}={value!r}: {sentence}") from error


def merge_values(values: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    """Return the values of both mappings, by the name of an option.

    Raises:
        OptionError: if both mappings have the same option
    """
    if twice := sorted(values.keys() & more.keys()):
        raise OptionError(f"{twice[0]!r} is given twice; leave it out of the options")
    return values | more


def program() -> tuple[str, ...]:
    """Return the words with which the user's shell starts this program again.

    They are ``affuse`` or ``python`` with the path of ``cli.py``, as the program was
    started. If it was started otherwise, for example in a notebook, they are
    ``affuse`` for an installed copy and ``python cli.py`` for a checkout.
    """
    typed = sys.argv[0] if sys.argv else ""
    name = Path(typed).name
    if name == "cli.py":
        return ("python", typed)
    is_installed = not (ROOT / "setup.cfg").is_file()
    return ("affuse",) if name == "affuse" or is_installed else PROGRAM


def next_line(command: Command) -> str:
    """Return the line of output that advises the user to type a command next."""
    return f"{NEXT}{command}"
