"""A stretch of a sound file as mono 16 kHz float32, with the guards for bad input."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

SAMPLE_RATE = 16_000  # Hz, what every encoder of the Wav2Vec2 family expects
RATES = (4_000, 192_000)  # Hz, lowest and highest that are believed
CHANNELS = 8  # more are refused before they are read
SILENCE = 1e-4  # highest amplitude of what is called silent, full scale being 1
TOLERANCE = 0.05  # seconds that a span may reach beyond the end of its file
READ = 2**22  # bytes hashed at a time


class Unusable(ValueError):
    """An utterance that cannot be encoded; the message is the reason."""


@dataclass(frozen=True)
class Probe:
    """What is known of a file before it is decoded."""

    digest: str  # of its bytes, 32 hexadecimal digits
    seconds: float


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
    import soundfile

    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while block := file.read(READ):
                digest.update(block)
        if not path.stat().st_size:
            raise Unusable("the file is empty")
        info = soundfile.info(str(path))
    except OSError as error:
        raise Unusable(f"cannot be read: {error.strerror or error}") from error
    except soundfile.LibsndfileError as error:
        raise Unusable(f"cannot be decoded: {error.error_string}") from error
    return Probe(digest.hexdigest()[:32], info.frames / info.samplerate)


def load(
    path: Path, span: tuple[float, float | None] | None = None, *, longest: float
) -> Waveform:
    """Decode, mix down, resample and check one stretch of a file.

    Args:
        path: any format that libsndfile reads
        span: seconds from and to (None: the end) in the file; None for all of it
        longest: seconds; a longer stretch is refused before it is decoded

    Raises:
        Unusable: if it cannot be decoded, is cut off, empty, longer than `longest`,
            or holds NaN or infinite samples
    """
    import soundfile

    try:
        with soundfile.SoundFile(str(path)) as file:
            begin, frames = _frames(file, span, longest)
            file.seek(begin)
            raw = file.read(frames, dtype="float32", always_2d=True)
            rate, cut = file.samplerate, _cut_off(file.extra_info)
    except soundfile.LibsndfileError as error:
        raise Unusable(f"cannot be decoded: {error.error_string}") from error
    except OSError as error:
        raise Unusable(f"cannot be read: {error.strerror or error}") from error
    if cut or len(raw) < frames:
        raise Unusable("is cut off: the header promises more samples than there are")
    if not np.isfinite(raw).all():
        raise Unusable("holds NaN or infinite samples")
    samples, notes = _convert(raw, rate)
    if np.abs(samples).max() < SILENCE:
        notes.append("is silent; kept")
    return Waveform(samples, tuple(notes))


def _frames(
    file: "soundfile.SoundFile",  # type: ignore[name-defined]  # noqa: F821
    span: tuple[float, float | None] | None,
    longest: float,
) -> tuple[int, int]:
    """First frame and number of frames of a span, checked against the header."""
    rate, length = file.samplerate, file.frames
    if not RATES[0] <= rate <= RATES[1]:
        raise Unusable(f"has a sampling rate of {rate} Hz")
    if file.channels > CHANNELS:
        raise Unusable(f"has {file.channels} channels, more than {CHANNELS}")
    begin = round((span[0] if span else 0.0) * rate)
    end = length if span is None or span[1] is None else round(span[1] * rate)
    if end > length + TOLERANCE * rate:
        raise Unusable(f"ends at {length / rate:.2f} s, before {end / rate:.2f} s")
    frames = min(end, length) - begin
    if frames <= 0:
        raise Unusable("has no samples" if span is None else "has no samples there")
    if frames > longest * rate:
        raise Unusable(
            f"lasts {frames / rate:.0f} s, more than {longest:g} s; cut it into "
            f"utterances, or raise --max-seconds"
        )
    return begin, frames


def _cut_off(log: str) -> bool:
    """Whether libsndfile's log says that the data chunk is shorter than declared."""
    return any(
        line.strip().startswith("data") and "should be" in line
        for line in log.splitlines()
    )


def _convert(raw: np.ndarray, rate: int) -> tuple[np.ndarray, list[str]]:
    """(frames, channels) at any rate -> (samples,), and what was done."""
    notes = []
    if raw.shape[1] > 1:
        notes.append(f"mixed down from {raw.shape[1]} channels")
    samples = raw.mean(axis=1)
    if rate != SAMPLE_RATE:
        import librosa

        notes.append(f"resampled from {rate} Hz")
        samples = librosa.resample(
            samples, orig_sr=rate, target_sr=SAMPLE_RATE, res_type="soxr_hq"
        )
    return samples.astype(np.float32, copy=False), notes
