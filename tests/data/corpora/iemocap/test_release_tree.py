"""Location of the files in a copy of IEMOCAP."""

import shutil
from pathlib import Path

import pytest

from affuse.data import rating_kinds, release_files
from affuse.data.corpora import iemocap
from affuse.data.corpora.iemocap import iemocap_sample, release_writer

TURNS = {turn.id: turn for turn in iemocap_sample.plan()}


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("iemocap") / "with a space"
    iemocap.sample(folder)
    return folder


@pytest.fixture(scope="module")
def corpus(root):
    return iemocap.read(root)


def write_labels(root, *dialogues):
    """Write labels and transcripts of a few dialogues, without WAV files."""
    for name in dialogues:
        turns = [turn for turn in TURNS.values() if turn.dialogue == name]
        release_writer.write_dialogue(root, turns)
    return root


@pytest.mark.parametrize(
    "below", ["", "IEMOCAP", "IEMOCAP_full_release_withoutVideos/IEMOCAP_full_release"]
)
def test_the_sessions_may_be_in_a_folder_below(tmp_path, below):
    write_labels(tmp_path / below, "Ses01F_impro01")
    corpus = iemocap.read(tmp_path)
    assert corpus.root == tmp_path / below
    assert corpus.problems[-1].file == (
        "Session1/dialog/EmoEvaluation/Ses01F_impro01.txt"
    )


def test_folders_may_be_written_in_another_case(tmp_path):
    write_labels(tmp_path, "Ses01F_impro01")
    (tmp_path / "Session1/dialog/EmoEvaluation").rename(
        tmp_path / "Session1/dialog/emoevaluation"
    )
    (tmp_path / "Session1").rename(tmp_path / "SESSION1")
    assert iemocap.read(tmp_path).utterances[0].transcript is not None


def test_a_link_to_the_corpus_is_followed(root, corpus, tmp_path):
    link = tmp_path / "link"
    link.symlink_to(root, target_is_directory=True)
    again = iemocap.read(link)
    assert [u.id for u in again.utterances] == [u.id for u in corpus.utterances]
    assert again.nature == "synthetic"


def test_a_link_beside_the_corpus_is_no_second_copy(tmp_path):
    write_labels(tmp_path / "b", "Ses01F_impro01")
    (tmp_path / "a").symlink_to(tmp_path / "b", target_is_directory=True)
    assert iemocap.read(tmp_path).root == tmp_path / "a"


def test_several_copies_are_refused(tmp_path):
    write_labels(tmp_path / "a", "Ses01F_impro01")
    write_labels(tmp_path / "b", "Ses01F_impro01")
    with pytest.raises(ValueError, match=r"holds 2 copies: name one of \S+/a, \S+/b$"):
        iemocap.read(tmp_path)


def test_folders_of_the_finder_are_no_copy(tmp_path):
    write_labels(tmp_path / "IEMOCAP", "Ses01F_impro01")
    write_labels(tmp_path / "__MACOSX", "Ses01F_impro01")
    assert iemocap.read(tmp_path).root == tmp_path / "IEMOCAP"


@pytest.mark.parametrize("make", [Path.mkdir, Path.touch, lambda path: None])
def test_without_a_corpus_the_error_says_what_was_looked_for(tmp_path, make):
    make(tmp_path / "nothing")
    with pytest.raises(FileNotFoundError, match="Session1 to Session5 with dialog/Emo"):
        iemocap.read(tmp_path / "nothing")


def test_without_label_files_the_error_names_them(tmp_path):
    (tmp_path / "Session1/dialog/EmoEvaluation").mkdir(parents=True)
    with pytest.raises(FileNotFoundError, match=r"EmoEvaluation/Ses\*\.txt"):
        iemocap.read(tmp_path)


def test_a_session_without_labels_is_named(tmp_path):
    write_labels(tmp_path, "Ses01F_impro01")
    (tmp_path / "Session2").mkdir()
    assert ("Session2", True) in {
        (p.file, p.fatal) for p in iemocap.read(tmp_path).problems
    }


def test_the_second_folder_of_a_session_is_left_out(tmp_path):
    write_labels(tmp_path, "Ses01F_impro01")
    shutil.copytree(tmp_path / "Session1", tmp_path / "session1")
    first, *_ = iemocap.read(tmp_path).problems
    assert first.file == "session1"
    assert first.reason == "is session 1 again, after Session1; left out"
    assert first.fatal


def test_label_files_may_be_joined_into_one(root, corpus, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(root, copy, ignore=shutil.ignore_patterns("EmoEvaluation"))
    files = sorted(root.glob("Session*/dialog/EmoEvaluation/*.txt"))
    joined = "".join(path.read_text() for path in files)
    (copy / "IEMOCAP_EmoEvaluation.txt").write_text(joined)
    again = iemocap.read(copy)
    assert again.problems == ()
    assert [u.ratings for u in again.utterances] == [
        u.ratings for u in corpus.utterances
    ]


def test_single_label_files_take_precedence_over_the_joined_file(tmp_path):
    write_labels(tmp_path, "Ses01F_impro01")
    (tmp_path / "IEMOCAP_EmoEvaluation.txt").write_text("nothing")
    files = {problem.file for problem in iemocap.read(tmp_path).problems}
    assert "IEMOCAP_EmoEvaluation.txt" not in files


def test_only_an_unreadable_file_is_left_out(tmp_path, monkeypatch):
    write_labels(tmp_path, "Ses01F_impro01", "Ses01M_impro01")
    read = release_files.read_regular

    def fail(path, **options):
        if path.name == "Ses01F_impro01.txt":
            raise OSError(5, "Input/output error")
        return read(path, **options)

    monkeypatch.setattr(release_files, "read_regular", fail)
    corpus = iemocap.read(tmp_path)
    assert {u.dialogue for u in corpus.utterances} == {"Ses01M_impro01"}
    unread = [p.file for p in corpus.problems if "Input/output error" in p.reason]
    assert unread == [
        "Session1/dialog/EmoEvaluation/Ses01F_impro01.txt",
        "Session1/dialog/transcriptions/Ses01F_impro01.txt",
    ]


@pytest.mark.parametrize("place", ["", "a", "a/b"])
def test_a_sidecar_in_a_folder_above_is_read(tmp_path, place):
    write_labels(tmp_path / "a/b", "Ses01F_impro01")
    assert iemocap.read(tmp_path).nature == "human"
    rating_kinds.write_nature(tmp_path / place, "synthetic")
    assert iemocap.read(tmp_path).nature == "synthetic"


def test_a_sidecar_above_the_root_is_not_read(tmp_path):
    write_labels(tmp_path / "a", "Ses01F_impro01")
    rating_kinds.write_nature(tmp_path, "synthetic")
    assert iemocap.read(tmp_path / "a").nature == "human"
