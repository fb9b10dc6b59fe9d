"""Which stretch of which recording an utterance is, as a part of the cache keeps it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import h5py
import numpy as np

from affuse.data.errors import AffuseError

KINDS = {"files": "S", "spans": "f", "samples": "S"}  # of numpy, by name in a part
DIGITS = 32  # hexadecimal digits of a digest
SILENT = "silent"  # in the place of a digest: all silence of one length is equal


@dataclass(frozen=True, slots=True)
class Stretch:
    """A span of a sound file."""

    file: str  # digest of its bytes
    begin: float  # seconds
    end: float  # seconds
    samples: str = ""  # digest of the decoded samples, or SILENT; "" if unknown


def arrays(found: Sequence[Stretch]) -> dict[str, np.ndarray]:
    """Return stretches as arrays of a part: ``files``, ``spans`` and ``samples``."""
    text = h5py.string_dtype("utf-8", DIGITS)
    spans = np.array([(s.begin, s.end) for s in found], np.float64)
    return {
        "files": np.array([s.file.encode() for s in found], dtype=text),
        "spans": spans.reshape(len(found), 2),
        "samples": np.array([s.samples.encode() for s in found], dtype=text),
    }


def stretches(part: Mapping[str, np.ndarray]) -> tuple[Stretch | None, ...]:
    """Return the stretch of each row of a part; None where an older version made it."""
    if "files" not in part:
        return (None,) * len(part["ids"])
    names = [
        [str(value.decode()) for value in part[name]] for name in ("files", "samples")
    ]
    spans = part["spans"].tolist()
    return tuple(
        Stretch(file, begin, end, samples)
        for file, samples, (begin, end) in zip(*names, spans, strict=True)
    )


def shapes(part: Mapping[str, np.ndarray], rows: int) -> dict[str, tuple[int, ...]]:
    """Return the shape that each of these arrays must have; none if none is there."""
    if not rows or not KINDS.keys() & part.keys():
        return {}
    return {"files": (rows,), "spans": (rows, 2), "samples": (rows,)}


def check(spans: np.ndarray) -> None:
    """Refuse spans that are no stretches of time.

    Raises:
        AffuseError: if one is not finite, or ends before it begins
    """
    begins, ends = spans[:, 0], spans[:, 1]
    if not (
        np.isfinite(spans).all() and (begins >= 0).all() and (begins <= ends).all()
    ):
        raise AffuseError("its spans are no stretches of time")


def overlap(one: Stretch, other: Stretch) -> float:
    """Return the seconds that two stretches of one file have in common."""
    return max(0.0, min(one.end, other.end) - max(one.begin, other.begin))
