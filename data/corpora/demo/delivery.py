"""Simulation of delivery, ratings and prosody for the sentences of the demo corpus.

::

    delivery = 3 + share * (design - 3) + offset    words plus a random mood
    rating   = mean of three raters                 delivery plus noise, rounded
    prosody  = weights * (delivery - 3) + noise     on a scale whose middle is 3

The words determine most of the valence and little of the arousal. The voice determines
most of the arousal and little of the valence. Neither determines a rating completely.
The same is reported of recorded corpora; here it holds by construction.
"""

from dataclasses import dataclass, fields

import numpy as np

from affuse.data.corpora.demo.dialogue_script import ScriptLine

LOW, HIGH, MIDDLE = 1.0, 5.0, 3.0  # of the scale
SHARE = (1.0, 0.75, 1.0)  # of valence, arousal, dominance that the words determine
OFFSET = (0.3, 1.2, 0.65)  # standard deviation for valence, arousal, dominance
OFFSET_AMBIGUOUS = (0.9, 1.3, 0.9)  # the same for lines whose words are neutral
RATERS = 3
RATER = 0.4  # standard deviation of one rater, before rounding


@dataclass(frozen=True)
class Prosody:
    """Deviation of one utterance from the speaker's usual way of speaking."""

    rate: float  # natural logarithm of the factor on words per minute
    pitch: float  # steps of espeak-ng's pitch, of which 20 are about 3 semitones
    range: float  # natural logarithm of the factor on the pitch range
    level: float  # dB
    tilt: float  # dB per octave; positive is bright


# Change for each step of valence, arousal and dominance above the middle, and then the
# standard deviation of the noise.
WEIGHTS = {
    "rate": (0.01, 0.07, 0.0, 0.09),
    "pitch": (1.0, 5.0, -4.0, 7.0),
    "range": (0.06, 0.25, 0.05, 0.28),
    "level": (0.0, 1.6, 1.2, 2.3),
    "tilt": (0.15, 0.5, 0.5, 0.9),
}


def perform(line: ScriptLine, rng: np.random.Generator) -> np.ndarray:
    """Draw valence, arousal and dominance of one delivery of a line.

    Args:
        line: of the script
        rng: of the mood

    Returns:
        (3,) from 1 to 5
    """
    spread = OFFSET_AMBIGUOUS if line.ambiguous else OFFSET
    intended = MIDDLE + np.multiply(SHARE, np.asarray(line.design) - MIDDLE)
    delivery: np.ndarray = (intended + rng.normal(0, spread)).clip(LOW, HIGH)
    return delivery


def rate(delivery: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draw the ratings of a delivery, and return their mean over the raters.

    Args:
        delivery: (3,) valence, arousal and dominance from 1 to 5
        rng: of the raters' noise

    Returns:
        (3,) from 1 to 5, means of whole numbers
    """
    opinions = delivery + rng.normal(0, RATER, (RATERS, len(delivery)))
    mean: np.ndarray = np.rint(opinions).clip(LOW, HIGH).mean(axis=0)
    return mean


def prosody(delivery: np.ndarray, rng: np.random.Generator) -> Prosody:
    """Draw the prosody of a delivery; each call draws new noise.

    Args:
        delivery: (3,) valence, arousal and dominance from 1 to 5
        rng: of the noise
    """
    values = {}
    for field in fields(Prosody):
        *weights, noise = WEIGHTS[field.name]
        values[field.name] = float(weights @ (delivery - MIDDLE) + rng.normal(0, noise))
    return Prosody(**values)
