"""Modality of text: cleaned transcripts, which the records of a corpus hold."""

from pathlib import Path

from affuse.data.modality import InputFacts, Modality
from affuse.data.reading.transcript_rule import digest
from affuse.data.records import Utterance


def source(utterance: Utterance, root: Path) -> str | None:
    """Return the cleaned transcript, which may be empty, or None."""
    return utterance.text


def inspect(text: str) -> InputFacts:
    """Return the digest of a text and its length in characters."""
    return InputFacts(digest(text), float(len(text)))


def read(text: str) -> str:
    """Return the text, which encoders tokenise themselves."""
    return text


MODALITY = Modality(
    name="text",
    unit="char",
    noun="text",
    material="text",
    requirement="transcript",
    encoder="distilbert",
    part_rows=1024,
    part_size=200_000.0,
    batch={"cpu": 512.0, "cuda": 32_768.0},  # tokens
    needs=("text",),
    source=source,
    inspect=inspect,
    read=read,
    in_memory=True,
    recurs=True,
)
