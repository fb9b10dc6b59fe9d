"""Types that click checks values of options by."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from affuse.data import plugins
from affuse.data.plugins import CORPUS_PACKAGE, DESIGN_PACKAGE
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
MODALITY = click.Choice(["audio", "text"])
ONE_OR_MORE = click.IntRange(min=1)
NOT_NEGATIVE = click.IntRange(min=0)
SHARE = click.FloatRange(0, 1, min_open=True, max_open=True)


def corpora() -> Names:
    """Return the type of the name of a corpus reader."""
    return Names(plugins.names(CORPUS_PACKAGE))


def designs() -> Names:
    """Return the type of the name of a fusion design that is trained by steps."""
    return Names(plugins.names(DESIGN_PACKAGE))


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
