import dataclasses

import encoder_caches
import numpy as np
import pytest
from encoder_caches import narrowed, wide
from learnable_corpus import reorder_rows

from affuse.data.cache import store, streaming
from affuse.data.cache.embedding_views import join, narrow
from affuse.data.errors import AffuseError
from affuse.fuse.inputs.tensors import HEAD, gather

IDS = ["u009", "u000", "u059", "u009"]


def one(**changes):
    return wide("audio", "one", **changes)


def two(**changes):
    return wide("audio", "two", **changes)


def headed(found, ratings, values):
    recipe = dataclasses.replace(found.recipe, head=ratings)
    return dataclasses.replace(found, recipe=recipe, head=values)


@pytest.mark.parametrize("gib", [None, 0, 1])
@pytest.mark.parametrize(
    ("layers", "pooling"),
    [((0, 2), "mean"), ((1,), "mean+std"), ((0, 1, 2), "mean"), ((2,), "mean")],
)
def test_a_view_has_the_values_of_a_narrow_extraction(tmp_path, layers, pooling, gib):
    (folder,) = encoder_caches.write(tmp_path, one())
    cache = store.read_headers(folder)
    recipe = cache.recipe.selected(layers, pooling)
    if gib is None:
        view = narrow(store.load(cache), recipe)
    else:
        view = streaming.open_all({"audio": (cache, recipe)}, gib=gib)["audio"]
    values = one().values[:, list(layers), : 4 if pooling == "mean" else None]
    assert view.recipe == recipe
    assert view.width == values[0].size
    rows = [int(id_[1:]) for id_ in IDS]
    found = gather({"audio": view}, IDS)["audio"]
    np.testing.assert_array_equal(found, values[rows].reshape(len(rows), -1))


def test_a_view_of_everything_is_the_cache_itself():
    cached = one()
    assert narrow(cached, cached.recipe) is cached


@pytest.mark.parametrize(
    ("layers", "pooling"), [((3,), "mean"), ((0,), "frames"), ((0, 4), "mean+std")]
)
def test_a_view_of_what_is_not_cached_is_refused(layers, pooling):
    with pytest.raises(AffuseError, match=r"hold layers \[0, 1, 2\] with mean\+std"):
        narrow(one(), one().recipe.selected(layers, pooling))


def test_selected_frames_are_averaged_as_those_of_a_narrow_extraction(tmp_path):
    rng = np.random.default_rng(0)
    lengths = rng.integers(1, 200, encoder_caches.COUNT)
    plain = one(pooling="mean", storage="float16")
    values = rng.normal(size=(lengths.sum(), 3, 1)).astype(np.float16)
    cached = dataclasses.replace(
        plain,
        recipe=dataclasses.replace(plain.recipe, pooling="frames"),
        values=values,
        offsets=np.cumsum([0, *lengths]),
    )
    for layers in ((2,), (0, 2)):
        recipe = cached.recipe.selected(layers, "frames")
        stored = np.ascontiguousarray(values[:, list(layers)])
        alone = dataclasses.replace(cached, recipe=recipe, values=stored)
        found = gather({"audio": narrow(cached, recipe)}, cached.ids)["audio"]
        expected = gather({"audio": alone}, cached.ids)["audio"]
        np.testing.assert_array_equal(found, expected)


def test_encoders_are_joined_by_id_and_not_by_position(tmp_path):
    shuffled = reorder_rows(two(), range(encoder_caches.COUNT - 1, 4, -1))
    both = join([one(), shuffled])
    assert both.ids == tuple(f"u{row:03d}" for row in range(5, encoder_caches.COUNT))
    found = gather({"audio": both}, ["u009", "u059", "u005"])["audio"]
    rows = [9, 59, 5]
    parts = [e.values[rows].reshape(3, -1) for e in (one(), two())]
    np.testing.assert_array_equal(found, np.concatenate(parts, axis=1))
    mapped = join([dataclasses.replace(e, scratch=tmp_path) for e in (one(), shuffled)])
    again = gather({"audio": mapped}, ["u009", "u059", "u005"])["audio"]
    np.testing.assert_array_equal(again, found)


def test_a_joined_view_equals_joined_narrow_extractions():
    taken = ((2,), "mean"), ((0, 1), "mean")
    views = [
        narrow(e, e.recipe.selected(*each))
        for e, each in zip((one(), two()), taken, strict=True)
    ]
    stored = [narrowed(e, *each) for e, each in zip((one(), two()), taken, strict=True)]
    assert join(views).recipe == join(stored).recipe
    found, expected = (
        gather({"audio": join(e)}, IDS)["audio"] for e in (views, stored)
    )
    np.testing.assert_array_equal(found, expected)


def test_the_head_is_that_of_the_encoder_that_has_one():
    values = np.random.default_rng(1).normal(size=(encoder_caches.COUNT, 2))
    second = headed(two(), ("valence", "arousal"), values)
    both = join([reorder_rows(one(), range(7, encoder_caches.COUNT)), second])
    found = gather({"audio": both}, ["u050", "u008"])
    np.testing.assert_array_equal(found[HEAD], values[[50, 8]].astype(np.float32))
    assert both.recipe.head == ("valence", "arousal")


def test_two_heads_are_refused_because_one_would_be_dropped():
    values = np.zeros((encoder_caches.COUNT, 1))
    both = [headed(found(), ("valence",), values) for found in (one, two)]
    with pytest.raises(AffuseError, match="one and two both have predictions of their"):
        join(both)


def test_encoders_without_a_common_utterance_are_refused():
    pair = reorder_rows(one(), range(10)), reorder_rows(two(), range(10, 20))
    with pytest.raises(AffuseError, match="of one and two have no utterance in common"):
        join(pair)


def test_encoders_of_different_inputs_are_refused():
    old = two()
    contents = (*old.contents[:-2], "f" * 32, "e" * 32)
    changed = dataclasses.replace(old, contents=contents)
    with pytest.raises(
        AffuseError, match="one and two are of different inputs of 2 utt.* is 'u058'"
    ):
        join([one(), changed])
    rest = reorder_rows(changed, range(encoder_caches.COUNT - 2))
    assert len(join([one(), rest]).ids) == encoder_caches.COUNT - 2
