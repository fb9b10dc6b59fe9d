"""Command line of `bundle`: a trained model to use elsewhere."""

from typing import TYPE_CHECKING

import click

from affuse.data.options.command_groups import RecordCommand, takes_record
from affuse.data.terminal import print_line

if TYPE_CHECKING:
    from affuse.data.options import bundle_options


@click.command(cls=RecordCommand)
@takes_record
def bundle(options: "bundle_options.MakeBundle") -> None:
    """Write the models of RUN into a folder to predict elsewhere.

    The bundle holds the models, their calibration, a model card with the figures of
    the run, and the encoders or references to them. It holds no training data, no
    names of speakers and no transcripts. Its licence is inherited from the encoders;
    an encoder whose licence is not known to permit redistribution is not included.
    Nothing in a bundle is executed when it is used.

    \b
    Examples:
      python cli.py bundle runs/RUN --output my-model
      python cli.py bundle runs/RUN --output my-model --weights reference --onnx
    """
    from affuse.extract.inference import bundle_making

    bundle_making.make_bundle(options, print_line)
