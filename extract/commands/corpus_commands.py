"""Command lines that read a corpus: `corpora`, `check`, `utterances` and `sample`."""

import sys
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


@click.command(cls=RecordCommand)
@takes_record
def check(options: "source_options.CheckCorpus") -> None:
    """Compare a corpus with its published counts.

    The command reads CORPUS at ROOT (demo needs none), and names each kind of problem
    by file and line. The exit status is 1 if there is a problem, or if a count is not
    as published. Notes and questions do not change the exit status.

    \b
    Example:
      python cli.py check manifest table.csv --scale 1 5 --map valence=v_mean
    """
    from affuse.data.reading import corpus_checks
    from affuse.extract.caching import recording_headers

    find = recording_headers.find_problems
    sys.exit(not corpus_checks.command(print_line, find, options))


@click.command(cls=RecordCommand)
@takes_record
def utterances(options: "source_options.WriteUtterances") -> None:
    """Write the utterances of a corpus as CSV, one row each.

    The command reads CORPUS at ROOT (demo needs none). It names every problem on the
    error stream. The exit status is 1 if something was left out.

    \b
    Example:
      python cli.py utterances demo --output utterances.csv
    """
    from affuse.data.reading import corpus_checks

    sys.exit(not corpus_checks.utterances(options, print_line))


@click.command(cls=RecordCommand)
@takes_record
def sample(options: "source_options.WriteSample") -> None:
    """Write a small example of a corpus.

    The example has the layout of CORPUS, with made-up sentences and generated tones.
    ROOT must be a new or an empty folder.

    \b
    Example:
      python cli.py sample manifest small-corpus
    """
    from affuse.data.reading import corpus_reading

    corpus, root = options.corpus, options.root
    count = corpus_reading.sample(corpus, root)
    print_line(f"{count} synthetic utterances in the layout of {corpus} in {root}")
