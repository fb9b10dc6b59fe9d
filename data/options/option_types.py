"""Types that click checks values of options by."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from affuse.data import plugins
from affuse.data.errors import OptionError
from affuse.data.modality import modality_names
from affuse.data.plugin_kinds import CORPUS_KIND, DESIGN_KIND, FORMAT_KIND
from affuse.data.suggestions import hint


class Names(click.Choice):
    """A choice of names; its error suggests the one that is nearest."""

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        """Return the name, as `click.Choice` does."""
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter as error:
            sentence = error.message + hint(str(value), self.choices)
            raise click.BadParameter(sentence, ctx, param) from error


FOLDER = click.Path(file_okay=False, path_type=Path)
MODALITY = click.Choice(["audio", "text"])  # where no other modality will do
ONE_OR_MORE = click.IntRange(min=1)
NOT_NEGATIVE = click.IntRange(min=0)
SHARE = click.FloatRange(0, 1, min_open=True, max_open=True)


class ModalityName(Names):
    """The name of a modality, among those that there are when a value is checked."""

    def __init__(self) -> None:
        super().__init__(modality_names())

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        """Return the name, as `click.Choice` does."""
        self.choices = modality_names()
        return super().convert(value, param, ctx)


def pairs(values: Sequence[str], flag: str, example: str) -> dict[str, str]:
    """Return the values of an option by the modality that stands before ``=``.

    Args:
        values: as typed, such as ``face=landmarks``
        flag: of the option, for errors
        example: what may stand behind ``=``, for errors

    Raises:
        OptionError: if a value names no modality, or one that another value names too

    Examples:
        >>> pairs(["text=mini"], "--checkpoint", "NAME")
        {'text': 'mini'}
    """
    found: dict[str, str] = {}
    for value in values:
        modality, mark, name = value.partition("=")
        known = modality_names()
        if not (mark and name):
            raise OptionError(f"{flag} {value}: say MODALITY={example}")
        if modality not in known:
            raise OptionError(
                f"{flag} {value}: no modality {modality!r}; choose from "
                f"{', '.join(known)}{hint(modality, known)}"
            )
        if modality in found:
            raise OptionError(f"{flag} {value}: {modality} has two; leave one out")
        found[modality] = name
    return found


def corpora() -> Names:
    """Return the type of the name of a corpus reader."""
    return Names(plugins.names(CORPUS_KIND))


def designs() -> Names:
    """Return the type of the name of a fusion design that is trained by steps."""
    return Names(plugins.names(DESIGN_KIND))


def formats() -> Names:
    """Return the type of the name of a format of a report."""
    return Names(plugins.names(FORMAT_KIND))


def design_names() -> str:
    """Return the names of all fusion designs that are trained by steps, in words."""
    return ", ".join(plugins.names(DESIGN_KIND))


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
