import dataclasses

import numpy as np
import pytest
from learnable_corpus import COUNT, corpus, embeddings, recipe, reorder_rows, truth

from affuse.data.cache.store import Embeddings
from affuse.fuse.inputs.tensors import HEAD, align


def changed(found, row, **changes):
    """A corpus in which one utterance differs."""
    utterances = list(found.utterances)
    utterances[row] = dataclasses.replace(utterances[row], **changes)
    return dataclasses.replace(found, utterances=tuple(utterances))


def test_ratings_are_on_minus_one_to_one():
    # released values are 2 t + 3; float32 holds t to about 6e-8
    np.testing.assert_allclose(align(corpus(), embeddings()).truth, truth(), atol=1e-6)


def test_layers_are_concatenated():
    cache = embeddings()["audio"]
    found = align(corpus(), {"audio": cache}).features["audio"]
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found[:, 6:], cache.values[:, 1])


def test_tensors_do_not_depend_on_the_order():
    rng = np.random.default_rng(0)
    expected = align(corpus(), embeddings())
    order = rng.permutation(COUNT)
    shuffled = dataclasses.replace(
        corpus(), utterances=tuple(corpus().utterances[row] for row in order)
    )
    mixed = {
        modality: reorder_rows(cache, rng.permutation(COUNT))
        for modality, cache in reversed(embeddings().items())
    }
    found = align(shuffled, mixed)
    assert found.ids == expected.ids == tuple(sorted(expected.ids))
    np.testing.assert_array_equal(found.truth, expected.truth)
    assert found.features.keys() == {"audio", "text", HEAD}
    for name, values in expected.features.items():
        np.testing.assert_array_equal(found.features[name], values)


def test_rows_are_found_by_id():
    aligned = align(corpus(), embeddings())
    rows = aligned.rows(["u007", "u002"], features=("text",))
    assert list(rows.features) == ["text"]
    expected = aligned.features["text"][[7, 2]]
    np.testing.assert_array_equal(rows.features["text"].numpy(), expected)
    np.testing.assert_array_equal(rows.truth.numpy(), aligned.truth[[7, 2]])


def test_omissions_are_counted_by_reason():
    found = changed(corpus(), 0, ratings={"valence": 1.0, "arousal": 1.0})
    found = changed(found, 1, ratings={})
    found = changed(
        found, 2, ratings=dict.fromkeys(found.utterances[2].ratings, np.nan)
    )
    caches = embeddings()
    caches["text"] = reorder_rows(caches["text"], range(5, COUNT))
    aligned = align(found, caches)
    assert aligned.left_out == {
        "no rating of dominance": 1,
        "no rating of valence": 2,
        "no text embedding": 2,
    }
    assert aligned.ids == tuple(f"u{row:03d}" for row in range(5, COUNT))


def test_embeddings_without_an_utterance_are_ignored():
    found = dataclasses.replace(corpus(), utterances=corpus().utterances[:9])
    assert len(align(found, embeddings()).ids) == 9


@pytest.mark.parametrize(
    ("policy", "kept", "highest"),
    [("clip", COUNT, 1.0), ("keep", COUNT, 1.25), ("drop", COUNT - 1, 1.0)],
)
def test_ratings_outside_the_scale(policy, kept, highest):
    released = {**corpus().utterances[0].ratings, "valence": 5.5}
    aligned = align(changed(corpus(), 0, ratings=released), embeddings(), policy=policy)
    assert (len(aligned.ids), aligned.outside) == (kept, 1)
    assert aligned.truth.max() == pytest.approx(highest, abs=0.02)
    expected = {"rating outside the scale": 1} if policy == "drop" else {}
    assert aligned.left_out == expected


def test_a_rare_rating_is_no_target():
    found = corpus(ratings=("valence", "arousal"))
    rare = {"valence": 2.0, "arousal": 2.0, "dominance": 2.0}
    aligned = align(changed(found, 0, ratings=rare), embeddings())
    assert aligned.targets == ("valence", "arousal")
    assert aligned.truth.shape == (COUNT, 2)


def test_frames_are_averaged_over_time():
    rng = np.random.default_rng(0)
    lengths = rng.integers(1, 9, COUNT)
    values = rng.normal(size=(lengths.sum(), 2, 3)).astype(np.float32)
    cache = Embeddings(
        recipe=recipe("audio", pooling="frames", layers=(0, 1)),
        ids=tuple(f"u{row:03d}" for row in range(COUNT)),
        contents=("",) * COUNT,
        values=values,
        offsets=np.concatenate([[0], np.cumsum(lengths)]),
    )
    found = align(corpus(), {"audio": cache}).features["audio"]
    assert found.shape == (COUNT, 6)
    expected = values[lengths[0] : lengths[0] + lengths[1]].mean(axis=0).ravel()
    np.testing.assert_allclose(found[1], expected, atol=1e-6)  # float32 sums of 8


def test_the_head_keeps_its_names():
    aligned = align(corpus(), embeddings())
    assert aligned.head == ("arousal", "dominance", "valence")
    expected = (aligned.truth[:, [1, 2, 0]] + 1) / 2
    np.testing.assert_allclose(aligned.features[HEAD], expected, atol=1e-6)
    assert align(corpus(), {"text": embeddings()["text"]}).head == ()


def test_embeddings_of_another_corpus_are_refused():
    cache = embeddings()["text"]
    other = dataclasses.replace(cache, recipe=recipe("text", corpus="emobank"))
    with pytest.raises(ValueError, match="text embeddings are of corpus 'emobank', no"):
        align(corpus(), {"text": other})


def test_a_corpus_without_a_scale_is_refused():
    found = dataclasses.replace(corpus(), scale=None)
    with pytest.raises(ValueError, match="'toy' has no rating scale"):
        align(found, embeddings())


def test_a_corpus_without_ratings_is_refused():
    found = corpus(ratings=())
    with pytest.raises(ValueError, match="no utterance of corpus 'toy' has a rating"):
        align(found, embeddings())


def test_an_empty_join_reports_counts_by_reason():
    caches = embeddings()
    caches["audio"] = reorder_rows(caches["audio"], range(10))
    caches["text"] = reorder_rows(caches["text"], range(10, 30))
    sentence = r"of 300: no audio embedding \(290\), no text embedding \(10\)"
    with pytest.raises(ValueError, match=sentence):
        align(corpus(), caches)
