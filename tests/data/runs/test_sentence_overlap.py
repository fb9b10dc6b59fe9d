import dataclasses
from pathlib import Path

import pytest
from small_caches import remove_from_manifests

from affuse.data.cache import corpus_table
from affuse.data.records import Corpus, Utterance
from affuse.data.runs.fold_table import FoldRow
from affuse.data.runs.run_folder import RunFolder
from affuse.data.runs.sentence_overlap import (
    digest,
    find_overlaps,
    read_sentences,
    sentence_digest,
    write_sentences,
)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("I know.", "i KNOW!", True),
        ("don't", "Don’t", True),
        ("well ,  yes", "Well, yes...", True),
        ("ﬁne", "fine", True),
        ("I know", "I know you", False),
        ("a b", "ab", False),
        ("你好。", "你好", True),
    ],
)
def test_sentences_are_compared_by_their_words(one, other, same):
    assert (digest(one) == digest(other)) is same


@pytest.mark.parametrize("nothing", [None, "", " ", "...", "?!"])
def test_a_text_without_words_has_no_digest(nothing):
    assert digest(nothing) == ""


def test_overlap_is_with_other_parts_of_the_same_fold():
    rows = [
        FoldRow("one", "train", "a"),
        FoldRow("one", "validation", "b"),
        FoldRow("one", "test", "c"),
        FoldRow("one", "test", "d"),
        FoldRow("one", "test", "e"),
        FoldRow("one", "test", "f"),
        FoldRow("two", "train", "x"),
        FoldRow("two", "test", "a"),
    ]
    keys = {"a": "1", "b": "2", "c": "1", "d": "2", "e": "3", "f": "", "x": "3"}
    assert find_overlaps(rows, keys) == {
        ("one", "c"): True,
        ("one", "d"): True,
        ("one", "e"): False,
        ("two", "a"): False,
    }


def test_unknown_sentences_do_not_overlap():
    rows = [FoldRow("one", "train", "a"), FoldRow("one", "test", "b")]
    assert find_overlaps(rows, {"a": "", "b": ""}) == {}
    assert find_overlaps(rows, {}) == {}


def test_overlaps_are_read_as_written(tmp_path):
    found = {("one", "c"): True, ("one", "ä, b"): False}
    write_sentences(tmp_path, found)
    assert read_sentences(tmp_path) == found
    assert (tmp_path / RunFolder.sentences).read_text(encoding="utf-8") == (
        'fold,id,seen\none,c,1\none,"ä, b",0\n'
    )


def test_no_file_is_written_without_overlaps(tmp_path):
    write_sentences(tmp_path, {})
    assert list(tmp_path.iterdir()) == []
    assert read_sentences(tmp_path) == {}


def test_a_damaged_line_is_refused_with_its_number(tmp_path):
    (tmp_path / RunFolder.sentences).write_text("fold,id,seen\none,c,yes\n")
    with pytest.raises(ValueError, match="line 2: seen must be 1 or 0, got 'yes'"):
        read_sentences(tmp_path)


CORPUS = Corpus(
    name="toy",
    root=Path("/corpora/toy"),
    utterances=(Utterance("a", text="Well, yes."), Utterance("b", text=None)),
    scale=None,
    protocol="",
)


def test_the_cache_keeps_sentence_digests_without_texts(tmp_path):
    corpus_table.save(CORPUS, tmp_path)
    a, b = corpus_table.load(tmp_path, "toy").utterances
    assert a.text is None
    assert (sentence_digest(a), sentence_digest(b)) == (digest("well yes"), "")


def test_a_table_without_sentence_digests_is_the_same_corpus(tmp_path):
    path = corpus_table.save(CORPUS, tmp_path)
    kept = path.read_text(encoding="utf-8")
    for u in CORPUS.utterances:
        kept = kept.replace(f', "sentence": "{sentence_digest(u)}"', "")
    assert "sentence" not in kept
    path.write_text(kept, encoding="utf-8")
    remove_from_manifests(path)
    assert [u.sentence for u in corpus_table.load(tmp_path, "toy").utterances] == [
        "",
        "",
    ]
    corpus_table.save(
        dataclasses.replace(CORPUS, root=tmp_path), tmp_path
    )  # it was moved
    assert corpus_table.load(tmp_path, "toy").utterances[0].sentence == digest(
        "well yes"
    )
    other = dataclasses.replace(CORPUS, utterances=CORPUS.utterances[:1])
    with pytest.raises(ValueError, match="the name 'toy' is taken"):
        corpus_table.save(dataclasses.replace(other, root=tmp_path / "b"), tmp_path)
