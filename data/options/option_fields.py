"""Dataclass fields that declare the options and arguments of a command.

The annotation of a field states the number of values and their type. Its click
parameter is created only when it is used, because a call uses one command of many.
"""

from collections.abc import Callable, Sequence
from dataclasses import MISSING, Field, dataclass, field
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, get_args, get_origin

import click

from affuse.data.options.option_types import split_names

SPELLING = "spelling"  # key of a field's metadata
READ, COMPUTE = "What to read", "What to compute"  # headings of options in --help
RESOURCES, SHOW, WRITE = "Device and resources", "What to show", "Where to write"
HEADINGS = (READ, COMPUTE, RESOURCES, SHOW, WRITE)  # in the order of --help
SCREEN = "-"  # file name that means the standard output
Lazy = Callable[[], click.ParamType]


@dataclass(frozen=True)
class Spelling:
    """Flag, type and help text of one field on the command line."""

    flag: str = ""  # such as "--seeds"; "" for an argument
    type: click.ParamType | Lazy | None = None  # None: that of the annotation
    help: str | Callable[[], str] = ""
    metavar: str | None = None
    is_list: bool = False  # True if one value may hold several names, with commas
    joint: str = ""  # between the values of a repeated option that make one text


@dataclass(frozen=True)
class ValueShape:
    """Number of values that a field holds, and their Python type."""

    type: type
    count: int = 1  # values that follow the flag together
    is_repeatable: bool = False


def option(
    flag: str,
    *,
    default: Any = MISSING,
    type: click.ParamType | Lazy | None = None,
    help: str | Callable[[], str] = "",
    metavar: str | None = None,
    is_list: bool = False,
    joint: str = "",
) -> Any:
    """Return a dataclass field that declares an option.

    Args:
        flag: as it is typed, such as ``--seeds``, or ``--yes/--no``
        default: of the field; without one, the option is required
        type: click type, or a function that returns it; None for that of the
            annotation
        help: text of ``--help``, or a function that returns it
        metavar: placeholder of the value in ``--help``
        is_list: True if one value may hold several names, divided by commas
        joint: the option may be repeated, and its values are one text, with this
            between them
    """
    spelling = Spelling(flag, type, help, metavar, is_list, joint)
    return field(default=default, metadata={SPELLING: spelling})


def argument(
    *,
    default: Any = MISSING,
    type: click.ParamType | Lazy | None = None,
    metavar: str | None = None,
) -> Any:
    """Return a dataclass field that declares a positional argument; see `option`."""
    spelling = Spelling(type=type, metavar=metavar)
    return field(default=default, metadata={SPELLING: spelling})


def spelling(each: Field[Any]) -> Spelling:
    """Return the flag, type and help text of a field."""
    result: Spelling = each.metadata[SPELLING]
    return result


def shape(annotation: Any) -> ValueShape:
    """Return the number of values and their type that an annotation states.

    Examples:
        >>> shape(int | None)
        ValueShape(type=<class 'int'>, count=1, is_repeatable=False)
        >>> shape(tuple[str, ...])
        ValueShape(type=<class 'str'>, count=1, is_repeatable=True)
        >>> shape(tuple[float, float] | None)
        ValueShape(type=<class 'float'>, count=2, is_repeatable=False)
    """
    if isinstance(annotation, UnionType):
        (annotation,) = (a for a in get_args(annotation) if a is not NoneType)
    if get_origin(annotation) is not tuple:
        return ValueShape(annotation)
    values = get_args(annotation)
    if values[-1] is Ellipsis:
        return ValueShape(values[0], is_repeatable=True)
    return ValueShape(values[0], count=len(values))


class HeadedOption(click.Option):
    """Click option that ``--help`` shows below a heading."""

    heading: str = COMPUTE  # one of `HEADINGS`


def parameter(each: Field[Any], heading: str = COMPUTE) -> click.Parameter:
    """Return a new click parameter of a field.

    Args:
        each: of a record
        heading: one of `HEADINGS`, under which ``--help`` shows an option
    """
    spelled, values = spelling(each), shape(each.type)
    common: dict[str, Any] = {
        "required": each.default is MISSING,
        "metavar": spelled.metavar or _metavar(spelled, values),
    }
    if each.default not in (MISSING, None, ()) and not spelled.joint:
        common["default"] = each.default
    if not spelled.flag:
        common["nargs"] = -1 if values.is_repeatable else 1
        return click.Argument([each.name], type=_click_type(spelled, values), **common)
    if values.type is not bool:
        common |= {"type": _click_type(spelled, values), "nargs": values.count}
    elif each.default is None:
        common["default"] = None
    option = HeadedOption(
        [each.name, spelled.flag],
        is_flag=values.type is bool or None,
        multiple=values.is_repeatable or bool(spelled.joint),
        show_default=_is_shown(each.default),
        callback=_callback(spelled),
        help=spelled.help() if callable(spelled.help) else spelled.help or None,
        **common,
    )
    option.heading = heading
    return option


def _callback(spelled: Spelling) -> Callable[..., Any] | None:
    """Return the function that changes all values of an option, or None."""
    if spelled.joint:
        return lambda _context, _param, values: spelled.joint.join(values)
    return split_names if spelled.is_list else None


def _metavar(spelled: Spelling, values: ValueShape) -> str | None:
    """Return the placeholder of a number in ``--help``; None for click's default."""
    if isinstance(spelled.type, click.Choice) or values.count > 1:
        return None
    return {int: "N", float: "NUMBER"}.get(values.type)


def _click_type(spelled: Spelling, values: ValueShape) -> click.ParamType:
    """Return the click type that checks and converts one value."""
    if isinstance(spelled.type, click.ParamType):
        return spelled.type
    if spelled.type is not None:
        return spelled.type()
    if values.type is Path:
        return click.Path(path_type=Path)
    return click.types.convert_type(values.type)


def _is_shown(default: object) -> bool:
    """Return True if `--help` shows a default itself; help texts state the others."""
    return type(default) is not bool and default not in (MISSING, None, "", (), SCREEN)


def words(each: Field[Any], value: Any) -> Sequence[str]:
    """Return the words that give a field this value, without shell quotes."""
    flag, values = spelling(each).flag, shape(each.type)
    if not flag:
        return [*map(_argument, value if values.is_repeatable else (value,))]
    if values.type is bool:
        yes, _, no = flag.partition("/")
        return [yes if value else no]
    if values.count > 1:
        return [flag, *map(str, value)]
    several = value if values.is_repeatable else (value,)
    return [word for one in several for word in (flag, str(one))]


def _argument(value: object) -> str:
    """Return an argument that does not begin with a hyphen, as an option would."""
    word = str(value)
    return f"./{word}" if word.startswith("-") else word
