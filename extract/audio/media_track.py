"""Choice and decoding of a container's audio track with libav (the package av).

Only the demuxer of the recognised container and the codecs in CODECS are used. Counting
and seeking are in `affuse.extract.audio.media_file`.
"""

import math
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from affuse.extract.audio import media_containers
from affuse.extract.audio.media_containers import Container
from affuse.extract.audio.refusal import Unusable

CODECS = (  # libav's names; pcm_* is accepted too, others are refused
    "aac", "ac3", "alac", "amr_nb", "amr_wb", "eac3", "flac", "mp1", "mp2", "mp3",
    "opus", "vorbis",
)  # fmt: skip
# libav's own decoders of AMR refuse frames of silence (DTX), which telephones write.
AMR_DECODERS = {"amr_nb": "libopencore_amrnb", "amr_wb": "libopencore_amrwb"}
CHECKSUM_CODECS = ("flac",)  # a frame with a wrong checksum is refused
DEMUXING = {"codec_whitelist": ",".join(c.replace("amr_", "amr") for c in CODECS)}
LANGUAGE = re.compile(r"[a-z]{2,3}")


def require_av(path: Path, container: Container) -> None:
    """Raise `Unusable` if the package av is missing, or cannot be imported.

    Args:
        path: of the file
        container: of the file
    """
    try:
        import av  # noqa: F401
    except ImportError as error:
        why = (
            f" (it is installed, but: {error})"
            if media_containers.is_readable()
            else ""
        )
        raise Unusable(media_containers.advice(container, path) + why) from error


@contextmanager
def open_track(path: Path, container: Container) -> Iterator[tuple[Any, Any]]:
    """Open a file, and yield libav's container and the stream to read.

    Args:
        path: of the file
        container: of the file
    """
    import av

    with path.open("rb") as file:  # libav could interpret a name as an address
        with convert_errors():
            options = {"metadata_errors": "replace", "options": DEMUXING}
            media = av.open(file, "r", container.demuxer, **options)
        with media:
            yield media, _stream(media)


@contextmanager
def convert_errors() -> Iterator[None]:
    """Convert errors of libav to `Unusable`."""
    import av

    try:
        yield
    except MemoryError:
        raise
    except av.FFmpegError as error:
        raise Unusable(
            f"cannot be decoded: {error.strerror}; convert it again"
        ) from error


def _stream(media: Any) -> Any:
    """Return the audio track that is marked as default, or else the first.

    Raises:
        Unusable: if there is none, or its codec is none of CODECS
    """
    from av.stream import Disposition

    tracks = media.streams.audio
    if not tracks:
        raise Unusable("holds no sound: it has no audio track")
    defaults = (t for t in tracks if t.disposition & Disposition.default)
    track = next(defaults, tracks[0])
    context = track.codec_context
    name = context.codec.canonical_name if context else "unknown"
    if name not in CODECS and not name.startswith("pcm_"):
        raise Unusable(f"holds sound of the codec {name}; convert it to WAV or FLAC")
    return track


def unread_track_notes(media: Any, stream: Any) -> Iterator[str]:
    """Yield a sentence on other audio tracks, and one on pictures.

    Args:
        media: libav's container
        stream: the track that is read
    """
    from av.stream import Disposition

    tracks = list(media.streams.audio)
    if len(tracks) > 1:
        others = [_numbered(i, t) for i, t in enumerate(tracks, 1) if t is not stream]
        chosen = _numbered(tracks.index(stream) + 1, stream)
        yield (
            f"holds {len(tracks)} audio tracks; track {chosen} was read, and "
            f"{len(others)} left out: {', '.join(others)}"
        )
    cover = Disposition.attached_pic | Disposition.timed_thumbnails
    if any(not video.disposition & cover for video in media.streams.video):
        yield "is a video; only its sound was read"


def _numbered(number: int, track: Any) -> str:
    """Return the number of a track, with its language if that is stated."""
    language = track.language or "und"
    is_stated = language != "und" and LANGUAGE.fullmatch(language)
    return f"{number} ({language})" if is_stated else str(number)


def frames(media: Any, stream: Any) -> Iterator[Any]:
    """Yield the decoded frames of a track.

    Args:
        media: libav's container
        stream: the track
    """
    context = _context(stream)
    if context.codec.canonical_name in CHECKSUM_CODECS:
        context.options = {"err_detect": "crccheck+explode"}
    context.thread_count = 1  # the time and memory of a process are limited
    for packet in media.demux(stream):
        yield from context.decode(packet)


def _context(stream: Any) -> Any:
    """Return the decoder of a track; for AMR, that of AMR_DECODERS if installed."""
    import av

    decoder = stream.codec_context
    name = AMR_DECODERS.get(decoder.codec.canonical_name)
    if name is None or name not in av.codecs_available:
        return decoder
    replacement = av.CodecContext.create(name, "r")
    replacement.layout, replacement.sample_rate = decoder.layout, decoder.sample_rate
    replacement.extradata = decoder.extradata
    return replacement


def seconds(frame: Any) -> float:
    """Return the timestamp of a frame in seconds, or NaN if it has none."""
    return math.nan if frame.pts is None else float(frame.pts * frame.time_base)


def samples(frame: Any) -> np.ndarray:
    """Return the samples of a frame, (n, channels) float32, full scale being 1."""
    raw: np.ndarray = frame.to_ndarray()
    channels = frame.layout.nb_channels
    raw = raw.T if frame.format.is_planar else raw.reshape(-1, channels)
    if raw.dtype.kind == "u":
        return (raw.astype(np.float32) - 128) / 128
    scale = 2.0 ** (8 * raw.itemsize - 1) if raw.dtype.kind == "i" else 1.0
    return (raw / scale).astype(np.float32)
