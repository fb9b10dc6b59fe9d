"""Sound in media containers, encoded with the package av."""

from fractions import Fraction

import numpy as np
import pytest

av = None
try:
    import av
except ImportError:
    pass
NEEDED = pytest.mark.skipif(av is None, reason="the package av is not installed")
TONE = 300  # Hz


def tone(seconds, rate=16_000):
    """Return a tone of growing amplitude, so that a shift in time is visible."""
    time = np.arange(round(seconds * rate)) / rate
    swell = 0.5 + 0.5 * np.sin(2 * np.pi * 1.3 * time)
    return (0.3 * swell * np.sin(2 * np.pi * TONE * time)).astype(np.float32)


def write(path, *tracks, rate=16_000, codec="aac", pictures=0, muxing=(), **more):
    """Write sound tracks, (n,) or (channels, n) each, and black pictures.

    Args:
        pictures: number of pictures, at 10 per second
        muxing: options of the container, as a mapping
        more: further options of the encoder
    """
    with av.open(str(path), "w", options=dict(muxing)) as made:
        if pictures:
            shown = made.add_stream("mpeg4", rate=10)
            shown.width = shown.height = 16
            shown.pix_fmt = "yuv420p"
        streams = [_track(made, track, rate, codec, more) for track in tracks]
        for _ in range(pictures):
            made.mux(shown.encode(av.VideoFrame(16, 16, "yuv420p")))
        if pictures:
            made.mux(shown.encode(None))
        for track, stream in zip(tracks, streams, strict=True):
            for frame in _frames(np.atleast_2d(track), stream, rate):
                made.mux(stream.encode(frame))
            made.mux(stream.encode(None))
    return path


def _track(made, track, rate, codec, options):
    layout = "mono" if np.ndim(track) == 1 else "stereo"
    return made.add_stream(codec, rate=rate, layout=layout, options=options)


def _frames(samples, stream, rate):
    frame = av.AudioFrame.from_ndarray(
        np.ascontiguousarray(samples), format="fltp", layout=stream.layout.name
    )
    frame.sample_rate, frame.pts, frame.time_base = rate, 0, Fraction(1, rate)
    context = stream.codec_context
    resampler = av.AudioResampler(
        format=context.format.name,
        layout=stream.layout.name,
        rate=rate,
        frame_size=context.frame_size or 0,
    )
    return [*resampler.resample(frame), *resampler.resample(None)]


def amr_wide(path, *, frames, kinds=(8,), seed=0):
    """Write an AMR-WB file of random bits, which needs no encoder.

    Args:
        kinds: of the frames in turn: 8 is speech, 9 silence, 15 no data
    """
    rng = np.random.default_rng(seed)
    sizes = {8: 60, 9: 5, 15: 0}  # bytes of a frame after its first byte
    image = b"#!AMR-WB\n"
    for number in range(frames):
        kind = kinds[number % len(kinds)]
        image += bytes([kind << 3 | 4]) + rng.bytes(sizes[kind])
    path.write_bytes(image)
    return path
