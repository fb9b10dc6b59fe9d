"""Command line of `serve`: a page in the browser for one model."""

from typing import TYPE_CHECKING

import click

from affuse.data.options.command_groups import RecordCommand, takes_record
from affuse.data.terminal import print_line

if TYPE_CHECKING:
    from affuse.data.options import serving_options


@click.command(cls=RecordCommand)
@takes_record
def serve(options: "serving_options.Serve") -> None:
    """Predict recordings on a page in the browser.

    The command loads MODEL as `predict` does, and serves a page until you press
    Ctrl+C. On the page, you record or drop a recording, and type its transcript or let
    it be recognised. It shows valence, arousal and dominance over time, and in the
    plane of valence and arousal. The same server answers an HTTP API.

    The page sends nothing to other machines. Recordings are deleted when the page is
    closed, and 15 minutes after their upload at the latest. It needs the extra
    'serve'.

    \b
    Examples:
      python cli.py serve runs/RUN
      python cli.py serve my-model --transcribe small.en --port 8000
    """
    from affuse.extract.inference.serving import web_server

    web_server.serve(options, print_line)
