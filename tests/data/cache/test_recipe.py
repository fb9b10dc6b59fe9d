import dataclasses
import json

import pytest
from small_caches import RECIPE, recipe

from affuse.data.cache.recipe import Recipe

CHANGES = [
    {"corpus": "other"},
    {"content": "other"},
    {"modality": "audio"},
    {"encoder": "wav2vec2"},
    {"checkpoint": "large"},
    {"revision": "main"},
    {"weights": "other"},
    {"layers": (2, 1)},
    {"pooling": "frames"},
    {"dtype": "float16"},
    {"storage": "float16"},
    {"layer_meaning": "other"},
    {"inputs": {"max_tokens": 511}},
    {"head": ("valence",)},
    {"training": {"speakers": ["1F"]}},
    {"code": "revision 2"},
    {"transcripts": "small.en-0123abcd"},
    {"degradation": "noise:10"},
]


def test_the_changes_below_cover_every_field():
    assert [next(iter(c)) for c in CHANGES] == [
        field.name for field in dataclasses.fields(Recipe)
    ]


@pytest.mark.parametrize("changes", CHANGES)
def test_each_changed_field_changes_folder_and_difference(changes):
    other = recipe(**changes)
    assert other.digest() != RECIPE.digest()
    assert (other.corpus, other.folder()) != (RECIPE.corpus, RECIPE.folder())
    assert RECIPE.difference(other).startswith(f"{next(iter(changes))}=")
    assert RECIPE.same_but_content(other) == ("content" in changes)


def test_equal_recipes_have_equal_names():
    again = recipe(inputs=dict(RECIPE.inputs))
    assert again.folder() == RECIPE.folder()
    assert RECIPE.difference(again) == ""
    assert RECIPE.same_but_content(again)
    modality, encoder, digest = RECIPE.folder().split("-")
    assert (modality, encoder, len(digest)) == ("text", "distilbert", 12)


def test_the_digest_does_not_change_between_versions():
    # it names the folders: with another one, everything is extracted anew
    assert RECIPE.digest() == "1096654716bd"


def test_a_recipe_comes_back_from_its_text():
    written = recipe(head=("valence",), training={"speakers": ["ä"]})
    assert Recipe.parse(written.text()) == written


def test_tuples_and_lists_of_a_recipe_do_not_differ():
    written = recipe(inputs={"blocks": (1, 2)})
    found = Recipe.parse(written.text())
    assert written.difference(found) == ""
    assert written.same_but_content(found)


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "5", "null", "{}", '{"layers": 1, "head": []}']
    + [json.dumps({**json.loads(RECIPE.text()), "more": 1})]
    + [json.dumps({**json.loads(RECIPE.text()), "corpus": 5})]
    + [json.dumps({**json.loads(RECIPE.text()), "modality": "video"})],
)
def test_an_invalid_recipe_is_refused(text):
    with pytest.raises(ValueError, match="^not a recipe: "):
        Recipe.parse(text)


def test_a_model_of_gold_transcripts_takes_recognised_ones_of_another_cache():
    other = recipe(transcripts="small.en-0123abcd", content="other")
    assert RECIPE.covers(other)
    assert other.covers(RECIPE)
    assert other.kind() != RECIPE.kind()  # so neither cache supersedes the other
    assert other.of_corpus("x") == RECIPE.of_corpus("x")


def test_an_unknown_modality_is_refused():
    with pytest.raises(ValueError, match="one of audio, text, got 'video'"):
        recipe(modality="video")


@pytest.mark.parametrize(
    "name", ["", "..", ".x", "a/b", "a\\b", "a b", "a\n", "ä", "-"]
)
def test_a_corpus_name_that_cannot_be_a_folder_is_refused(name):
    with pytest.raises(ValueError, match="becomes a folder: use letters, digits"):
        recipe(corpus=name)


def test_a_recipe_without_a_degradation_has_the_text_of_older_versions():
    assert "degradation" not in RECIPE.text()
    degraded = recipe(degradation="noise:10")
    assert Recipe.parse(degraded.text()) == degraded
    assert not degraded.covers(RECIPE)
    assert not RECIPE.covers(degraded)
    assert degraded.kind() != RECIPE.kind()
    assert degraded.of_corpus("other").degradation == ""
