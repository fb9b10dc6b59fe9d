"""Command line that lists, verifies and repairs caches, the group ``cache``."""

import sys
from typing import TYPE_CHECKING

import click

from affuse.data.options.command_groups import Subgroup, takes_record
from affuse.data.terminal import print_line

if TYPE_CHECKING:
    from affuse.data.options import maintenance_options


@click.group(cls=Subgroup)
def cache() -> None:
    """List, verify and repair the cached embeddings.

    \b
    Example:
      python cli.py cache list
    """


@cache.command("list")
@takes_record
def cache_list(options: "maintenance_options.ListCaches") -> None:
    """List every cache, one on each line.

    Each line has the digest, the corpus, the checkpoint, the layers, the pooling and
    the number of utterances.

    \b
    Example:
      python cli.py cache list
    """
    from affuse.data.cache import cache_listing

    for line in cache_listing.listing(options.cache):
        print_line(line)


@cache.command("verify")
@takes_record
def cache_verify(options: "maintenance_options.VerifyCaches") -> None:
    """Check every file of the cache against its digest, as `verify` does.

    The command names every file that is damaged or missing. The exit status is then 1,
    as it is if --cache names a folder without caches.

    \b
    Example:
      python cli.py cache verify
    """
    from affuse.data.cache import verification

    sys.exit(not verification.command(print_line, options))


@cache.command("repair")
@takes_record
def cache_repair(options: "maintenance_options.RepairCaches") -> None:
    """Encode damaged and missing parts of the cache again.

    The command repeats the extract command of each cache, but only for the parts that
    `verify` reports as damaged or missing. The exit status is 0 if every part is
    undamaged afterwards.

    \b
    Example:
      python cli.py cache repair --dry-run
    """
    from affuse.extract.commands import cache_repair

    sys.exit(
        not cache_repair.run(options.cache, dry_run=options.dry_run, say=print_line)
    )
