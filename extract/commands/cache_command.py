"""The commands that look after the cache; `cli.py` offers them as ``cache``."""

import sys
from pathlib import Path

import click

from affuse.data.shared_options import CACHE, Subgroup
from affuse.data.terminal import say


@click.group(cls=Subgroup)
def cache() -> None:
    """Look at the cached embeddings."""


@cache.command("list")
@CACHE
def cache_list(cache: Path) -> None:
    """List every cache.

    Digest, corpus, checkpoint, layers, pooling and number of utterances.
    """
    from affuse.data.cache import cache_selection

    for line in cache_selection.listing(cache):
        say(line)


@cache.command("verify")
@CACHE
def cache_verify(cache: Path) -> None:
    """Check every file of the cache against its digest, as `verify` does.

    Names every file that is damaged or missing; the exit status is then 1.
    """
    from affuse.data.cache import verification

    sys.exit(not verification.command(say, folders=[], usual=[cache]))


@cache.command("repair")
@CACHE
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
def cache_repair(cache: Path, dry_run: bool) -> None:
    """Make damaged and missing parts anew.

    Repeats the extract command of each cache for what `verify` finds, and nothing else.

    Exit status 0 if everything is whole afterwards.
    """
    from affuse.extract.commands import cache_repair

    sys.exit(not cache_repair.run(cache, dry_run=dry_run, say=say))
