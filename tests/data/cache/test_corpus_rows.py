"""Embeddings of several corpora as those of one training set."""

import dataclasses

import encoder_caches
import numpy as np
import pytest
from several_corpora import COUNT, embeddings

from affuse.data.cache.corpus_rows import stack_corpora
from affuse.data.cache.embedding_views import join, narrow
from affuse.data.errors import AffuseError
from affuse.fuse.inputs.chunks import pool_rows


def test_rows_of_all_corpora_follow_each_other():
    members = [embeddings("a"), embeddings("b")]
    both = stack_corpora(members)
    assert both.ids[0] == "a/u000"
    assert both.ids[COUNT] == "b/u000"
    assert both.recipe.corpus == "a+b"
    assert both.contents == (*members[0].contents, *members[1].contents)
    expected = np.concatenate([m.values.reshape(COUNT, -1) for m in members])
    order = np.random.default_rng(0).permutation(2 * COUNT)
    np.testing.assert_array_equal(pool_rows(both, order), expected[order])
    for row in (0, COUNT - 1, COUNT, 2 * COUNT - 1):
        np.testing.assert_array_equal(both.vector(row).ravel(), expected[row])
    with pytest.raises(IndexError):
        both.vector(2 * COUNT)


def test_the_recipe_depends_on_the_content_of_each_corpus():
    def recipe(content):
        return stack_corpora([embeddings("a"), embeddings("b", content=content)]).recipe

    assert recipe("one").digest() == recipe("one").digest() != recipe("two").digest()


def test_other_recipes_are_refused():
    members = [embeddings("a"), embeddings("b", dtype="bfloat16")]
    with pytest.raises(AffuseError, match="of 'b' were extracted with dtype="):
        stack_corpora(members)


def test_several_encoders_are_joined_for_each_corpus():
    def of(name):
        found = [encoder_caches.wide("audio", c, corpus=name) for c in ("one", "two")]
        return join([narrow(e, e.recipe.selected((0,), "mean")) for e in found])

    members = [of("a"), of("b")]
    both = stack_corpora(members)
    assert both.recipe.layer_structure == members[0].recipe.layer_structure
    rows = np.arange(len(both.ids))[::-1]
    expected = np.concatenate([pool_rows(m, np.arange(len(m.ids))) for m in members])
    np.testing.assert_array_equal(pool_rows(both, rows), expected[::-1])


def test_unknown_spans_stay_unknown():
    plain = dataclasses.replace(embeddings("b"), stretches=())
    both = stack_corpora([embeddings("a"), plain])
    assert both.stretches[COUNT - 1] is not None
    assert both.stretches[COUNT:] == (None,) * COUNT
