"""The audio track of a container: choosing and decoding it with libav (the package av).

What is accepted is narrow: the demuxer is that of the container which was recognised,
and codecs are those of CODECS. Counting and searching belong to
`affuse.extract.audio.media_file`.
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

CODECS = (  # as libav calls them, beside pcm_*; others are refused
    "aac", "ac3", "alac", "amr_nb", "amr_wb", "eac3", "flac", "mp1", "mp2", "mp3",
    "opus", "vorbis",
)  # fmt: skip
# libav's own decoders of AMR refuse frames of silence (DTX), which telephones write
BETTER = {"amr_nb": "libopencore_amrnb", "amr_wb": "libopencore_amrwb"}
CHECKED = ("flac",)  # have checksums; a frame with a wrong one is refused
DEMUXING = {"codec_whitelist": ",".join(c.replace("amr_", "amr") for c in CODECS)}
LANGUAGE = re.compile(r"[a-z]{2,3}")


def demand(path: Path, container: Container) -> None:
    """Refuse a file if the package av is missing, or does not start."""
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
def opened(path: Path, container: Container) -> Iterator[tuple[Any, Any]]:
    """Open a file; give the container of libav, and the stream that is read."""
    import av

    with path.open("rb") as file:  # libav would take a name for an address
        with faults():
            options = {"metadata_errors": "replace", "options": DEMUXING}
            found = av.open(file, "r", container.demuxer, **options)
        with found:
            yield found, _stream(found)


@contextmanager
def faults() -> Iterator[None]:
    """Turn errors of libav into the reason why a file is unusable."""
    import av

    try:
        yield
    except MemoryError:
        raise
    except av.FFmpegError as error:
        raise Unusable(
            f"cannot be decoded: {error.strerror}; convert it once more"
        ) from error


def _stream(found: Any) -> Any:
    """Return the audio track that is marked as the default, else the first.

    Raises:
        Unusable: if there is none, or its codec is none of CODECS
    """
    from av.stream import Disposition

    tracks = found.streams.audio
    if not tracks:
        raise Unusable("holds no sound: it has no audio track")
    marked = (t for t in tracks if t.disposition & Disposition.default)
    track = next(marked, tracks[0])
    context = track.codec_context
    name = context.codec.canonical_name if context else "unknown"
    if name not in CODECS and not name.startswith("pcm_"):
        raise Unusable(f"holds sound of the codec {name}; convert it to WAV or FLAC")
    return track


def left_out(found: Any, stream: Any) -> Iterator[str]:
    """Yield a sentence on the other audio tracks, and one on pictures."""
    from av.stream import Disposition

    tracks = list(found.streams.audio)
    if len(tracks) > 1:
        named = [_numbered(i, t) for i, t in enumerate(tracks, 1) if t is not stream]
        read = _numbered(tracks.index(stream) + 1, stream)
        yield (
            f"holds {len(tracks)} audio tracks; track {read} was read, and "
            f"{len(named)} left out: {', '.join(named)}"
        )
    cover = Disposition.attached_pic | Disposition.timed_thumbnails
    if any(not video.disposition & cover for video in found.streams.video):
        yield "is a video; only its sound was read"


def _numbered(number: int, track: Any) -> str:
    """Return the number of a track, and its language if it states one."""
    language = track.language or "und"
    known = language != "und" and LANGUAGE.fullmatch(language)
    return f"{number} ({language})" if known else str(number)


def frames(found: Any, stream: Any) -> Iterator[Any]:
    """Yield the decoded frames of a track."""
    context = _context(stream)
    if context.codec.canonical_name in CHECKED:
        context.options = {"err_detect": "crccheck+explode"}
    context.thread_count = 1  # the time and memory of a process are limited
    for packet in found.demux(stream):
        yield from context.decode(packet)


def _context(stream: Any) -> Any:
    """Return the decoder of a track, a better one than libav's own if it is there."""
    import av

    given = stream.codec_context
    better = BETTER.get(given.codec.canonical_name)
    if better is None or better not in av.codecs_available:
        return given
    made = av.CodecContext.create(better, "r")
    made.layout, made.sample_rate = given.layout, given.sample_rate
    made.extradata = given.extradata
    return made


def seconds(frame: Any) -> float:
    """Return the timestamp of a frame; NaN if it has none."""
    return math.nan if frame.pts is None else float(frame.pts * frame.time_base)


def samples(frame: Any) -> np.ndarray:
    """Return (n, channels) float32, full scale being 1."""
    raw: np.ndarray = frame.to_ndarray()
    channels = frame.layout.nb_channels
    raw = raw.T if frame.format.is_planar else raw.reshape(-1, channels)
    if raw.dtype.kind == "u":
        return (raw.astype(np.float32) - 128) / 128
    scale = 2.0 ** (8 * raw.itemsize - 1) if raw.dtype.kind == "i" else 1.0
    return (raw / scale).astype(np.float32)
