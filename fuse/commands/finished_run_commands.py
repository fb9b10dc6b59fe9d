"""Command lines that read runs: `lint`, `verify`, `calibrate` and `ablate`."""

import sys
from typing import TYPE_CHECKING

import click

from affuse.data.options.command_groups import RecordCommand, takes_record
from affuse.data.terminal import print_line, print_wrapped

if TYPE_CHECKING:
    from affuse.data.options import run_options


@click.command(cls=RecordCommand)
@takes_record
def lint(options: "run_options.Lint") -> None:
    """Look for leaks in finished runs.

    Every rule checks RUN, or all runs. A rule reads the run folder and, if they are in
    the cache, the corpus and the embeddings. The exit status is 1 if a rule fails.

    \b
    Example:
      python cli.py lint runs/demo-early-speakers-0123abcd
    """
    from affuse.fuse.commands import lint_command

    say = print_line if options.as_json else print_wrapped
    sys.exit(not lint_command.lint(say, options))


@click.command(cls=RecordCommand)
@takes_record
def verify(options: "run_options.Verify") -> None:
    """Check caches and runs against the digests of their files.

    The command reads every file below each FOLDER, which is a cache, a run, or a
    folder of several. Without FOLDER, it reads all caches and runs. It names every
    file that is damaged or missing. It also names folders without digests, which an
    older version or an interrupted command wrote. The exit status is 1 if a file is
    damaged or missing, or if the named folders hold neither a cache nor a run.

    \b
    Example:
      python cli.py verify runs/demo-early-speakers-0123abcd
    """
    from affuse.data.cache import verification

    sys.exit(not verification.command(print_line, options))


@click.command(cls=RecordCommand)
@takes_record
def calibrate(options: "run_options.Calibrate") -> None:
    """Calibrate the predictions of RUN, and add intervals to them.

    The command learns from validation predictions alone: the affine map of the highest
    CCC, and split conformal intervals. It prints the scores of both on the test parts,
    and the scores without the most uncertain utterances. It writes calibration.json,
    rejection.csv and rejection.svg into RUN.

    \b
    Example:
      python cli.py calibrate runs/demo-early-speakers-0123abcd
    """
    from affuse.fuse.commands import calibrate_command

    calibrate_command.calibrate_run(options)


@click.command(cls=RecordCommand)
@takes_record
def ablate(options: "run_options.Ablate") -> None:
    """Measure the contribution of each modality.

    The command prints the test CCC of RUN with both modalities, with one of them
    only, and with one that is permuted between utterances.

    \b
    Example:
      python cli.py ablate runs/demo-early-speakers-0123abcd
    """
    from affuse.fuse.commands import ablation_command

    ablation_command.ablate(print_wrapped, options)
