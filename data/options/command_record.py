"""Base class of all records, which converts a record to the line that a shell takes.

The line leaves out options that have their default.
"""

import shlex
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import MISSING, Field, dataclass, fields
from inspect import get_annotations
from numbers import Real
from os import PathLike
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
            values_by_name: values by the name of a field, or by the name of a flag
                with ``_`` for ``-``, such as ``map`` for ``--map``. None selects the
                default. An option that may be repeated also accepts a single value,
                and a mapping if it takes NAME=VALUE pairs

        Raises:
            OptionError: if there is no such option, if a value is not valid, if an
                option has two values, or if a required value is missing
        """
        parameters = {str(each.name): each for each in cls.parameters()}
        field_names = _field_names(parameters.values())
        context = click.Context(click.Command(cls.COMMAND))
        typed, values = dict[str, str](), dict[str, Any]()
        for name, value in values_by_name.items():
            if name not in field_names:
                suggestion = hint(name, sorted(field_names))
                raise OptionError(f"there is no option {name!r}{suggestion}")
            field = field_names[name]
            if (other := typed.setdefault(field, name)) != name:
                raise OptionError(
                    f"{other!r} and {name!r} are the same option; leave one out"
                )
            if value is not None:
                values[field] = _checked(name, parameters[field], value, context)
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

    @property
    def is_default(self) -> bool:
        """True if every option and argument has its default."""
        return not self._changed()

    def words(self) -> Iterator[str]:
        """Yield the words that follow the program's name, without shell quotes."""
        yield from self.COMMAND.split()
        for each in sorted(self._changed(), key=lambda each: bool(spelling(each).flag)):
            yield from words(each, getattr(self, each.name))

    def _changed(self) -> list[Field[Any]]:
        """Return the fields whose values differ from their defaults."""
        return [f for f in self.fields() if getattr(self, f.name) != f.default]

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


def _field_names(parameters: Iterable[click.Parameter]) -> dict[str, str]:
    """Return the name of a field for each name that Python code may use.

    These are the names of fields, and those of flags that no field has.
    """
    names: dict[str, str] = {}
    fields_ = [(each, str(each.name)) for each in parameters]
    for each, field in fields_:
        if isinstance(each, click.Option):
            flag = next(o for o in each.opts if o.startswith("--"))
            names[flag.removeprefix("--").replace("-", "_")] = field
    return names | {field: field for _, field in fields_}


def _checked(
    name: str, param: click.Parameter, value: Any, context: click.Context
) -> Any:
    """Return a value after the conversion and checks of the command line.

    Raises:
        OptionError: if the value is not valid for the option, with the name that was
            used for it
    """
    if isinstance(value, Mapping) and "=" in (param.metavar or ""):
        value = tuple(_pair(name, *item) for item in value.items())
    elif param.multiple or param.nargs == -1:
        is_single = isinstance(value, (str, int, float, PathLike))
        value = (value,) if is_single else value
    _demand_count(name, param, value)
    _demand_whole(name, param, value)
    try:
        return param.process_value(context, value)
    except (click.BadParameter, TypeError, ValueError) as error:
        sentence = getattr(error, "message", str(error))
        raise OptionError(f"{name}={value!r}: {sentence}") from error


def _demand_count(name: str, param: click.Parameter, value: object) -> None:
    """Raise OptionError if an option has one value instead of several, or the reverse.

    The sentences of click are about the types of Python.
    """
    if param.multiple or param.nargs == -1:
        return
    is_single = isinstance(value, str | bytes) or getattr(value, "ndim", 1) == 0
    is_several = isinstance(value, Iterable) and not is_single
    if param.nargs > 1 and not is_several:
        raise OptionError(f"{name}={value!r}: give a tuple of {param.nargs} values")
    if param.nargs == 1 and is_several:
        raise OptionError(f"{name}={value!r}: give one value, not several")


def _demand_whole(name: str, param: click.Parameter, value: object) -> None:
    """Raise OptionError if a value would be rounded, as click does with 2.5 seeds."""
    if not isinstance(param.type, click.types.IntParamType):
        return
    for each in value if isinstance(value, list | tuple) else (value,):
        if isinstance(each, bool) or (isinstance(each, Real) and each != each // 1):
            raise OptionError(f"{name}={value!r}: {each!r} is not a whole number.")


def _pair(option: str, name: object, value: object) -> str:
    """Return an item of a mapping as the command line writes it.

    Raises:
        OptionError: if the value is neither a text nor a number

    Examples:
        >>> _pair("set", "latent", 64), _pair("set", "pretrain", False)
        ('latent=64', 'pretrain=false')
    """
    if not isinstance(value, (str, int, float, PathLike)):
        raise OptionError(
            f"{option}: the value of {name!r} is {value!r}; write it as on the command "
            f"line, in one text or number"
        )
    return f"{name}={str(value).lower() if isinstance(value, bool) else value}"


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
