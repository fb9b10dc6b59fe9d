import pytest

from affuse.data import single_ratings
from affuse.data.errors import AffuseError
from affuse.data.single_ratings import NO_RATERS, RaterSummary, summaries


def test_a_summary_has_the_mean_the_deviation_and_the_number_of_raters():
    found = summaries({"valence": [5, None, 2, 2], "arousal": [4], "dominance": []})
    assert (found["valence"].mean, found["valence"].raters) == (3.0, 3)
    assert found["valence"].deviation == pytest.approx(3**0.5)
    assert found["arousal"] == RaterSummary(4.0, 0.0, 1)
    assert found.keys() == {"valence", "arousal"}


def test_equal_ratings_share_one_summary_in_memory():
    one, other = (summaries({"valence": v})["valence"] for v in ([1, 2, 4], [4, 1, 2]))
    assert one is other
    assert summaries({"valence": [None]}) is NO_RATERS


def test_the_lists_of_a_file_become_the_same_summaries():
    found = summaries({"valence": [1, 2, 2], "arousal": [0.1]})
    assert single_ratings.from_lists(single_ratings.as_lists(found)) == found
    assert single_ratings.from_lists({}) is NO_RATERS


@pytest.mark.parametrize(
    ("figures", "words"),
    [
        ((float("nan"), 1, 2), "no summary of ratings"),
        ((3, -1, 2), "no summary of ratings"),
        ((3, 1, 0), "no summary of ratings"),
        ((3, 1, 1), "a single rater has no deviation"),
        ((3, 1, 2.5), "not a whole number"),
    ],
)
def test_impossible_figures_are_refused(figures, words):
    with pytest.raises(AffuseError, match=words):
        single_ratings.parse_summary(*figures)
