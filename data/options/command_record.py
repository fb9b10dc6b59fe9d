"""The base of all records, and how a shell takes the command that a record stands for.

A default is left out of the line. So every option that is printed exists.
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
NEXT = "next: "  # begins a line of output that can be pasted behind it


@dataclass(frozen=True, kw_only=True)
class Command:
    """Options and arguments of one command, or of several commands if it has no name.

    A field of the record is an option or an argument. It has the option's default.
    """

    COMMAND: ClassVar[str] = ""  # as it is typed, such as "train" or "cache list"
    HEADING: ClassVar[str] = COMPUTE  # of a record's own fields in --help
    MOVED: ClassVar[Mapping[str, str]] = {}  # fields of bases to another heading

    @classmethod
    def fields(cls) -> tuple[Field[Any], ...]:
        """Return the fields in the order of ``--help``.

        A record's own fields come first, then those of its bases from left to right.
        """
        known = {each.name: each for each in fields(cls)}
        return tuple(known[name] for name in dict.fromkeys(_names(cls)))

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
    def from_values(cls, **given: Any) -> Self:
        """Return a record from values in Python, which are checked as typed words are.

        Args:
            given: values by the name of a field; None is the default, and one text
                stands for an option that may be repeated

        Raises:
            OptionError: if there is no such option, if it cannot have the value, or if
                a value is missing
        """
        known = {str(each.name): each for each in cls.parameters()}
        if unknown := sorted(given.keys() - known.keys()):
            raise OptionError(
                f"there is no option {unknown[0]!r}{hint(unknown[0], sorted(known))}"
            )
        context = click.Context(click.Command(cls.COMMAND))
        values = {
            name: _checked(known[name], value, context)
            for name, value in given.items()
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
        """Return a record that has some options of another command.

        Args:
            other: a record, which is an instance of each of `shared`
            shared: records of options that both commands have
            changes: values of other fields, and of fields that are to differ
        """
        names = [each.name for part in shared for each in fields(part)]
        return cls(**{**{name: getattr(other, name) for name in names}, **changes})

    def words(self) -> Iterator[str]:
        """Yield what follows the name of the program, each word unquoted."""
        yield from self.COMMAND.split()
        changed = [f for f in self.fields() if getattr(self, f.name) != f.default]
        for each in sorted(changed, key=lambda each: bool(spelling(each).flag)):
            yield from words(each, getattr(self, each.name))

    def __str__(self) -> str:
        return shlex.join([*program(), *self.words()])


def _names(record: type) -> Iterator[str]:
    """Yield the names of a record's own fields, then of its bases; some repeatedly."""
    if issubclass(record, Command):
        yield from (name for name in get_annotations(record) if name.islower())
        for base in record.__bases__:
            yield from _names(base)


def _checked(param: click.Parameter, value: Any, context: click.Context) -> Any:
    """Return a value as the command line would make it of a text.

    Raises:
        OptionError: if the option cannot have it
    """
    if isinstance(value, str) and (param.multiple or param.nargs == -1):
        value = (value,)
    try:
        return param.process_value(context, value)
    except (click.BadParameter, TypeError, ValueError) as error:
        sentence = getattr(error, "message", str(error))
        raise OptionError(f"{param.name}={value!r}: {sentence}") from error


def merge_values(given: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    """Return values of a command and more of them together.

    Raises:
        OptionError: if an option is given twice
    """
    if twice := sorted(given.keys() & more.keys()):
        raise OptionError(f"{twice[0]!r} is given twice; leave it out of the options")
    return given | more


def program() -> tuple[str, ...]:
    """Return how this program was started, for the same shell to start it again.

    It was ``affuse``, or ``cli.py`` in any folder. Where it was neither, as in a
    notebook, an installed copy has the command ``affuse`` alone.
    """
    typed = sys.argv[0] if sys.argv else ""
    name = Path(typed).name
    if name == "cli.py":
        return ("python", typed)
    is_installed = not (ROOT / "setup.cfg").is_file()
    return ("affuse",) if name == "affuse" or is_installed else PROGRAM


def next_line(command: Command) -> str:
    """Return the line of output that says which command comes next."""
    return f"{NEXT}{command}"
