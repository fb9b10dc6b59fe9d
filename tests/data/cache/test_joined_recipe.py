import json

import pytest
from small_caches import recipe

from affuse.data.cache import joined_recipe
from affuse.data.cache.recipe import LayerBlock
from affuse.data.errors import AffuseError

ONE = recipe(checkpoint="one", weights="1", layers=(0, 1, 2))
TWO = recipe(checkpoint="two", weights="2", layers=(0, 1), head=("arousal",))
JOINED = joined_recipe.joined([ONE, TWO], [12, 10])


def forged(**changes):
    return json.dumps({**json.loads(JOINED.text()), **changes})


def test_a_single_recipe_is_not_joined():
    assert joined_recipe.joined([ONE], [12]) is ONE
    assert joined_recipe.parse(ONE.text()) == ONE


def test_text_and_recipe_are_equivalent():
    assert joined_recipe.parse(JOINED.text()) == JOINED
    assert JOINED.parts == (ONE, TWO)
    assert JOINED.head == ("arousal",)


def test_each_encoder_has_layers_of_its_size():
    assert JOINED.layer_structure == (LayerBlock(3, 4), LayerBlock(2, 5))


def test_the_corpus_of_all_members_changes():
    moved = JOINED.of_corpus("mine", "f" * 16)
    assert {(m.corpus, m.content) for m in moved.parts} == {("mine", "f" * 16)}
    assert moved.difference(JOINED) == "corpus='mine', not 'toy'"


def test_an_input_named_members_does_not_make_a_joined_recipe():
    plain = recipe(inputs={"members": 3})
    assert joined_recipe.parse(plain.text()) == plain


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (joined_recipe.joined([ONE, TWO], [12, 10]), ""),
        (joined_recipe.joined([ONE, TWO], [12, 8]), "widths=[12, 10], not [12, 8]"),
        (joined_recipe.joined([TWO, ONE], [10, 12]), "checkpoint='one', not 'two'"),
        (ONE, "encoders=2, not 1"),
    ],
)
def test_a_difference_is_named(other, words):
    assert JOINED.difference(other) == words


def test_a_recipe_differs_from_a_joined_one_in_the_number_of_encoders():
    assert ONE.difference(JOINED) == "encoders=1, not 2"


def test_all_encoders_must_be_covered_in_their_order():
    narrow = joined_recipe.joined([ONE.selected((2,), "mean"), TWO], [4, 10])
    assert JOINED.covers(narrow)
    assert not narrow.covers(JOINED)
    assert not JOINED.covers(joined_recipe.joined([TWO, ONE], [10, 12]))
    assert not JOINED.covers(ONE)
    assert not ONE.covers(JOINED)


def members(count):
    return [json.loads(ONE.text())] * count


@pytest.mark.parametrize(
    "changes",
    [
        {"widths": [0, 10]},
        {"widths": [13, 10]},
        {"widths": [12]},
        {"widths": [12, 10, 1]},
        {"widths": [12, 10**30]},
        {"widths": [12, -10]},
        {"widths": [12, 10.0]},
        {"widths": None},
        {"members": []},
        {"members": members(1), "widths": [12]},
        {"members": members(1_000), "widths": [12] * 1_000},
        {"members": [json.loads(JOINED.text()), json.loads(ONE.text())]},
        {"members": [json.loads(recipe(modality="audio").text()), *members(1)]},
        {"members": [json.loads(recipe(corpus="mine").text()), *members(1)]},
        {"members": {"0": members(1)[0]}},
        {"members": [None, None]},
        {"more": 1},
    ],
    ids=lambda changes: str(changes)[:30],
)
def test_a_forged_recipe_is_refused(changes):
    with pytest.raises(AffuseError):
        joined_recipe.parse(forged(**changes))


def test_deep_members_are_refused():
    with pytest.raises(AffuseError):
        joined_recipe.parse('{"members":' + "[" * 10_000 + "]" * 10_000 + "}")


def test_recipes_of_a_model_are_of_their_modalities():
    values = {"text": json.loads(JOINED.text())}
    assert joined_recipe.parse_all(values) == {"text": JOINED}
    with pytest.raises(AffuseError, match="its audio recipe is one of text"):
        joined_recipe.parse_all({"audio": values["text"]})


def test_a_layer_is_not_named_twice():
    with pytest.raises(AffuseError, match="layer twice"):
        joined_recipe.parse(forged(members=[{**members(1)[0], "layers": [0, 0]}] * 2))
