"""Decoding of a span of an audio file to mono 16 kHz float32, with input checks.

This module runs in the decoding process; `affuse.extract.audio.decoder_pool` calls it.
"""

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from affuse.extract.audio import (
    exact_samples,
    header_bounds,
    header_corrections,
    media_containers,
    plain_wave,
    sample_digest,
)
from affuse.extract.audio.data_size import LARGEST_STATED_SIZE
from affuse.extract.audio.header_bounds import RATES as RATES
from affuse.extract.audio.header_bounds import Span
from affuse.extract.audio.header_corrections import Correction
from affuse.extract.audio.joined_streams import SoundSequence
from affuse.extract.audio.media_file import MediaFile
from affuse.extract.audio.reading_errors import (
    check_format,
    check_regular,
    convert_errors,
)
from affuse.extract.audio.refusal import Unusable
from affuse.extract.audio.resampling import SAMPLE_RATE, gather, new_array
from affuse.extract.audio.sample_checks import (
    is_cut_off,
    is_silent,
    level_notes,
    note_cancelled,
    read_checked_blocks,
)
from affuse.extract.audio.spliced_file import SplicedFile

READ = 2**22  # bytes hashed at a time


@dataclass(frozen=True)
class Probe:
    """Digest and header of a file, before it is decoded."""

    digest: str  # of its bytes, 32 hexadecimal digits
    frames: int
    rate: int  # Hz
    channels: int
    cut_off: bool  # True if its header promises more frames than the file has
    repairs: tuple[str, ...] = ()  # errors of the file that decoding corrects

    @property
    def seconds(self) -> float:
        """Return the duration of the file in seconds."""
        return self.frames / self.rate


@dataclass(frozen=True)
class Decoded:
    """Samples for an encoder, and the rate and channels of their file."""

    samples: np.ndarray  # (n,) float32 at SAMPLE_RATE, of one channel or the mean
    rate: int  # Hz, of the file
    channels: int  # of the file
    repairs: tuple[str, ...] = ()  # errors of the file that were corrected
    channel: int | None = None  # counted from 1; None: the mean of all channels
    is_silent: bool = False
    digest: str = ""  # of the samples; "" if it was not asked for


@dataclass(frozen=True)
class Waveform:
    """Samples, and notes on their conversion."""

    samples: np.ndarray  # (n,) float32 at SAMPLE_RATE
    notes: tuple[str, ...] = ()
    # digest of the samples, see `affuse.extract.audio.sample_digest`; "" if it was not
    # asked for
    digest: str = ""


def probe(path: Path) -> Probe:
    """Return the digest and the header of a file.

    Args:
        path: of the file

    Raises:
        Unusable: if there is no such file, or no decoder for it
    """
    digest = hashlib.sha256()
    with convert_errors():
        check_regular(path)
        with path.open("rb", buffering=0) as file:
            head = file.read(READ)
            digest.update(head)
            while block := file.read(READ):
                digest.update(block)
            size = os.fstat(file.fileno()).st_size
        if not size:
            raise Unusable("the file is empty")
        if plain := plain_wave.parse(head, size):
            str(path).encode()  # libsndfile refuses other names
            header = plain.frames, plain.rate, plain.channels
            return Probe(digest.hexdigest()[:32], *header, cut_off=False)
        with _open_sound(path) as (file, correction):
            header = file.frames, file.samplerate, file.channels
            cut_off = correction.cut_off or is_cut_off(file.extra_info)
    if header[0] > LARGEST_STATED_SIZE:
        raise Unusable(
            "does not state its length; convert it again, and write it to a file"
        )
    return Probe(digest.hexdigest()[:32], *header, cut_off, correction.notes)


def load(
    path: Path, span: Span = None, *, longest: float, channel: int | None = None
) -> Waveform:
    """Return the samples of one span of a file, with notes: `finish(decode())`.

    Use `affuse.extract.audio.decoder_pool.load` for files that may be malicious.

    Args:
        path: of a file in one of FORMATS
        span: start and end in seconds (None: end of the file); None for all of it
        longest: seconds; a longer span is refused before it is decoded
        channel: counted from 1; None for the mean of all channels

    Raises:
        Unusable: as in `decode`
    """
    return finish(decode(path, span, longest=longest, channel=channel))


def decode(
    path: Path,
    span: Span = None,
    *,
    longest: float,
    channel: int | None = None,
    place: Callable[[int], np.ndarray] = new_array,
    has_digest: bool = False,
) -> Decoded:
    """Decode, mix down, resample and check one span of a file.

    Blocks are converted one at a time. So an hour of audio needs 230 MB for its
    samples, at any rate and number of channels. Samples before the span are skipped,
    not decoded.

    Args:
        path: of a file in one of FORMATS
        span: start and end in seconds (None: end of the file); None for all of it
        longest: seconds; a longer span is refused before it is decoded
        channel: counted from 1; None for the mean of all channels
        place: returns an array for a number of samples, (n,) float32, which is filled
        has_digest: True to compute the digest of the samples

    Returns:
        (n,) float32 at SAMPLE_RATE, of the channel or the mean of all channels

    Raises:
        Unusable: if the span cannot be decoded, is cut off, empty, longer than
            `longest`, or holds NaN or infinite samples, or if the file lacks the
            channel
    """
    with convert_errors():
        check_regular(path)
    with convert_errors(), _open_sound(path) as (file, correction):
        header = file.frames, file.samplerate, file.channels
        begin, frames = header_bounds.frames(*header, span, longest)
        header_bounds.check_channel(file.channels, channel)
        file.seek(begin)
        to_end = header_bounds.reaches_end(span)  # only then can samples be missing
        layout = file.samplerate, file.channels, correction.notes, channel
        checks = {"to_end": to_end, "cut_off": correction.cut_off}
        if exact_samples.is_exact(file):
            exact = exact_samples.read_exact(
                file, frames, place, has_digest=has_digest, **checks
            )
            return Decoded(exact.samples, *layout, exact.is_silent, exact.digest)
        blocks = read_checked_blocks(file, frames, channel=channel, **checks)
        samples = gather(blocks, frames, file.samplerate, place)
        silent = is_silent(samples)
        is_mean_silent = silent and channel is None
        cancelled = note_cancelled(file, begin, frames) if is_mean_silent else ()
    digest = sample_digest.fingerprint(samples) if has_digest else ""
    rate, channels, notes, channel = layout
    notes = (*notes, *level_notes(samples), *cancelled)
    return Decoded(samples, rate, channels, notes, channel, silent, digest)


@contextmanager
def _open_sound(path: Path) -> Iterator[tuple[Any, Correction]]:
    """Open a file of a supported format, after correcting a wrong length."""
    if (plain := plain_wave.open_plain(path)) is not None:
        with closing(plain):
            yield plain, Correction()
        return
    import soundfile

    with ExitStack() as stack:
        container, correction = media_containers.find(path), Correction()
        if container is None:
            file = stack.enter_context(soundfile.SoundFile(str(path)))
            check_format(file.format)
            correction = header_corrections.find(
                path, file.format, file.subtype, file.frames
            )
        if container := container or correction.container:
            sound = stack.enter_context(closing(MediaFile(path, container)))
            yield sound, Correction(notes=sound.notes, cut_off=sound.is_cut_off)
            return
        if correction.refusal:
            raise Unusable(correction.refusal)
        sounds = []
        for pieces in correction.parts:
            spliced = stack.enter_context(closing(SplicedFile(path, pieces)))
            sounds.append(stack.enter_context(soundfile.SoundFile(spliced)))
        yield (SoundSequence(sounds) if sounds else file), correction


def finish(decoded: Decoded, digest: str = "") -> Waveform:
    """Return decoded samples with notes on conversion and silence.

    Args:
        decoded: as `decode` returns it
        digest: of the samples; "" if it was not computed
    """
    rate, channels = decoded.rate, decoded.channels
    notes = [*decoded.repairs]
    if channels > 1 and decoded.channel is None:
        notes.append(f"mixed down from {channels} channels")
    elif channels > 1:
        notes.append(f"channel {decoded.channel} of {channels} was taken")
    if rate != SAMPLE_RATE:
        notes.append(f"resampled from {rate} Hz")
    if decoded.is_silent:
        notes.append("is silent; kept")
    return Waveform(decoded.samples, tuple(notes), digest)
