"""Click types that check and convert the values of options."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from affuse.data import plugins
from affuse.data.errors import OptionError
from affuse.data.modality import modality_names
from affuse.data.plugin_kinds import (
    CORPUS_KIND,
    DESIGN_KIND,
    FORMAT_KIND,
    PREDICTION_FORMAT_KIND,
)
from affuse.data.suggestions import hint


class Names(click.Choice):
    """Choice of names whose error message suggests the most similar name."""

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        """Return the name, as `click.Choice` does."""
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter as error:
            sentence = error.message + hint(str(value), self.choices)
            raise click.BadParameter(sentence, ctx, param) from error


FOLDER = click.Path(file_okay=False, path_type=Path)
FILE = click.Path(dir_okay=False, path_type=Path)
MODALITY = click.Choice(["audio", "text"])  # for commands without other modalities
ONE_OR_MORE = click.IntRange(min=1)
NOT_NEGATIVE = click.IntRange(min=0)
SHARE = click.FloatRange(0, 1, min_open=True, max_open=True)


class ModalityName(Names):
    """Name of a modality; plug-ins are listed when a value is checked."""

    def __init__(self) -> None:
        super().__init__(modality_names())

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        """Return the name, as `click.Choice` does."""
        self.choices = modality_names()
        return super().convert(value, param, ctx)


def pairs(values: Sequence[str], flag: str, example: str) -> dict[str, str]:
    """Return the values of an option by the modality, which is typed before ``=``.

    Args:
        values: as typed, such as ``face=landmarks``
        flag: of the option, for errors
        example: placeholder for the part after ``=``, for errors

    Raises:
        OptionError: if a value names no modality, or two values name the same one

    Examples:
        >>> pairs(["text=mini"], "--checkpoint", "NAME")
        {'text': 'mini'}
    """
    by_modality: dict[str, str] = {}
    for value in values:
        modality, mark, name = value.partition("=")
        modalities = modality_names()
        if not (mark and name):
            raise OptionError(f"{flag} {value}: write MODALITY={example}")
        if modality not in modalities:
            raise OptionError(
                f"{flag} {value}: no modality {modality!r}; choose from "
                f"{', '.join(modalities)}{hint(modality, modalities)}"
            )
        if modality in by_modality:
            raise OptionError(f"{flag} {value}: {modality} has two; leave one out")
        by_modality[modality] = name
    return by_modality


class ReaderName(Names):
    """Name of a corpus reader; an error explains why there is none for some corpora."""

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        """Return the name, as `click.Choice` does."""
        if (why := CORPUS_KIND.explain(str(value))) and value not in self.choices:
            sentence = f"there is no corpus reader {str(value)!r}{why}"
            raise click.BadParameter(sentence, ctx, param)
        return super().convert(value, param, ctx)


def corpora() -> Names:
    """Return the click type for names of corpus readers."""
    return ReaderName(plugins.names(CORPUS_KIND))


def designs() -> Names:
    """Return the click type for names of trainable fusion designs."""
    return Names(plugins.names(DESIGN_KIND))


def formats() -> Names:
    """Return the click type for names of report formats."""
    return Names(plugins.names(FORMAT_KIND))


def prediction_formats() -> Names:
    """Return the click type for names of formats of predictions."""
    return Names(plugins.names(PREDICTION_FORMAT_KIND))


def design_names() -> str:
    """Return the names of all trainable fusion designs, divided by commas."""
    return ", ".join(plugins.names(DESIGN_KIND))


def split_names(
    ctx: click.Context, param: click.Parameter, values: Sequence[str]
) -> tuple[str, ...]:
    """Return the names in the values of a repeatable option, split at commas.

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
