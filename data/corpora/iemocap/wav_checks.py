"""Checks of IEMOCAP's WAV files that have to open them."""

import math
from collections.abc import Iterator
from pathlib import Path

from affuse.data.errors import DamagedFileError
from affuse.data.records import Corpus, Problem, Utterance
from affuse.data.system.regular_files import TABLE as LARGEST
from affuse.data.system.regular_files import check_regular

SAMPLE_RATE = 16_000  # Hz
TOLERANCE = 2  # frames by which a WAV file and its label's rounded times may differ


def verify(corpus: Corpus) -> tuple[Problem, ...]:
    """Return the problems of the WAV files, which `read` does not open.

    A file should have 16 kHz, one channel, and the duration that its label states.

    Args:
        corpus: as `read` returned it

    Returns:
        in the order of the utterances; fatal where a file holds no sound at all
    """
    return tuple(
        problem
        for utterance in corpus.utterances
        if utterance.audio is not None
        for problem in _check(utterance, utterance.audio, corpus.root)
    )


def _check(utterance: Utterance, wav: Path, root: Path) -> Iterator[Problem]:
    import soundfile

    file, name = wav.relative_to(root).as_posix(), utterance.id
    try:
        check_regular(wav, limit=LARGEST)  # opening a pipe would block
        with soundfile.SoundFile(wav) as sound:
            rate, channels, frames = sound.samplerate, sound.channels, sound.frames
    except (OSError, RuntimeError, DamagedFileError):
        yield Problem(file, "cannot be read as audio; copy it again", id=name)
        return
    if frames == 0:
        yield Problem(file, "holds no sound; copy it again", id=name)
        return
    if (rate, channels) != (SAMPLE_RATE, 1):
        observed = f"{rate} Hz, {channels} channels"
        reason = f"{observed}; the release has {SAMPLE_RATE} Hz, 1 channel"
        yield Problem(file, reason, id=name, fatal=False)
    if utterance.start is not None and utterance.end is not None:
        seconds = round(utterance.end - utterance.start, 4)  # the label's precision
        expected = math.floor(seconds * rate + 1e-6)  # seconds are not exact in binary
        if abs(frames - expected) > TOLERANCE:
            reason = f"has {frames} frames, but by its label {expected}"
            yield Problem(file, reason, id=name, fatal=False)
