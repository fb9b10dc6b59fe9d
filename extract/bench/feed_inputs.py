"""Inputs of the bench of reading: recordings in several formats, and texts.

The recordings are pieces of the demo corpus, whose voices are synthetic, because noise
would cost a decoder more than speech. The texts are random words of its sentences.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from affuse.data.corpora import demo
from affuse.data.records import Corpus, Utterance
from affuse.extract.audio.decoding import SAMPLE_RATE, load
from affuse.extract.bench import random_inputs

SPEECH = 200  # utterances of the demo corpus that the recordings are cut from
LONG = 120.0  # seconds of a long recording


@dataclass(frozen=True)
class FeedInputs:
    """Inputs of one kind, such as short WAV files."""

    name: str
    modality: str
    utterances: tuple[Utterance, ...]
    amount: float  # seconds of audio, or number of texts

    def corpus(self, root: Path) -> Corpus:
        """Return the inputs as a corpus in a folder."""
        return Corpus("feed", root, self.utterances, scale=None, protocol="")


def speech() -> np.ndarray:
    """Return speech of the demo corpus without interruption, (samples,) float32."""
    chosen = demo.read(demo.ROOT).utterances[:SPEECH]
    files = (demo.ROOT / (u.audio or Path()) for u in chosen)
    return np.concatenate([load(file, longest=LONG).samples for file in files])


def recordings(
    folder: Path, form: str, lengths: np.ndarray, seed: int, name: str
) -> FeedInputs:
    """Write recordings of one format as pieces of the demo corpus.

    Args:
        folder: to write to, which is created
        form: suffix of the format, such as ``wav``
        lengths: seconds of each recording
        seed: of the pieces' positions
        name: of the inputs, for the table
    """
    import soundfile

    folder.mkdir(parents=True)
    source, rng = speech(), np.random.default_rng(seed)
    utterances, amount = [], 0.0
    for i, length in enumerate(lengths):
        count = int(length * SAMPLE_RATE)
        begin = int(rng.integers(len(source)))
        places = np.arange(begin, begin + count)
        path = folder / f"{i:05d}.{form}"
        soundfile.write(path, source.take(places, mode="wrap"), SAMPLE_RATE)
        utterances.append(Utterance(f"{form}{i:05d}", audio=path))
        amount += count / SAMPLE_RATE
    return FeedInputs(name, "audio", tuple(utterances), amount)


def short_lengths(count: int, seed: int) -> np.ndarray:
    """Return the lengths of utterances like IEMOCAP's, in seconds."""
    return random_inputs.lengths(count, np.random.default_rng(seed))


def texts(count: int, seed: int) -> FeedInputs:
    """Return distinct texts of random words of the demo corpus."""
    return FeedInputs("texts", "text", tuple(_texts(count, seed)), float(count))


def _texts(count: int, seed: int) -> Iterator[Utterance]:
    sentences = [u.text or "" for u in demo.read(demo.ROOT).utterances]
    words = sorted({word for text in sentences for word in text.split()})
    rng = np.random.default_rng(seed)
    for i, size in enumerate(random_inputs.token_counts(count, rng)):
        chosen = " ".join(words[j] for j in rng.integers(len(words), size=size))
        yield Utterance(f"t{i:05d}", text=f"{chosen} {i}.")
