import pytest

from affuse.extract.inference.emotion_words import (
    CENTROIDS,
    COUNT,
    LIMIT,
    NOTE,
    nearest_words,
)


def named(valence, arousal, dominance):
    return nearest_words(
        {"valence": valence, "arousal": arousal, "dominance": dominance}
    )


@pytest.mark.parametrize("word", CENTROIDS)
def test_a_word_is_nearest_to_its_own_mean(word):
    assert named(*CENTROIDS[word])[0] == word


def test_all_means_are_on_the_scale():
    assert all(-1 <= x <= 1 for mean in CENTROIDS.values() for x in mean)


def test_a_distant_prediction_has_no_word():
    assert named(0.0, -0.9, 0.9) == ()
    valence = 0.81 + LIMIT * 3**0.5
    assert named(valence - 0.001, 0.51, 0.46)[0] == "happy"
    assert named(valence + 0.001, 0.51, 0.46) == ()


def test_there_are_at_most_two_words():
    assert len(named(-0.6, -0.2, -0.3)) == COUNT == 2


def test_the_middle_of_the_scales_is_neutral():
    assert named(0.02, -0.03, 0.05)[0] == "neutral"


def test_without_dominance_the_distance_is_that_of_valence_and_arousal():
    assert nearest_words({"valence": -0.5, "arousal": 0.59})[0] in ("angry", "enraged")


def test_words_need_valence_and_arousal():
    assert nearest_words({"valence": 0.5, "dominance": 0.1}) == ()


def test_the_note_names_the_source_and_the_limit():
    assert "Russell and Mehrabian (1977)" in NOTE.replace("\n", " ")
    assert f"{LIMIT:g}" in NOTE
