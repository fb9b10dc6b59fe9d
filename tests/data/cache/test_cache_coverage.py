import dataclasses
import os

import pytest
from small_caches import fill, flip, recipe

from affuse.data.cache import current_content, parts
from affuse.data.cache.cache_coverage import holding
from affuse.data.cache.cache_selection import choose
from affuse.data.cache.joined_recipe import joined
from affuse.data.errors import AffuseError, DamagedFileError, OptionError

WIDE = recipe(layers=(0, 1, 2), pooling="mean+std")
NARROW = WIDE.selected((0, 2), "mean")
OTHER = recipe(checkpoint="other", weights="0")


def on(other, content):
    """Return the recipe of another content of the corpus."""
    return dataclasses.replace(other, content=content)


def chosen(cache, *names, needed=None):
    """Return the folders that are chosen, for training or for a run."""
    recipes = {} if needed is None else {"text": needed}
    named = {"text": names}
    found = choose(cache, named=named, modalities=("text",), recipes=recipes)
    return [each.path for each in found["text"]]


@pytest.mark.parametrize("names", [(), ("tiny",)])
def test_training_takes_the_wide_cache_of_two(tmp_path, names):
    fill(tmp_path, of=NARROW)
    wide = fill(tmp_path, of=WIDE)
    assert chosen(tmp_path, *names) == [wide]


def test_a_digest_selects_the_narrow_cache(tmp_path):
    narrow = fill(tmp_path, of=NARROW)
    fill(tmp_path, of=WIDE)
    assert chosen(tmp_path, NARROW.digest()) == [narrow]


@pytest.mark.parametrize(
    "other",
    [
        on(WIDE, "f" * 16),
        dataclasses.replace(WIDE, weights="0"),
        dataclasses.replace(WIDE, dtype="bfloat16"),
        dataclasses.replace(WIDE, layers=(1, 2)),
        dataclasses.replace(WIDE, code="revision 2"),
    ],
)
def test_a_cache_that_holds_other_embeddings_makes_the_choice_ambiguous(
    tmp_path, other
):
    fill(tmp_path, of=NARROW)
    fill(tmp_path, of=other)
    with pytest.raises(OptionError, match="there are 2 text caches"):
        chosen(tmp_path)


def test_an_unfinished_wide_cache_is_not_preferred(tmp_path):
    fill(tmp_path, of=NARROW)
    fill(tmp_path, of=WIDE, planned=3)
    with pytest.raises(OptionError, match="there are 2 text caches"):
        chosen(tmp_path)


def test_a_run_takes_the_cache_with_exactly_its_embeddings(tmp_path):
    wide, narrow = fill(tmp_path, of=WIDE), fill(tmp_path, of=NARROW)
    assert chosen(tmp_path, needed=NARROW) == [narrow]
    assert chosen(tmp_path, needed=WIDE) == [wide]
    assert chosen(tmp_path, WIDE.digest(), needed=NARROW) == [wide]


def test_a_run_takes_a_complete_wide_cache_before_an_unfinished_one(tmp_path):
    wide = fill(tmp_path, of=WIDE)
    fill(tmp_path, of=NARROW, planned=3)
    assert chosen(tmp_path, needed=NARROW) == [wide]
    assert holding(wide.parent, NARROW).path == wide


def test_a_run_says_which_cache_is_unfinished_if_there_is_no_other(tmp_path):
    folder = fill(tmp_path, of=WIDE, planned=3)
    with pytest.raises(AffuseError, match="is unfinished: 2 of 3 parts"):
        chosen(tmp_path, needed=NARROW)
    assert holding(folder.parent, NARROW) is None
    assert not holding(folder.parent, WIDE).complete


def test_a_run_takes_the_transcripts_that_it_was_trained_on(tmp_path):
    recognised = dataclasses.replace(WIDE, transcripts="small.en-0", content="e" * 16)
    gold, other = fill(tmp_path, of=WIDE), fill(tmp_path, of=recognised)
    assert chosen(tmp_path, needed=NARROW) == [gold]
    assert chosen(tmp_path, needed=recognised) == [other]
    assert chosen(tmp_path, "small.en", needed=NARROW) == [other]
    elsewhere = dataclasses.replace(NARROW, corpus="elsewhere")
    with pytest.raises(OptionError, match="there are 2 text caches"):
        chosen(tmp_path, needed=elsewhere)


def test_a_run_does_not_choose_between_two_contents(tmp_path):
    wide = fill(tmp_path, of=on(WIDE, "f" * 16))
    narrow = fill(tmp_path, of=NARROW)
    with pytest.raises(OptionError, match="there are 2 text caches"):
        chosen(tmp_path, needed=NARROW)
    assert chosen(tmp_path, wide.name, needed=NARROW) == [wide]
    assert chosen(tmp_path, narrow.name, needed=NARROW) == [narrow]
    assert holding(wide.parent, NARROW).path == narrow


def test_a_run_leaves_out_contents_that_were_superseded(tmp_path):
    old = [fill(tmp_path, of=r) for r in (WIDE, NARROW)]
    for folder in old:
        for path in (folder, *folder.iterdir()):
            os.utime(path, (1, 1))
    new = fill(tmp_path, of=on(WIDE, "f" * 16), rows=(2, 2))
    current_content.mark_current(new, on(WIDE, "f" * 16))
    assert chosen(tmp_path, needed=NARROW) == [new]
    assert chosen(tmp_path, NARROW.digest(), needed=NARROW) == [old[1]]


def test_caches_that_hold_the_same_embeddings_are_not_ambiguous_for_a_run(tmp_path):
    folders = [
        fill(tmp_path, of=dataclasses.replace(WIDE, layers=layers))
        for layers in ((0, 2), (0, 1, 2, 3))
    ]
    third = fill(tmp_path, of=dataclasses.replace(WIDE, layers=(0, 2, 4)))
    (found,) = chosen(tmp_path, needed=WIDE.selected((0,), "mean"))
    assert found in {*folders, third}


def test_a_damaged_wide_cache_is_named(tmp_path):
    fill(tmp_path, of=NARROW)
    path = parts.part_path(fill(tmp_path, of=WIDE), 1)
    flip(path, place=0.1)
    for needed in (None, NARROW):
        with pytest.raises(DamagedFileError, match="part-00001.h5"):
            chosen(tmp_path, needed=needed)


def test_the_order_of_names_does_not_matter(tmp_path):
    wide, other = fill(tmp_path, of=WIDE), fill(tmp_path, of=OTHER)
    for names in (("tiny", "other"), ("other", "tiny"), (WIDE.digest(), "other")):
        assert chosen(tmp_path, *names) == [other, wide]


@pytest.mark.parametrize("names", [("tiny", "tiny"), ("tiny", WIDE.digest())])
def test_one_cache_is_not_joined_to_itself(tmp_path, names):
    fill(tmp_path, of=WIDE)
    with pytest.raises(OptionError, match="name the same cache, .*; leave one out"):
        chosen(tmp_path, *names)


@pytest.mark.parametrize("names", [(), ("tiny",), ("other", "tiny"), ("tiny", "other")])
def test_a_run_of_joined_encoders_takes_a_cache_for_each(tmp_path, names):
    wide, other = fill(tmp_path, of=WIDE), fill(tmp_path, of=OTHER)
    needed = joined([NARROW, OTHER], [6, 6])
    assert chosen(tmp_path, *names, needed=needed) == [wide, other]


def test_a_name_that_a_run_cannot_use_is_refused(tmp_path):
    fill(tmp_path, of=WIDE)
    fill(tmp_path, of=OTHER)
    for names in (("other",), ("tiny", "other"), ("none",)):
        with pytest.raises(OptionError, match=f"--text {names[-1]} names no cache th"):
            chosen(tmp_path, *names, needed=NARROW)


def test_a_run_of_joined_encoders_needs_all_of_them(tmp_path):
    fill(tmp_path, of=WIDE)
    strange = dataclasses.replace(OTHER, training={"finetuned": {"fold": "1"}})
    with pytest.raises(AffuseError, match="has no text embeddings"):
        chosen(tmp_path, needed=joined([NARROW, strange], [6, 6]))


def test_a_cache_with_a_head_covers_a_run_without_one(tmp_path):
    headed = dataclasses.replace(WIDE, head=("arousal",))
    folder = fill(tmp_path, of=headed)
    assert headed.covers(NARROW)
    assert not WIDE.covers(dataclasses.replace(NARROW, head=("arousal",)))
    assert chosen(tmp_path, needed=NARROW) == [folder]
