"""Recordings of utterances as small OGG files, which a page of the report plays."""

import io
from pathlib import Path

from affuse.data.errors import AffuseError
from affuse.data.reading.transcript_table import ListedUtterance

LONGEST = 20.0  # seconds of an utterance; the rest is cut off


def encode_clip(utterance: ListedUtterance, root: Path) -> bytes:
    """Return the recording of an utterance as an OGG file: 16 kHz, one channel, Vorbis.

    Args:
        utterance: of a table; only its first 20 seconds are returned
        root: folder of the corpus

    Raises:
        AffuseError: if it has no recording, or the file cannot be decoded
        OSError: if the decoder cannot be started
    """
    import soundfile

    from affuse.extract.audio import decoder_pool
    from affuse.extract.audio.decoding import SAMPLE_RATE

    if not utterance.audio:
        raise AffuseError("the table names no recording of it")
    path = root / utterance.audio
    if not path.resolve().is_relative_to(root.resolve()):
        raise AffuseError(f"'{utterance.audio}' is outside the folder {root}")
    start = utterance.start or 0.0
    end = utterance.end
    if end is None or end - start > LONGEST:
        header = decoder_pool.probe(path)
        end = min(start + LONGEST, end or header.frames / header.rate)
    wave = decoder_pool.load(path, (start, end), longest=LONGEST + 1)
    file = io.BytesIO()
    soundfile.write(file, wave.samples, SAMPLE_RATE, format="OGG", subtype="VORBIS")
    return file.getvalue()
