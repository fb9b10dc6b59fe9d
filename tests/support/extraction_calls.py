"""Extraction calls, shared by several test files."""

import dataclasses

from affuse.data.options.extraction_options import Extract
from affuse.extract.commands import extract_command

EXTRACT_OPTIONS = Extract(  # a corpus that no command reads
    corpus="",
    audio_checkpoint="tiny",
    text_checkpoint="tiny",
    dtype="float32",
    device="cpu",
    threads=1,
    max_seconds=60.0,
)


def run_extract(found, cache, **options):
    """The extract command: what it returns, and the lines it says."""
    lines = []
    chosen = dataclasses.replace(EXTRACT_OPTIONS, cache=cache, **options)
    made, _ = extract_command.encode(found, chosen, lines.append)
    return made, lines
