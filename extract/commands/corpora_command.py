"""Command line of `corpora`, which lists the corpus readers."""

from typing import TYPE_CHECKING

import click

from affuse.data.options.command_groups import RecordCommand, takes_record
from affuse.data.terminal import print_line

if TYPE_CHECKING:
    from affuse.data.options import source_options


@click.command(cls=RecordCommand)
@takes_record
def corpora(options: "source_options.ListCorpora") -> None:
    """List the corpus readers, and what each one needs.

    Each reader is named with the file or folder that ROOT names, the publisher's page,
    the licence, the kind of ratings and the size of the corpus. Readers of installed
    packages are listed too.

    \b
    Example:
      python cli.py corpora
    """
    from affuse.data.reading import corpus_listing

    for line in corpus_listing.listing(as_json=options.as_json):
        print_line(line)
