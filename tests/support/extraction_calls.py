"""Calls of the command extract with small encoders of random weights."""

import dataclasses

from affuse.data.options.extraction_options import Extract
from affuse.extract.commands import extract_command

EXTRACT_OPTIONS = Extract(  # without a corpus, which each call adds
    corpus="",
    audio_checkpoint="tiny",
    text_checkpoint="tiny",
    layers=("last",),
    pooling=("mean",),
    dtype="float32",
    device="cpu",
    threads=1,
    max_seconds=60.0,
)


def run_extract(found, cache, **options):
    """Encode a corpus; return the number of problems and the printed lines."""
    lines = []
    chosen = dataclasses.replace(EXTRACT_OPTIONS, cache=cache, **options)
    made, _ = extract_command.encode(found, chosen, lines.append)
    return made, lines
