"""Command line that lists, verifies and repairs caches, the group ``cache``."""

import sys
from typing import TYPE_CHECKING

import click

from affuse.data.options.command_groups import Subgroup, takes
from affuse.data.terminal import say

if TYPE_CHECKING:
    from affuse.data.options.maintenance_options import (
        ListCaches,
        RepairCaches,
        VerifyCaches,
    )


@click.group(cls=Subgroup)
def cache() -> None:
    """List, check and repair the cached embeddings."""


@cache.command("list")
@takes("maintenance_options.ListCaches")
def cache_list(options: "ListCaches") -> None:
    """List every cache.

    Each line shows digest, corpus, checkpoint, layers, pooling and number of
    utterances.
    """
    from affuse.data.cache import cache_selection

    for line in cache_selection.listing(options.cache):
        say(line)


@cache.command("verify")
@takes("maintenance_options.VerifyCaches")
def cache_verify(options: "VerifyCaches") -> None:
    """Check every file of the cache against its digest, as `verify` does.

    The command names every file that is damaged or missing. The exit status is then 1.
    """
    from affuse.data.cache import verification

    sys.exit(not verification.command(say, folders=[], usual=[options.cache]))


@cache.command("repair")
@takes("maintenance_options.RepairCaches")
def cache_repair(options: "RepairCaches") -> None:
    """Rebuild damaged and missing parts.

    For each part that `verify` reports, the extract command of its cache is repeated.
    Other parts stay unchanged.

    The exit status is 0 if every part is undamaged afterwards.
    """
    from affuse.extract.commands import cache_repair

    sys.exit(not cache_repair.run(options.cache, dry_run=options.dry_run, say=say))
