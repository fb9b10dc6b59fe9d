"""Nearest emotion words of predictions, by a published table of mean ratings of words.

The table is a selection of 32 of the 151 terms in Table 4 of Russell and Mehrabian
(1977), "Evidence for a three-factor theory of emotions", Journal of Research in
Personality 11, 273-294. They publish the mean pleasure, arousal and dominance of each
term on [-1, 1]. A term is included only if two independent transcriptions of the table
agree on its three means. The word ``neutral`` is added for the middle of the scales.

Naming is approximate. The means are of ratings of words, not of speech, and the terms
lie close together.
"""

import math
from collections.abc import Mapping

from affuse.data.rating_scales import RATINGS

# {term: mean pleasure (valence), arousal and dominance}
CENTROIDS: Mapping[str, tuple[float, float, float]] = {
    "neutral": (0.0, 0.0, 0.0),  # not in the table
    "angry": (-0.51, 0.59, 0.25),
    "annoyed": (-0.28, 0.17, 0.04),  # in the table: mildly annoyed
    "arrogant": (0.00, 0.34, 0.48),
    "blasé": (-0.29, -0.51, -0.16),
    "bold": (0.44, 0.61, 0.66),
    "bored": (-0.65, -0.62, -0.33),
    "carefree": (0.78, 0.25, 0.41),
    "confused": (-0.53, 0.27, -0.32),
    "curious": (0.22, 0.62, -0.01),
    "depressed": (-0.72, -0.29, -0.41),
    "dignified": (0.55, 0.22, 0.61),
    "discouraged": (-0.61, -0.15, -0.29),
    "disgusted": (-0.60, 0.35, 0.11),
    "elated": (0.50, 0.42, 0.23),
    "enraged": (-0.44, 0.72, 0.32),
    "excited": (0.62, 0.75, 0.38),
    "fearful": (-0.64, 0.60, -0.43),
    "friendly": (0.69, 0.35, 0.30),
    "happy": (0.81, 0.51, 0.46),
    "hopeful": (0.51, 0.23, 0.14),
    "interested": (0.64, 0.51, 0.17),
    "lonely": (-0.66, -0.43, -0.32),
    "overwhelmed": (0.14, 0.45, -0.24),
    "respectful": (0.38, 0.13, -0.08),
    "sad": (-0.63, -0.27, -0.33),
    "secure": (0.74, -0.13, 0.03),
    "shy": (-0.15, 0.06, -0.34),
    "skeptical": (-0.22, 0.21, 0.03),
    "subdued": (-0.17, -0.26, -0.18),
    "surprised": (0.40, 0.67, -0.13),
    "thankful": (0.61, 0.10, -0.13),
    "triumphant": (0.69, 0.57, 0.63),
}
# Largest distance to a word, as root mean square over the ratings.
LIMIT = 0.25
COUNT = 2  # largest number of words for a prediction
NOTE = (
    "The words are approximate: terms whose mean ratings by Russell and Mehrabian "
    f"(1977) are nearest to the prediction, within {LIMIT:g} on [-1, 1]"
)


def nearest_words(values: Mapping[str, float]) -> tuple[str, ...]:
    """Return the emotion words whose mean ratings are nearest to a prediction.

    Args:
        values: {rating: value on [-1, 1]}. Without dominance, the distance is that of
            valence and arousal

    Returns:
        at most `COUNT` words, the nearest first; none if valence or arousal is missing,
        or if no word is within `LIMIT`

    Examples:
        >>> nearest_words({"valence": -0.5, "arousal": 0.6, "dominance": 0.3})
        ('angry', 'enraged')
        >>> nearest_words({"valence": 0.0, "arousal": -0.9, "dominance": 0.9})
        ()
    """
    if not {"valence", "arousal"} <= values.keys():
        return ()
    places = [k for k, name in enumerate(RATINGS) if name in values]
    distances = {
        word: math.sqrt(
            sum((values[RATINGS[k]] - mean[k]) ** 2 for k in places) / len(places)
        )
        for word, mean in CENTROIDS.items()
    }
    near = [word for word, distance in distances.items() if distance <= LIMIT]
    return tuple(sorted(near, key=lambda word: distances[word])[:COUNT])
