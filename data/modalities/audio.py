"""Speech: recordings, decoded at 16 kHz by `affuse.extract.audio`."""

from pathlib import Path

from affuse.data.modality import Modality
from affuse.data.records import Utterance


def source(utterance: Utterance, root: Path) -> Path | None:
    """Return the recording; the span says which stretch of it is the utterance."""
    return utterance.audio


MODALITY = Modality(
    name="audio",
    unit="audio-s",
    noun="recording",
    encoder="wav2vec2",
    part_rows=256,
    part_size=1800.0,
    # A CPU gains nothing from more seconds: its cores are busy with one utterance, and
    # small blocks of memory are reused.
    batch={"cpu": 10.0, "cuda": 320.0},
    # A minute in one block takes 0.2 GB with a model of 1024 dimensions, so that at
    # most three such blocks are encoded at once.
    batches=18,
    needs=("audio", "span"),
    source=source,
    has_times=True,
    has_head=True,
    options=("block_seconds",),
)
