"""What the teacher makes of the data: stage one's own cache, standardised."""

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

FLOOR = (
    0.05  # of a deviation, as a share of the median one: some dimensions are constant
)


def embed(
    corpus: Corpus,
    choice: Choice,
    machine: Machine,
    cache: Path,
    encoder: Encoder,
    say: Callable[[str], object],
) -> store.Embeddings:
    """The teacher's rows of a corpus; what is cached already is not made again.

    Raises:
        AffuseError: if nothing could be encoded
    """
    done: ExtractionOutcome = extract(corpus, choice, machine, cache, encoder=encoder)
    for line in problem_summary.lines(p for p in done.problems if p.fatal):
        say(f"left out: {line}")
    found = store.look(done.folder) if done.folder else None
    if found is None or not found.rows:
        raise AffuseError(f"the teacher could encode nothing of {corpus.root}")
    return store.load(found)


@dataclass(frozen=True)
class Scaling:
    """Mean and deviation of each dimension of each layer of the teacher."""

    mean: np.ndarray  # (layers, dim)
    deviation: np.ndarray  # (layers, dim), floored

    @classmethod
    def fit(cls, values: np.ndarray) -> "Scaling":
        """(n, layers, dim) -> the statistics over n.

        The deviation is floored, for a dimension that hardly varies would be blown up
        to noise of the same weight as all others.
        """
        mean = values.mean(axis=0, dtype=np.float64)
        deviation = values.std(axis=0, dtype=np.float64)
        floor = FLOOR * np.median(deviation, axis=1, keepdims=True)
        return cls(
            mean.astype(np.float32), np.maximum(deviation, floor).astype(np.float32)
        )

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """(..., layers, dim) -> the same shape, float32"""
        scaled: np.ndarray = (values.astype(np.float32) - self.mean) / self.deviation
        return scaled


def divide(ids: Sequence[str], share: float, seed: int) -> tuple[list[int], list[int]]:
    """Positions to train on and to hold out; the same ids whatever their order.

    Raises:
        AffuseError: if there are too few to hold any out
    """
    held = round(share * len(ids))
    if not 0 < held < len(ids):
        raise AffuseError(_too_few(len(ids), share))
    ordered = sorted(range(len(ids)), key=ids.__getitem__)
    shuffled = np.random.default_rng(seed).permutation(ordered).tolist()
    return sorted(shuffled[held:]), sorted(shuffled[:held])


def _too_few(inputs: int, share: float) -> str:
    """Say what divides inputs of which a share leaves none on one side.

    A share holds out one input where it is rounded to one, so that of a single input
    none can be held out whatever the share.
    """
    if inputs < 2:
        return (
            "the teacher encoded 1 input, and one more must be held out; give 2 or "
            "more with --data"
        )
    return (
        f"{inputs} inputs cannot be divided with {share:g} of them held out; take "
        f"--held-out {1 / inputs:.2g}, which holds out 1, or give more --data"
    )
