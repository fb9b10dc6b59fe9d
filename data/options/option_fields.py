"""Fields of records that are options or arguments of a command.

The annotation of a field says how many values there are and of which type. The click
parameter is made from the field when it is asked for, because most commands are not
the one that was typed.
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
SCREEN = "-"  # name of the file that is the standard output
Lazy = Callable[[], click.ParamType]


@dataclass(frozen=True)
class Spelling:
    """Spelling of one field on the command line, beside its name and its default."""

    flag: str = ""  # such as "--seeds"; "" for an argument
    type: click.ParamType | Lazy | None = None  # None: as the annotation says
    help: str | Callable[[], str] = ""
    metavar: str | None = None
    is_list: bool = False  # one value may hold several names between commas


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
) -> Any:
    """Declare the field of an option.

    Args:
        flag: as it is typed, such as ``--seeds``, or ``--yes/--no``
        default: of the field; without one, the option is required
        type: that click checks, or a function that makes it; None for the annotation's
        help: text of ``--help``, or a function that makes it
        metavar: what ``--help`` shows for the value
        is_list: whether one value may hold several names, divided by commas
    """
    spelling = Spelling(flag, type, help, metavar, is_list)
    return field(default=default, metadata={SPELLING: spelling})


def argument(
    *,
    default: Any = MISSING,
    type: click.ParamType | Lazy | None = None,
    metavar: str | None = None,
) -> Any:
    """Declare the field of an argument, which is typed before options; see `option`."""
    spelling = Spelling(type=type, metavar=metavar)
    return field(default=default, metadata={SPELLING: spelling})


def spelling(each: Field[Any]) -> Spelling:
    """Return how a field is typed."""
    found: Spelling = each.metadata[SPELLING]
    return found


def shape(annotation: Any) -> ValueShape:
    """Return what an annotation says of the values of a field.

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
    """An option of ``--help`` below a heading."""

    heading: str = COMPUTE  # of `HEADINGS`


def parameter(each: Field[Any], heading: str = COMPUTE) -> click.Parameter:
    """Return a new click parameter of a field.

    Args:
        each: of a record
        heading: of `HEADINGS`, under which ``--help`` shows an option
    """
    spelled, values = spelling(each), shape(each.type)
    common: dict[str, Any] = {
        "required": each.default is MISSING,
        "metavar": spelled.metavar or _metavar(spelled, values),
    }
    if each.default not in (MISSING, None, ()):
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
        multiple=values.is_repeatable,
        show_default=_is_shown(each.default),
        callback=split_names if spelled.is_list else None,
        help=spelled.help() if callable(spelled.help) else spelled.help or None,
        **common,
    )
    option.heading = heading
    return option


def _metavar(spelled: Spelling, values: ValueShape) -> str | None:
    """Return what ``--help`` shows for a number; None for what click shows."""
    if isinstance(spelled.type, click.Choice) or values.count > 1:
        return None
    return {int: "N", float: "NUMBER"}.get(values.type)


def _click_type(spelled: Spelling, values: ValueShape) -> click.ParamType:
    """Return what checks and converts one value."""
    if isinstance(spelled.type, click.ParamType):
        return spelled.type
    if spelled.type is not None:
        return spelled.type()
    if values.type is Path:
        return click.Path(path_type=Path)
    return click.types.convert_type(values.type)


def _is_shown(default: object) -> bool:
    """Return True if `--help` shows a default; the help text says the others."""
    return type(default) is not bool and default not in (MISSING, None, "", (), SCREEN)


def words(each: Field[Any], value: Any) -> Sequence[str]:
    """Return what is typed so that a field has a value, each word unquoted."""
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
    """Return an argument that is not mistaken for an option."""
    word = str(value)
    return f"./{word}" if word.startswith("-") else word
