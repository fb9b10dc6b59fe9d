"""Simulated clips with ratings of a user and predictions of a model."""

from dataclasses import dataclass

import numpy as np

from affuse.fuse.adaptation.adaptation_fitting import RatedClips
from affuse.fuse.adaptation.clip_inputs import ClipInputs

DEVIATION = 0.4  # of ratings, on [-1, 1]
CODE = 60  # size of the codes
MIXTURE = np.random.default_rng(9).normal(size=(3, CODE))


@dataclass(frozen=True)
class Rater:
    """How the predictions of a model differ from the ratings of a user."""

    gain: float = 1.0  # deviation of the predictions over that of the ratings
    offset: float = 0.0  # mean of the predictions minus that of the ratings
    correlation: float = 0.7
    speakers: int = 0  # number of speakers; 0: they are not known
    codes: bool = False
    told: float = 0.0  # share of the ratings' variance that only codes tell


def draw(rater, count, rng):
    """Return clips with one rating; errors of one speaker's clips are correlated."""
    truth = rng.normal(0, 1, count)
    error = rng.normal(0, 1, count)
    speakers = ("",) * count
    if rater.speakers:
        number = np.arange(count) % rater.speakers
        shift = rng.normal(0, 1, rater.speakers)[number]
        error = np.sqrt(0.9) * error + np.sqrt(0.1) * shift
        speakers = tuple(f"s{n}" for n in number)
    r = rater.correlation
    known = r * truth + np.sqrt(1 - r * r) * error
    other = np.sqrt(rater.told) * truth
    other = other + np.sqrt(1 - rater.told) * rng.normal(0, 1, count)
    latent = np.stack([known, other, rng.normal(0, 1, count)], axis=1)
    codes = latent @ MIXTURE + rng.normal(0, 3, (count, CODE))
    mean = DEVIATION * rater.gain * known + rater.offset
    return RatedClips(
        targets=("valence",),
        inputs=ClipInputs(mean[:, None], codes if rater.codes else None),
        spread=np.full((count, 1), 0.05),
        truth=np.clip(DEVIATION * truth, -1, 1)[:, None],
        speakers=speakers,
    )
