"""A stretch of a sound file as mono 16 kHz float32, with the guards for bad input."""

import hashlib
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from affuse.extract.audio import header_bounds, header_corrections, media_containers
from affuse.extract.audio.data_size import UNTOLD
from affuse.extract.audio.header_bounds import RATES as RATES
from affuse.extract.audio.header_bounds import Span
from affuse.extract.audio.header_corrections import Correction
from affuse.extract.audio.joined_streams import SoundSequence
from affuse.extract.audio.media_file import MediaFile
from affuse.extract.audio.refusal import Unusable
from affuse.extract.audio.resampling import SAMPLE_RATE, gather
from affuse.extract.audio.sample_checks import checked, is_cut_off
from affuse.extract.audio.spliced_file import SplicedFile

FORMATS = (  # of libsndfile; the parsers of what else it reads see little testing
    "WAV", "WAVEX", "RF64", "W64", "FLAC", "OGG", "MP3", "AIFF", "AU", "NIST", "CAF",
)  # fmt: skip
SILENCE = 1e-4  # highest amplitude of what is called silent, full scale being 1
ABSENT = "File does not exist"  # of libsndfile, for all that a decoder cannot read
READ = 2**22  # bytes hashed at a time


@dataclass(frozen=True)
class Probe:
    """What is known of a file before it is decoded."""

    digest: str  # of its bytes, 32 hexadecimal digits
    frames: int
    rate: int  # Hz
    channels: int
    cut_off: bool  # whether its header promises more frames than there are
    repairs: tuple[str, ...] = ()  # what is wrong with it, and will be mended

    @property
    def seconds(self) -> float:
        """Return how long the file lasts."""
        return self.frames / self.rate


@dataclass(frozen=True)
class Decoded:
    """Samples as encoders take them, and what the file had."""

    samples: np.ndarray  # (n,) float32 at SAMPLE_RATE, the mean of all channels
    rate: int  # Hz, of the file
    channels: int  # of the file
    repairs: tuple[str, ...] = ()  # what was wrong with the file, and was mended


@dataclass(frozen=True)
class Waveform:
    """Samples, and what was done or noticed on the way."""

    samples: np.ndarray  # (n,) float32 at SAMPLE_RATE
    notes: tuple[str, ...] = ()


def probe(path: Path) -> Probe:
    """Hash a file and read its header.

    Raises:
        Unusable: if there is no such file, or no decoder for it
    """
    digest = hashlib.sha256()
    with _reasons():
        _check_regular(path)
        with path.open("rb") as file:
            while block := file.read(READ):
                digest.update(block)
        if not path.stat().st_size:
            raise Unusable("the file is empty")
        with _opened(path) as (file, found):
            about = file.frames, file.samplerate, file.channels
            cut_off = found.cut_off or is_cut_off(file.extra_info)
    if about[0] > UNTOLD:
        raise Unusable("does not say how long it is; convert it once more, to a file")
    return Probe(digest.hexdigest()[:32], *about, cut_off, found.notes)


def load(path: Path, span: Span = None, *, longest: float) -> Waveform:
    """Decode, mix down, resample and check one stretch of a file: `finish(decode())`.

    Where a file is not known to be harmless, take
    `affuse.extract.audio.decoder_pool.load`.
    """
    return finish(decode(path, span, longest=longest))


def decode(path: Path, span: Span = None, *, longest: float) -> Decoded:
    """Decode, mix down, resample and check one stretch of a file.

    All of it block by block: an hour takes the 230 MB of its samples, whatever the
    file's rate and channels. What lies before a span is skipped, not decoded.

    Args:
        path: of one of FORMATS
        span: seconds from and to (None: the end) in the file; None for all of it
        longest: seconds; a longer stretch is refused before it is decoded

    Raises:
        Unusable: if it cannot be decoded, is cut off, empty, longer than `longest`,
            or holds NaN or infinite samples
    """
    with _reasons():
        _check_regular(path)
    with _reasons(), _opened(path) as (file, found):
        about = file.frames, file.samplerate, file.channels
        begin, frames = header_bounds.frames(*about, span, longest)
        file.seek(begin)
        to_end = header_bounds.reaches_end(span)  # what lies before it is whole
        blocks = checked(file, frames, to_end=to_end, cut_off=found.cut_off)
        samples = gather(blocks, frames, file.samplerate)
        return Decoded(samples, file.samplerate, file.channels, found.notes)


@contextmanager
def _opened(path: Path) -> Iterator[tuple[Any, Correction]]:
    """Open a file of a supported format, with a false length corrected."""
    import soundfile

    with ExitStack() as stack:
        container, found = media_containers.find(path), Correction()
        if container is None:
            file = stack.enter_context(soundfile.SoundFile(str(path)))
            _check_format(file.format)
            found = header_corrections.find(
                path, file.format, file.subtype, file.frames
            )
        if container := container or found.container:
            sound = stack.enter_context(closing(MediaFile(path, container)))
            yield sound, Correction(notes=sound.notes, cut_off=sound.is_cut_off)
            return
        if found.refusal:
            raise Unusable(found.refusal)
        opened = []
        for pieces in found.parts:
            spliced = stack.enter_context(closing(SplicedFile(path, pieces)))
            opened.append(stack.enter_context(soundfile.SoundFile(spliced)))
        yield (SoundSequence(opened) if opened else file), found


def finish(decoded: Decoded) -> Waveform:
    """Note what was done, and what is odd."""
    samples, rate, channels = decoded.samples, decoded.rate, decoded.channels
    notes = [*decoded.repairs]
    notes += [f"mixed down from {channels} channels"] if channels > 1 else []
    if rate != SAMPLE_RATE:
        notes.append(f"resampled from {rate} Hz")
    if max(samples.max(), -samples.min()) < SILENCE:
        notes.append("is silent; kept")
    return Waveform(samples, tuple(notes))


def _check_regular(path: Path) -> None:
    """Refuse what would keep us waiting, such as a pipe."""
    if path.exists() and not path.is_file():
        raise Unusable("is not a regular file")


def _check_format(name: str) -> None:
    if name not in FORMATS:
        raise Unusable(f"is a sound file of type {name}; convert it to WAV or FLAC")


@contextmanager
def _reasons() -> Iterator[None]:
    """Whatever goes wrong with a file becomes the reason why it is unusable."""
    import soundfile

    try:
        yield
    except Unusable:
        raise
    except soundfile.LibsndfileError as error:
        reason = error.error_string.removeprefix("Error : ").rstrip(".")
        if reason.startswith(ABSENT):  # it was opened, so this is not why
            reason = "its samples are damaged or cut off"
        raise Unusable(f"cannot be decoded: {reason}") from error
    except UnicodeEncodeError as error:
        raise Unusable("has a name that is not valid UTF-8; rename it") from error
    except OSError as error:
        raise Unusable(f"cannot be read: {error.strerror or error}") from error
    except (TypeError, ValueError) as error:  # e.g. headerless samples, named .raw
        raise Unusable(f"cannot be decoded: {error}") from error
