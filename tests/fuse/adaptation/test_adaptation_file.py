import json

import numpy as np
import pytest
from rated_clips import Rater, draw

from affuse.fuse.adaptation.adaptation import apply
from affuse.fuse.adaptation.adaptation_file import content, read
from affuse.fuse.adaptation.adaptation_fitting import fit

FILE = "adaptation.json"

CODED = Rater(codes=True, told=0.6, offset=0.3, correlation=0.5)


def write(folder, adaptation):
    folder.mkdir(exist_ok=True)
    (folder / FILE).write_bytes(content(adaptation))


@pytest.fixture(scope="module")
def clips():
    return draw(CODED, 60, np.random.default_rng(0))


@pytest.fixture(scope="module")
def adaptation(clips):
    return fit(clips)


def test_an_adaptation_is_read_as_it_was_written(adaptation, clips, tmp_path):
    for name in ("one", "two"):
        write(tmp_path / name, adaptation)
    assert (tmp_path / "one" / FILE).read_bytes() == (
        tmp_path / "two" / FILE
    ).read_bytes()
    found = read(tmp_path / "one")
    assert found.needs_codes
    assert found.ratings["valence"].figures == adaptation.ratings["valence"].figures
    for name in ("mean", "spread", "low", "high"):
        np.testing.assert_array_equal(
            getattr(apply(found, clips.inputs, clips.spread), name),
            getattr(apply(adaptation, clips.inputs, clips.spread), name),
        )
    write(tmp_path / "again", found)
    again = (tmp_path / "again" / FILE).read_bytes()
    assert again == (tmp_path / "one" / FILE).read_bytes()


def test_undefined_figures_are_written_as_null(adaptation, tmp_path):
    nothing = fit(draw(Rater(correlation=-0.9), 20, np.random.default_rng(0)))
    write(tmp_path, nothing)
    figures = json.loads((tmp_path / FILE).read_text())["ratings"][0]["figures"]
    assert figures["improvement"] == {"value": 0.0, "low": None, "high": None}
    assert np.isnan(read(tmp_path).ratings["valence"].figures.improvement.low)


def change(facts, path, value):
    *parents, last = path
    for name in parents:
        facts = facts[name]
    facts[last] = value


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (("format",), 2, "format is 2, not one of 1"),
        (("level",), "high", "level is 'high', not a number"),
        (("ratings",), [], "not a list of 1 to 3 items"),
        (("ratings", 0, "rating"), "joy", "is 'joy', not one of"),
        (("ratings", 0, "kind"), "affine", "is of kind 'affine', which its numbers"),
        (("ratings", 0, "kind"), "exec", "is 'exec', not one of"),
        (("ratings", 0, "ridge"), None, "is of kind 'regression', which its numbers"),
        (
            ("ratings", 0, "line", "slope"),
            -1.0,
            "slope is -1.0, not a finite number of 0 or more",
        ),
        (
            ("ratings", 0, "ridge", "scale", 0),
            0.0,
            "is 0.0, not a finite number of 1e-300",
        ),
        (("ratings", 0, "ridge", "weights"), [1.0], "numbers for 61 inputs, and the"),
        (("size",), 7, "numbers for 61 inputs, and the model has 8"),
        (("ratings", 0, "width", "quantile"), None, "is None, not a finite number"),
        (("ratings", 0, "figures", "unit"), "village", "is 'village', not one of"),
    ],
)
def test_a_changed_file_is_refused_with_its_place(
    adaptation, tmp_path, path, value, said
):
    write(tmp_path, adaptation)
    facts = json.loads((tmp_path / FILE).read_text())
    change(facts, path, value)
    (tmp_path / FILE).write_text(json.dumps(facts))
    with pytest.raises(ValueError, match="adaptation.json is damaged: ") as error:
        read(tmp_path)
    assert said in str(error.value)
    assert str(error.value).endswith("; adapt the model again")


def test_a_rating_that_occurs_twice_or_is_no_json_is_refused(adaptation, tmp_path):
    write(tmp_path, adaptation)
    facts = json.loads((tmp_path / FILE).read_text())
    facts["ratings"] *= 2
    (tmp_path / FILE).write_text(json.dumps(facts))
    with pytest.raises(ValueError, match="a rating occurs twice"):
        read(tmp_path)
    for text in ("{", '{"level": NaN}', "[" * 100_000):
        (tmp_path / FILE).write_text(text)
        with pytest.raises(ValueError, match="is damaged: "):
            read(tmp_path)
    (tmp_path / FILE).unlink()
    with pytest.raises(FileNotFoundError):
        read(tmp_path)
