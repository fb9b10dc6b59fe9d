"""A small corpus of noise and made-up sentences, for tests of stage one."""

import hashlib

import numpy as np
import soundfile

from affuse.data.cache import store
from affuse.data.records import Corpus, Utterance
from affuse.extract.caching.extraction import extract
from affuse.extract.encoding.choices import Choice, Machine

RATE = 16_000
WORDS = "it is not so bad a day to say that all was well with us in the end".split()
MACHINE = Machine(threads=1, progress=False)
CHOICES = {m: Choice(m, checkpoint="tiny") for m in ("audio", "text")}


def noise(samples, seed=0):
    rng = np.random.default_rng(seed)
    return (0.1 * rng.standard_normal(samples)).astype(np.float32)


def record(path, samples, rate=RATE, **options):
    """Write a sound file; create its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, samples, rate, **options)
    return path


def utterance(root, number):
    """Return an utterance that depends only on its number, and write its recording."""
    rng = np.random.default_rng(number)
    samples = int(rng.choice([2000, 3000, 3100, 5000, 8000]))
    words = rng.choice(WORDS, size=rng.integers(1, 12))
    path = root / "wav" / f"{number:03d}.wav"
    if not path.exists():
        record(path, noise(samples, seed=number), subtype="FLOAT")
    return Utterance(f"u{number:03d}", audio=path, text=" ".join(words))


def corpus(root, *utterances, count=0, name="toy"):
    """Return a corpus of these utterances and `count` more."""
    more = (utterance(root, number) for number in range(count))
    return Corpus(name, root, (*utterances, *more), scale=None, protocol="")


def run(found, cache, modality="audio", machine=MACHINE, **options):
    """Run stage one with an encoder of random weights."""
    choice = Choice(modality, **{"checkpoint": "tiny", **options})
    return extract(found, choice, machine, cache)


def rows(outcome):
    """Return the stored vectors by utterance id."""
    found = store.load(store.read_headers(outcome.folder))
    return {name: found.vector(i) for i, name in enumerate(found.ids)}


def images(folder):
    """Return the digests of all published files in a cache folder."""
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.glob("part-*"))
    }
