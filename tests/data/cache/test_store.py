import dataclasses
import os

import h5py
import numpy as np
import pytest
from small_caches import (
    DIM,
    FRAMES,
    NOTE,
    RECIPE,
    VERSIONS,
    fill,
    find_damage,
    flip,
    part,
    recipe,
    write,
)

from affuse.data.cache import current_content, parts, store
from affuse.data.system.atomic_files import publish

HEAD = recipe(head=("valence", "arousal"))


def age(folder, seconds):
    """Set the modification time of a folder, so that no test has to wait."""
    os.utime(folder, (seconds, seconds))


def test_rows_of_all_parts_are_concatenated_in_order(tmp_path):
    folder = fill(tmp_path, rows=(2, 0, 1))
    found = store.load(store.read_headers(folder))
    assert found.ids == ("0-0", "0-1", "2-0")
    assert found.recipe == RECIPE
    assert found.values.shape == (3, len(RECIPE.layers), DIM)
    assert (found.offsets, found.head, found.problems) == (None, None, ())
    assert found.contents == tuple(f"{i:032x}" for i in (0, 1, 0))
    for row, vector in enumerate(part("a", "b").vectors):
        np.testing.assert_array_equal(found.vector(row), vector)


def test_frames_of_all_parts_are_concatenated(tmp_path):
    folder = tmp_path / "toy" / FRAMES.folder()
    made = [part("a", "b", of=FRAMES, steps=(2, 0)), part(of=FRAMES)]
    made.append(part("c", of=FRAMES, steps=(3,)))
    for number, each in enumerate(made):
        write(folder, number, each, of=FRAMES, planned=3)
    found = store.load(store.read_headers(folder))
    assert found.ids == ("a", "b", "c")
    assert found.offsets.tolist() == [0, 2, 2, 5]
    for row, vector in enumerate((*made[0].vectors, *made[2].vectors)):
        np.testing.assert_array_equal(found.vector(row), vector.astype(np.float16))


def test_heads_and_problems_are_concatenated(tmp_path):
    folder = tmp_path / "toy" / HEAD.folder()
    made = [part("a", of=HEAD, problems=[NOTE]), part(of=HEAD, problems=[NOTE])]
    made.append(part("b", "c", of=HEAD))
    for number, each in enumerate(made):
        write(folder, number, each, of=HEAD, planned=3)
    found = store.load(store.read_headers(folder))
    heads = np.concatenate([each.head for each in made if each.ids])
    np.testing.assert_array_equal(found.head, heads.astype(np.float32))
    assert found.problems == (NOTE, NOTE)
    assert store.read_headers(folder).problems == (NOTE, NOTE)


@pytest.mark.parametrize("of", [RECIPE, FRAMES, HEAD])
def test_a_cache_without_usable_utterances_is_empty(tmp_path, of):
    found = store.load(store.read_headers(fill(tmp_path, of=of, rows=(0, 0))))
    assert (found.ids, len(found.values), found.head) == ((), 0, None)


def test_an_utterance_in_two_parts_is_refused(tmp_path):
    folder = fill(tmp_path, rows=(2, 1))
    write(folder, 1, part("x", "0-1"), planned=2)
    with pytest.raises(ValueError, match="holds utterance '0-1' twice"):
        store.load(store.read_headers(folder))


def test_a_part_of_another_recipe_is_named(tmp_path):
    folder = fill(tmp_path, planned=3)
    other = recipe(layers=(3, 4))
    write(folder, 2, part("x", of=other), of=other, planned=3)
    reason = r"part-00002\.h5 was extracted with layers=\[3, 4\], not \[1, 2\]"
    with pytest.raises(ValueError, match=reason):
        store.load(store.read_headers(folder))
    assert [bool(reason) for reason in find_damage(tmp_path)] == [True]


def test_a_damaged_row_is_not_read(tmp_path):
    folder = fill(tmp_path)
    flip(parts.part_path(folder, 1), place=0.9)
    with pytest.raises(ValueError, match="part-00001.h5 is damaged"):
        store.load(store.read_headers(folder))


def test_headers_state_rows_parts_and_completeness(tmp_path):
    folder = fill(tmp_path, rows=(2, 1), planned=3)
    found = store.read_headers(folder)
    assert found == store.Cache(folder, RECIPE, 3, (0, 1), 3, VERSIONS)
    assert not found.complete
    write(folder, 2, part("x"), planned=3)
    assert store.read_headers(folder).complete


def test_a_surplus_part_does_not_replace_a_missing_one(tmp_path):
    folder = fill(tmp_path, rows=(2, 1))
    for path in sorted(folder.glob("part-00001*")):
        path.rename(path.with_name(path.name.replace("1", "7")))
    found = store.read_headers(folder)
    assert found.present == (0, 7)
    assert not found.complete


def test_parts_with_different_planned_numbers_are_refused(tmp_path):
    folder = fill(tmp_path, rows=(2, 1))
    write(folder, 2, part("x"), planned=9)
    with pytest.raises(
        ValueError, match="different numbers of parts, 2 and 9; delete it"
    ):
        store.read_headers(folder)


@pytest.mark.parametrize("content", [b"", b"no HDF5 at all", None])
def test_reading_the_header_of_a_damaged_part_names_it(tmp_path, content):
    folder = fill(tmp_path)
    path = parts.part_path(folder, 1)
    if content is None:
        path.unlink()
        path.mkdir()
    else:
        path.write_bytes(content)
    with pytest.raises(ValueError, match="part-00001.h5 is damaged or no part"):
        store.read_headers(folder)
    with pytest.raises(ValueError, match="part-00001.h5 is damaged or no part"):
        list(store.find(tmp_path))


def test_leftovers_of_a_killed_writer_are_ignored(tmp_path):
    folder = fill(tmp_path)
    before = store.read_headers(folder)
    for name in (
        ".part-00002.h5.0123456789ab.partial",
        ".part-00002.lock",
        "part-00002.h5.sha256",
    ):
        (folder / name).write_bytes(b"stale")
    assert store.read_headers(folder) == before
    assert find_damage(tmp_path) == []


def test_caches_are_found_among_foreign_files(tmp_path):
    made = [fill(tmp_path), fill(tmp_path, of=FRAMES)]
    made.append(fill(tmp_path, of=recipe(corpus="another")))
    for name in (
        "README",
        "toy/corpus.json",
        "toy/notes-by-hand/part-1.h5",
        "toy/notes-by-hand/part-00000.txt",
        "toy/text/part-00000.h5",
        "part-00000.h5",
        "toy/a-file-here",
    ):
        publish(tmp_path / name, b"foreign")
    assert [c.path for c in store.find(tmp_path)] == sorted(made)
    assert [c.path for c in store.find(tmp_path, "another")] == made[2:]
    assert list(store.find(tmp_path, "nowhere")) == []
    assert list(store.find(tmp_path / "nowhere")) == []
    assert find_damage(tmp_path) == []


def test_a_folder_without_parts_is_no_cache(tmp_path):
    assert store.read_headers(tmp_path) is None
    assert store.read_headers(tmp_path / "nowhere") is None


@pytest.mark.parametrize(
    ("old", "new", "loses"),
    [
        ((2, 1), (2, 1), True),  # a recording was repaired
        ((1,), (2, 1), True),  # it was a trial with --limit
        ((2, 1), (1,), False),  # so many rows are not thrown away unasked
    ],
)
def test_a_later_cache_supersedes_one_of_as_many_rows(tmp_path, old, new, loses):
    first = fill(tmp_path, rows=old)
    second = fill(tmp_path, of=recipe(content="later"), rows=new)
    age(first, 1000)
    age(second, 2000)
    found = list(store.find(tmp_path))
    assert current_content.find_superseded(found) == ({first} if loses else set())
    assert current_content.find_superseded(found[::-1]) == ({first} if loses else set())


def test_other_recipes_and_equal_ages_supersede_nothing(tmp_path):
    folders = [fill(tmp_path), fill(tmp_path, of=recipe(content="later"))]
    folders.append(fill(tmp_path, of=recipe(layers=(3, 4))))
    for folder, seconds in zip(folders, (1000, 1000, 2000), strict=True):
        age(folder, seconds)
    assert current_content.find_superseded(list(store.find(tmp_path))) == set()


def test_intact_caches_have_no_faults(tmp_path):
    fill(tmp_path)
    fill(tmp_path, of=FRAMES, rows=(2, 0))
    assert find_damage(tmp_path) == []
    assert find_damage(tmp_path / "nowhere") == []


def test_every_damaged_part_is_reported(tmp_path):
    first = fill(tmp_path, rows=(2, 1, 2, 1, 1))
    second = fill(tmp_path, of=FRAMES)
    flip(parts.part_path(first, 0), place=0)
    flip(parts.part_path(first, 2), place=0.9)
    parts.part_path(first, 3).write_bytes(b"")
    parts.part_path(first, 4).with_name("part-00004.h5.sha256").unlink()
    flip(parts.part_path(second, 1), place=0.5)
    found = find_damage(tmp_path)
    wanted = [parts.part_path(first, n) for n in (0, 2, 3, 4)]
    wanted.append(parts.part_path(second, 1))
    assert [sentence.split(" ")[0] for sentence in sorted(found)] == sorted(
        map(str, wanted)
    )


def test_a_part_that_cannot_be_opened_is_reported(tmp_path):
    folder = fill(tmp_path)
    path = parts.part_path(folder, 0)
    path.unlink()
    path.mkdir()
    (reason,) = find_damage(tmp_path)
    assert str(path) in reason


def test_missing_parts_are_reported(tmp_path):
    folder = fill(tmp_path, rows=(2, 1), planned=4)
    parts.part_path(folder, 0).unlink()
    reason = "lacks 3 of 4 parts, the first is part-00000.h5"
    (found,) = find_damage(tmp_path)
    assert found.startswith(f"{folder} {reason}")


def test_an_external_link_in_a_part_is_refused(tmp_path):
    folder = fill(tmp_path, rows=(2,))
    with h5py.File(parts.part_path(folder, 0), "r+") as file:
        del file["ids"]
        file["ids"] = h5py.ExternalLink("/elsewhere.h5", "/ids")
    with pytest.raises(ValueError, match="'ids' is missing, or a link"):
        store.read_headers(folder)


def test_records_are_frozen(tmp_path):
    found = store.read_headers(fill(tmp_path))
    with pytest.raises(dataclasses.FrozenInstanceError):
        found.rows = 5


def test_the_cache_that_was_extracted_last_is_current(tmp_path):
    old, new = recipe(content="old"), recipe(content="new")
    one, two = fill(tmp_path, of=old, rows=(3,)), fill(tmp_path, of=new, rows=(1,))
    for folder, of, loser in ((two, new, one), (one, old, two), (two, new, one)):
        current_content.mark_current(folder, of)
        for times in ((1, 2), (2, 1)):  # a copy may get any
            age(one, times[0])
            age(two, times[1])
            assert current_content.find_superseded(list(store.find(tmp_path))) == {
                loser
            }


def test_wrong_folder_names_and_surplus_parts_are_faults(tmp_path):
    folder = fill(tmp_path)
    for name in ("part-00000.h5", "part-00000.h5.sha256"):
        content = (folder / name).read_bytes().replace(b"part-00000", b"part-00002")
        (folder / name.replace("00000", "00002")).write_bytes(content)
    folder.rename(folder.with_name("text-distilbert-000000000000"))
    found = find_damage(tmp_path)
    assert any("give it that name" in sentence for sentence in found)
    assert any(
        "must have 2 parts; delete the surplus parts" in sentence for sentence in found
    )
