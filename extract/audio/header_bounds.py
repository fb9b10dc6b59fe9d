"""Limits on rate, channels and span of an audio file, checked by its header.

Nothing is decoded here, so that `check` can compare a whole corpus with its files.
"""

from affuse.extract.audio.refusal import Unusable as Unusable

RATES = (4_000, 192_000)  # Hz, lowest and highest plausible rate
CHANNELS = 8  # files with more are refused before they are read
TOLERANCE = 0.05  # seconds that a span may reach beyond the end of its file
# Times below this get no hint: they may be seconds, slightly beyond the end of a file.
LEAST_MILLISECONDS = 100
LONGEST = 3600.0  # default of --max-seconds, the longest duration of a span
CUT_OFF = "is cut off: the header promises more samples than there are"

Span = tuple[float, float | None] | None  # seconds; None: the end, or all of the file


def frames(
    length: int, rate: int, channels: int, span: Span, longest: float
) -> tuple[int, int]:
    """Return the first frame of a span, and the number of its frames.

    Args:
        length: of the file, in frames
        rate: of the file, in Hz
        channels: of the file
        span: start and end in seconds (None: end of the file); None for all of it
        longest: seconds that a span may last

    Raises:
        Unusable: if rate or channels are outside the limits, or the span is empty, too
            long, or not in the file
    """
    if not RATES[0] <= rate <= RATES[1]:
        raise Unusable(f"has a sampling rate of {rate} Hz")
    if channels > CHANNELS:
        raise Unusable(f"has {channels} channels, more than {CHANNELS}")
    begin = round((span[0] if span else 0.0) * rate)
    end = length if span is None or span[1] is None else round(span[1] * rate)
    if end > length + TOLERANCE * rate:
        raise Unusable(
            f"ends at {length / rate:.2f} s, before {end / rate:.2f} s"
            f"{_milliseconds(end / rate, length / rate)}"
        )
    count = min(end, length) - begin
    if count <= 0:
        hint = _milliseconds(begin / rate, length / rate)
        raise Unusable(
            "has no samples" if span is None else f"has no samples there{hint}"
        )
    if count > longest * rate:
        raise Unusable(
            f"lasts {count / rate:.0f} s, more than {longest:g} s; cut it into "
            f"utterances, or, for extract, raise --max-seconds"
        )
    return begin, count


def check_channel(channels: int, channel: int | None) -> None:
    """Raise an error if a file lacks a channel.

    Args:
        channels: of the file
        channel: counted from 1; None for the mean of all channels

    Raises:
        Unusable: if there is no such channel
    """
    if channel is not None and not 1 <= channel <= channels:
        has = "only one channel" if channels == 1 else f"channels 1 to {channels}"
        raise Unusable(f"has {has}, and no channel {channel}")


def _milliseconds(time: float, length: float) -> str:
    """Return a hint if a time lies in the file only as milliseconds, else "".

    Args:
        time: that was read as seconds
        length: of the file, in seconds
    """
    is_possible = length < time <= 1000 * length + TOLERANCE
    if not is_possible or time < LEAST_MILLISECONDS:
        return ""
    return f"; if times are in milliseconds, write their unit, as in {time:g}ms"


def reaches_end(span: Span) -> bool:
    """Return True if a span is defined to last until the end of its file.

    Args:
        span: start and end in seconds, as for `frames`

    Examples:
        >>> reaches_end((1.0, None)), reaches_end((1.0, 2.0))
        (True, False)
    """
    return span is None or span[1] is None
