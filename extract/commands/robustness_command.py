"""Command line of `robustness`: a trained run on degraded inputs."""

import sys
from typing import TYPE_CHECKING

import click

from affuse.data.options.command_groups import RecordCommand, takes_record
from affuse.data.terminal import print_line

if TYPE_CHECKING:
    from affuse.data.options import robustness_options


@click.command(cls=RecordCommand)
@takes_record
def robustness(options: "robustness_options.Robustness") -> None:
    """Measure the CCC of a run on degraded recordings and transcripts.

    The models of each fold of RUN predict its test part after noise, a telephone band,
    reverberation, gain, clipping or lossy coding, and from transcripts with word
    errors, without case and punctuation, or empty. Nothing is trained. ROOT is the
    folder of the corpus, if it is no longer the one that `extract` read.

    The degraded embeddings are cached: repeat the command after an interruption. The
    table is also written into RUN, for the page of `report`, beside the conditions
    of earlier commands on the same utterances. The exit status is 1 if something was
    left out.

    \b
    Examples:
      python cli.py robustness runs/demo-early-speakers-0123abcd
      python cli.py robustness runs/demo-early-speakers-0123abcd \\
          --condition noise:10 --condition telephone
    """
    from affuse.extract.commands import robustness_measurement

    sys.exit(robustness_measurement.measure_robustness(options, print_line) > 0)
