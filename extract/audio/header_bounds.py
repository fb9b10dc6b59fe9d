"""What a stretch of a sound file must be like by the header of the file.

Nothing is decoded here, so that `check` can compare a whole corpus with its files.
"""

from affuse.extract.audio.refusal import Unusable as Unusable

RATES = (4_000, 192_000)  # Hz, lowest and highest that are believed
CHANNELS = 8  # more are refused before they are read
TOLERANCE = 0.05  # seconds that a span may reach beyond the end of its file
LEAST_MILLISECONDS = 100  # a time that may be meant so; seconds may be a little off
LONGEST = 3600.0  # seconds that a stretch may last, unless --max-seconds says more
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
        span: seconds from and to; None for all of the file
        longest: seconds that a stretch may last

    Raises:
        Unusable: if the file is of no believable kind, or the span is not in it
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
    found = min(end, length) - begin
    if found <= 0:
        hint = _milliseconds(begin / rate, length / rate)
        raise Unusable(
            "has no samples" if span is None else f"has no samples there{hint}"
        )
    if found > longest * rate:
        raise Unusable(
            f"lasts {found / rate:.0f} s, more than {longest:g} s; cut it into "
            f"utterances, or, for extract, raise --max-seconds"
        )
    return begin, found


def _milliseconds(time: float, length: float) -> str:
    """Return a hint where a time is in the file only if it is in milliseconds.

    Args:
        time: read as seconds
        length: of the file, in seconds
    """
    inside = length < time <= 1000 * length + TOLERANCE
    if not inside or time < LEAST_MILLISECONDS:
        return ""
    return f"; if times are in milliseconds, write their unit, as in {time:g}ms"


def reaches_end(span: Span) -> bool:
    """Return True if a span reaches the end of its file, whatever that is.

    Examples:
        >>> reaches_end((1.0, None)), reaches_end((1.0, 2.0))
        (True, False)
    """
    return span is None or span[1] is None
