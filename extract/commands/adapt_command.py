"""Command line of `adapt`: a model that follows the ratings of a user."""

from typing import TYPE_CHECKING

import click

from affuse.data.options.command_groups import RecordCommand, takes_record
from affuse.data.terminal import print_line

if TYPE_CHECKING:
    from affuse.data.options import adaptation_options


@click.command(cls=RecordCommand)
@takes_record
def adapt(options: "adaptation_options.Adapt") -> None:
    """Fit the ratings of a model to clips that you rated.

    MODEL is a bundle, or a run, which is bundled first. TABLE.csv has one row for each
    clip, with the columns file and valence, arousal or dominance, and if you know
    them, text, speaker, start and end. Paths are relative to the folder of the table,
    so the table must lie in a folder above its recordings. At least 20 clips must have
    a rating. The predictions of the adapted bundle are shown on the scale of your
    ratings.

    Each rating is adapted by offset and gain. With 60 clips or more, a ridge
    regression on the codes of the model is tried too. By cross-validation over
    speakers, or over clips if fewer than five speakers are known, an adaptation is
    kept only if the CCC of held-out clips rises, and the 90 % interval of the change
    excludes 0. Then an adapted bundle is written. Else the command says so, writes
    nothing, and its exit status is 0.

    \b
    Examples:
      python cli.py adapt runs/RUN rated.csv --scale 1 5 --output my-model
      python cli.py adapt my-model more.csv --scale 0 9 --map valence=v --output b
    """
    from affuse.extract.inference import model_adaptation

    model_adaptation.adapt_model(options, print_line)
