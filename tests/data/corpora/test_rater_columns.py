"""Columns of several raters in a table of a user."""

import pytest
from manifest_tables import read, reasons, write

from affuse.data.corpora import manifest
from affuse.data.errors import OptionError
from affuse.data.single_ratings import RaterSummary

LIST = {"valence": "a1_V, a2_V,a3_V"}


def table(*rows):
    lines = "\n".join(("text,a1_V,a2_V,a3_V,arousal", *rows))
    return f"{lines}\n"


def test_the_mean_of_the_raters_becomes_the_rating(tmp_path):
    corpus = read(tmp_path, table("one,1,3,5,2", "two,4,4,4,"), columns=LIST)
    one, two = corpus.utterances
    assert one.ratings == {"valence": 3.0, "arousal": 2.0}
    assert one.raters == {"valence": RaterSummary(3.0, 2.0, 3)}
    assert two.raters == {"valence": RaterSummary(4.0, 0.0, 3)}
    assert not one.columns  # the columns of raters are not kept as text too
    (line,) = (line for line in corpus.reading if line.startswith("columns of"))
    assert "valence from the mean of 'a1_V', 'a2_V', 'a3_V'" in line


def test_cells_without_a_number_are_counted_and_named(tmp_path):
    rows = ["one,1,,3,2", "two,x,x,y,2", "three,9,1,,2", "four,,,,2"]
    corpus = read(tmp_path, table(*rows), columns=LIST)
    found = {u.text: u.raters for u in corpus.utterances}
    assert found["one"]["valence"].raters == 2
    assert not found["two"]
    assert not found["four"]
    assert found["three"]["valence"].mean == 5
    said = " ".join(reasons(corpus, fatal=False))
    assert "valence: no single rating in 5 of 12 cells, which are empty" in said
    assert "in 3 of 12 cells, which hold no number, such as 'x'" in said
    assert "outside the scale in 1 of 12 cells, such as '9'" in said


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a1_V,", "each rater's column once"),
        ("a1_V,a1_V", "each rater's column once"),
        ("a1_V,b_V", "no columns 'b_V' for the role valence"),
    ],
)
def test_wrong_lists_of_columns_are_refused(tmp_path, text, words):
    with pytest.raises(OptionError, match=words):
        read(tmp_path, table("one,1,2,3,4"), columns={"valence": text})


def test_a_column_whose_name_has_a_comma_is_one_column(tmp_path):
    rows = 'text,"mean, V"\none,2\n'
    (found,) = read(tmp_path, rows, columns={"valence": "mean, V"}).utterances
    assert found.ratings == {"valence": 2.0}
    assert not found.raters


def test_single_ratings_need_a_scale(tmp_path):
    with pytest.raises(ValueError, match=r"has ratings \(valence\), but their scale"):
        manifest.read(
            write(tmp_path, "text,r1,r2\none,2,3\n"), columns={"valence": "r1,r2"}
        )


def test_an_equal_id_with_other_single_ratings_is_left_out(tmp_path):
    rows = "id,text,r1,r2\nx,one,2,4\nx,one,3,3\n"
    corpus = read(tmp_path, rows, columns={"valence": "r1,r2"})
    assert len(corpus.utterances) == 1
    assert "same id and other ratings" in " ".join(reasons(corpus))
