import pytest

from affuse.data.errors import DamagedFileError
from affuse.data.records import Utterance
from affuse.data.runs.rater_table import RATER_COLUMNS, read_raters, write_raters
from affuse.data.runs.run_folder import RunFolder
from affuse.data.single_ratings import summaries

FOUND = {
    "a": summaries({"valence": [1, 2, 2], "dominance": [3]}),
    "b": summaries({"valence": [0.1, 0.7]}),
}


def test_single_ratings_are_restored_exactly(tmp_path):
    write_raters(tmp_path, [Utterance(n, raters=r) for n, r in FOUND.items()])
    assert read_raters(tmp_path) == FOUND


def test_a_run_without_single_ratings_has_no_file(tmp_path):
    write_raters(tmp_path, [Utterance("a")])
    assert not (tmp_path / RunFolder.raters).exists()
    assert read_raters(tmp_path) == {}


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (["a,1,x,2,,,,,,"], "line 2: could not convert"),
        (["a,1,0.5,2.5,,,,,,"], "line 2: '2.5' is no whole number"),
        (["a,1,-0.5,2,,,,,,"], "line 2: .* no summary of ratings"),
        (["a,1,,2,,,,,,"], "line 2: could not convert"),
        (["a,1,1,2,,,,,,"] * 2, "line 3: utterance 'a' occurs twice"),
    ],
)
def test_a_damaged_line_is_named(tmp_path, rows, words):
    text = "\n".join([",".join(RATER_COLUMNS), *rows])
    (tmp_path / RunFolder.raters).write_text(f"{text}\n", encoding="utf-8")
    with pytest.raises(DamagedFileError, match=words):
        read_raters(tmp_path)
