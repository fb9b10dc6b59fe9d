import pytest
from locations import SHARED

from affuse.data.corpora import emobank

HEADER = "id,split,V,A,D,text\n"
RELEASE = SHARED / "data" / "emobank"


def read(folder, rows, *, header=HEADER):
    (folder / emobank.TABLE).write_text(header + rows, encoding="utf-8")
    return emobank.read(folder)


def test_ratings_keep_their_names(tmp_path):
    row = 'blog-new-year\'s_1_9,dev,1.5,4.25,3.0,"Well, she said: ""No."""\n'
    corpus = read(tmp_path, row)
    (found,) = corpus.utterances
    assert found.id == "blog-new-year's_1_9"
    assert found.ratings == {"valence": 1.5, "arousal": 4.25, "dominance": 3.0}
    assert found.text == 'Well, she said: "No."'
    assert (found.split, found.speaker, found.audio) == ("dev", "", None)
    assert (corpus.name, corpus.scale) == ("emobank", (1, 5))
    assert (corpus.protocol, corpus.nature) == ("official", "human")


def test_the_table_itself_is_accepted(tmp_path):
    in_folder = read(tmp_path, "a,train,1,2,3,hi\n")
    assert emobank.read(tmp_path / emobank.TABLE) == in_folder


def test_faulty_rows_are_reported_by_line_and_others_are_read(tmp_path):
    rows = "a,train,1,2,3,\nb,train,1,2\nc,train,x,2,3,hi\nd,train,1,2,3,ho\n"
    corpus = read(tmp_path, rows)
    assert [u.id for u in corpus.utterances] == ["c", "d"]
    assert corpus.utterances[0].ratings == {"arousal": 2, "dominance": 3}
    assert [(p.file, p.line) for p in corpus.problems] == [
        (emobank.TABLE, line) for line in (2, 3, 4)
    ]


def test_counts_are_compared_with_published_sizes(tmp_path):
    counts = read(tmp_path, "a,train,1,2,3,hi\nb,test,1,2,3,ho\n").counts
    assert {c.what: (c.expected, c.found) for c in counts} == {
        "utterances": (10062, 2),
        "utterances in train": (8062, 1),
        "utterances in dev": (1000, 0),
        "utterances in test": (1000, 1),
    }


def test_a_missing_column_is_named(tmp_path):
    with pytest.raises(ValueError, match="no columns 'D' for the role dominance"):
        read(tmp_path, "a,train,1,2,hi\n", header="id,split,V,A,text\n")


def test_a_missing_table_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"emobank.csv not found; download"):
        emobank.read(tmp_path)


def test_the_sample_has_rows_in_every_split(tmp_path):
    emobank.sample(tmp_path)
    splits = [u.split for u in emobank.read(tmp_path).utterances]
    assert {s: splits.count(s) for s in splits} == {"train": 18, "dev": 6, "test": 6}


@pytest.mark.skipif(not RELEASE.is_dir(), reason="needs the EmoBank release")
def test_the_release_is_complete():
    corpus = emobank.read(RELEASE)
    assert corpus.problems == ()
    assert all(count.found == count.expected for count in corpus.counts)
