"""Teacher's embeddings of the data, from a cache of stage one, and their scaling."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from affuse.data.cache import store
from affuse.data.errors import AffuseError
from affuse.data.reading import problem_summary
from affuse.data.records import Corpus
from affuse.extract.caching.extraction import ExtractionOutcome, extract
from affuse.extract.encoding.choices import Choice, Machine
from affuse.extract.encoding.protocol import Encoder

FLOOR = 0.05  # lowest deviation as a share of the median; some dimensions are constant


def embed(
    corpus: Corpus,
    choice: Choice,
    machine: Machine,
    cache: Path,
    encoder: Encoder,
    say: Callable[[str], object],
) -> store.Embeddings:
    """Return the teacher's embeddings of a corpus, reusing those in the cache.

    Args:
        corpus: to encode
        choice: of the teacher
        machine: device and resources
        cache: folder of caches
        encoder: the teacher
        say: called with messages

    Raises:
        AffuseError: if nothing could be encoded
    """
    outcome: ExtractionOutcome = extract(
        corpus, choice, machine, cache, encoder=encoder
    )
    for line in problem_summary.lines(p for p in outcome.problems if p.fatal):
        say(f"left out: {line}")
    contents = store.read_headers(outcome.folder) if outcome.folder else None
    if contents is None or not contents.rows:
        raise AffuseError(f"the teacher could encode nothing of {corpus.root}")
    return store.load(contents)


@dataclass(frozen=True)
class Scaling:
    """Standardisation by mean and deviation of each dimension of each layer."""

    mean: np.ndarray  # (layers, dim)
    deviation: np.ndarray  # (layers, dim), floored

    @classmethod
    def fit(cls, values: np.ndarray) -> "Scaling":
        """Return the scaling of values, (n, layers, dim), from statistics over n.

        Deviations have a lower limit. Otherwise a nearly constant dimension would
        become noise with the same weight as all others.
        """
        mean = values.mean(axis=0, dtype=np.float64)
        deviation = values.std(axis=0, dtype=np.float64)
        floor = FLOOR * np.median(deviation, axis=1, keepdims=True)
        return cls(
            mean.astype(np.float32), np.maximum(deviation, floor).astype(np.float32)
        )

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """Return standardised values, (..., layers, dim) float32."""
        scaled: np.ndarray = (values.astype(np.float32) - self.mean) / self.deviation
        return scaled


def divide(ids: Sequence[str], share: float, seed: int) -> tuple[list[int], list[int]]:
    """Divide ids at random into training and held-out data, independent of their order.

    Args:
        ids: of the inputs
        share: of the inputs to hold out
        seed: of the draw

    Returns:
        positions of training and of held-out inputs

    Raises:
        AffuseError: if the share leaves no input for training, or none to hold out
    """
    held = round(share * len(ids))
    if not 0 < held < len(ids):
        raise AffuseError(_too_few(len(ids), share))
    ordered = sorted(range(len(ids)), key=ids.__getitem__)
    shuffled = np.random.default_rng(seed).permutation(ordered).tolist()
    return sorted(shuffled[held:]), sorted(shuffled[:held])


def _too_few(inputs: int, share: float) -> str:
    """Return the error, with its remedy, for a share that leaves one side empty."""
    if inputs < 2:  # then no share leaves an input on both sides
        return (
            "the teacher encoded 1 input, and one more must be held out; give 2 or "
            "more with --data"
        )
    return (
        f"{inputs} inputs cannot be divided with {share:g} of them held out; take "
        f"--held-out {1 / inputs:.2g}, which holds out 1, or give more --data"
    )
