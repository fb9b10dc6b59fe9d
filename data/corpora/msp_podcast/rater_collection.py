"""Ratings of single raters by recording, for MSP-Podcast and MSP-IMPROV."""

from collections.abc import Iterable, Iterator, Mapping
from sys import intern

from affuse.data.corpora.msp_podcast.msp_rater_lines import RaterLine
from affuse.data.rating_scales import RATINGS
from affuse.data.records import Problem
from affuse.data.single_ratings import NO_RATERS, RaterSummary, Summaries, summaries

TOLERANCE = 0.01  # between a mean and the rating as released
REPEATED = "a rater has two lines for one recording, of which the first is read"


class RaterCollection:
    """Ratings by recording, in which each rater of a recording counts once."""

    def __init__(self) -> None:
        # The ratings of many raters are one object, see `msp_rater_lines.parse`.
        self._ratings: dict[str, dict[str, Mapping[str, float]]] = {}
        self._repeated: list[str] = []  # recordings

    def add(self, recording: str, line: RaterLine) -> bool:
        """Add the ratings of a rater; return False if the rater has some already.

        Args:
            recording: name of the file, or id
            line: of the rater
        """
        raters = self._ratings.setdefault(recording, {})
        rater = intern(line.rater)
        if rater in raters:
            self._repeated.append(recording)
            return False
        raters[rater] = line.ratings
        return True

    def summaries(self, recording: str) -> Summaries:
        """Return the summary of each rating of a recording over its raters.

        Args:
            recording: as `add` takes it
        """
        raters = self._ratings.get(recording)
        if not raters:
            return NO_RATERS
        given = raters.values()
        return summaries({n: [each.get(n) for each in given] for n in RATINGS})

    def notes(self, file: str, used: Iterable[str]) -> Iterator[Problem]:
        """Yield a note on raters with two lines, and on recordings without labels.

        Args:
            file: that has the ratings, for problems
            used: recordings that have labels
        """
        unused = self._ratings.keys() - set(used)
        lost = "ratings of single raters of recordings without labels are not read"
        for sentence, names in ((REPEATED, self._repeated), (lost, sorted(unused))):
            if names:
                reason = f"{sentence} (rows: {len(names)}), such as {names[0]}"
                yield Problem(file, reason, fatal=False)


def means(found: Summaries) -> dict[str, float]:
    """Return the mean of each rating over its raters."""
    return {name: summary.mean for name, summary in found.items()}


def differs(rating: float | None, summary: RaterSummary) -> bool:
    """Return True if a released rating is not the mean of its single ratings.

    Args:
        rating: as released; None if it is missing, which another note says
        summary: of the single ratings
    """
    return rating is not None and abs(summary.mean - rating) > TOLERANCE
