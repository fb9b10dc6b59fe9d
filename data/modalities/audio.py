"""Modality of speech: recordings, which `affuse.extract.audio` decodes at 16 kHz."""

from pathlib import Path

from affuse.data.modality import Modality
from affuse.data.records import Utterance


def source(utterance: Utterance, root: Path) -> Path | None:
    """Return the recording that the span of the utterance refers to, or None."""
    return utterance.audio


MODALITY = Modality(
    name="audio",
    unit="audio-s",
    noun="recording",
    encoder="wav2vec2",
    part_rows=256,
    part_size=1800.0,
    # Larger batches are not faster on a CPU: one utterance uses all its cores, and
    # small blocks of memory are reused.
    batch={"cpu": 10.0, "cuda": 320.0},  # seconds
    # A minute in one block takes 0.2 GB with a model of 1024 dimensions. This limit
    # permits three such blocks at once.
    batches=18,
    needs=("audio", "span", "channel"),
    source=source,
    has_times=True,
    has_head=True,
    options=("block_seconds",),
)
