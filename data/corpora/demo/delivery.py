"""From what a sentence means to how it is said, and to how that is rated.

::

    delivery = 3 + share * (design - 3) + offset    words, said in one mood or another
    rating   = mean of three raters                 each hears the delivery, and rounds
    prosody  = weights * (delivery - 3) + noise     on a scale whose middle is 3

So the words alone tell most of the valence and little of the arousal, the voice most of
the arousal and little of the valence, and neither tells everything: as is reported of
recorded corpora, though by construction here.
"""

from dataclasses import dataclass, fields

import numpy as np

from affuse.data.corpora.demo.dialogue_script import ScriptLine

LOW, HIGH, MIDDLE = 1.0, 5.0, 3.0  # of the scale
SHARE = (1.0, 0.75, 1.0)  # of valence, arousal, dominance that the words decide
OFFSET = (0.3, 1.2, 0.65)  # deviation of valence, arousal, dominance
OFFSET_AMBIGUOUS = (0.9, 1.3, 0.9)  # of lines whose words are neutral
RATERS = 3
RATER = 0.4  # deviation of one rater, before rounding


@dataclass(frozen=True)
class Prosody:
    """How one utterance differs from the speaker's usual way of speaking."""

    rate: float  # natural logarithm of the factor on words per minute
    pitch: float  # steps of espeak-ng's pitch, of which 20 are about 3 semitones
    range: float  # natural logarithm of the factor on the pitch range
    level: float  # dB
    tilt: float  # dB per octave; positive is bright


# for one step of valence, arousal and dominance above the middle; then the noise
WEIGHTS = {
    "rate": (0.01, 0.07, 0.0, 0.09),
    "pitch": (1.0, 5.0, -4.0, 7.0),
    "range": (0.06, 0.25, 0.05, 0.28),
    "level": (0.0, 1.6, 1.2, 2.3),
    "tilt": (0.15, 0.5, 0.5, 0.9),
}


def perform(line: ScriptLine, rng: np.random.Generator) -> np.ndarray:
    """(3,) valence, arousal and dominance of the line as it is said this time."""
    spread = OFFSET_AMBIGUOUS if line.ambiguous else OFFSET
    meant = MIDDLE + np.multiply(SHARE, np.asarray(line.design) - MIDDLE)
    said: np.ndarray = (meant + rng.normal(0, spread)).clip(LOW, HIGH)
    return said


def rate(said: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(3,) mean over the raters, who rate with whole numbers from 1 to 5."""
    heard = said + rng.normal(0, RATER, (RATERS, len(said)))
    mean: np.ndarray = np.rint(heard).clip(LOW, HIGH).mean(axis=0)
    return mean


def prosody(said: np.ndarray, rng: np.random.Generator) -> Prosody:
    """The prosody of a delivery; the noise is another every time."""
    values = {}
    for field in fields(Prosody):
        *weights, noise = WEIGHTS[field.name]
        values[field.name] = float(weights @ (said - MIDDLE) + rng.normal(0, noise))
    return Prosody(**values)
