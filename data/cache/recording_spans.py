"""Spans of utterances in recordings, as arrays of a part of a cache."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from affuse.data.errors import AffuseError

KINDS = {"files": "S", "spans": "f", "samples": "S"}  # NumPy kinds, by name in a part
DIGITS = 32  # hexadecimal digits of a digest
SILENT = "silent"  # instead of a digest, because equal silence identifies no recording


@dataclass(frozen=True, slots=True)
class RecordingSpan:
    """Span in a sound file."""

    file: str  # digest of its bytes
    begin: float  # seconds
    end: float  # seconds
    samples: str = ""  # digest of the decoded samples, or SILENT; "" if unknown


def arrays(rows: Sequence[RecordingSpan]) -> dict[str, np.ndarray]:
    """Return spans as the arrays ``files``, ``spans`` and ``samples`` of a part.

    Args:
        rows: span of each row of the part
    """
    import h5py  # Here, because decoding processes import this module without it.

    text = h5py.string_dtype("utf-8", DIGITS)
    spans = np.array([(s.begin, s.end) for s in rows], np.float64)
    return {
        "files": np.array([s.file.encode() for s in rows], dtype=text),
        "spans": spans.reshape(len(rows), 2),
        "samples": np.array([s.samples.encode() for s in rows], dtype=text),
    }


def read_spans(part: Mapping[str, np.ndarray]) -> tuple[RecordingSpan | None, ...]:
    """Return the span of each row of a part; None for a part of an older version.

    Args:
        part: arrays of the part, by name
    """
    if "files" not in part:
        return (None,) * len(part["ids"])
    names = [
        [str(value.decode()) for value in part[name]] for name in ("files", "samples")
    ]
    spans = part["spans"].tolist()
    return tuple(
        RecordingSpan(file, begin, end, samples)
        for file, samples, (begin, end) in zip(*names, spans, strict=True)
    )


def shapes(part: Mapping[str, np.ndarray], rows: int) -> dict[str, tuple[int, ...]]:
    """Return the required shapes of these arrays; {} if the part has none of them.

    Args:
        part: its arrays, by name
        rows: number of its rows
    """
    if not rows or not KINDS.keys() & part.keys():
        return {}
    return {"files": (rows,), "spans": (rows, 2), "samples": (rows,)}


def check(spans: np.ndarray) -> None:
    """Raise an error if a span is not a valid interval of time.

    Args:
        spans: (n, 2) begin and end in seconds

    Raises:
        AffuseError: if a span is not finite, begins before 0 or ends before it begins
    """
    begins, ends = spans[:, 0], spans[:, 1]
    if not (
        np.isfinite(spans).all() and (begins >= 0).all() and (begins <= ends).all()
    ):
        raise AffuseError("its spans are not valid intervals of time")


def overlap(one: RecordingSpan, other: RecordingSpan) -> float:
    """Return the overlap of two spans in one file, in seconds."""
    return max(0.0, min(one.end, other.end) - max(one.begin, other.begin))
