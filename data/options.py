"""Command-line options of both stages, and of reading a corpus."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from data import plugins
from data.errors import AffuseError
from data.utterance import NATURES

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
CORPUS = click.Choice(plugins.names("data.corpora"))
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


class Group(click.Group):
    """What is wrong with data or settings is one sentence, not a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (AffuseError, OSError) as error:
            if ctx.params["debug"] or isinstance(error, BrokenPipeError):
                raise
            raise click.ClickException(str(error)) from error
        except KeyboardInterrupt:
            click.echo("\nstopped; what is finished is kept, repeat to go on", err=True)
            ctx.exit(130)
