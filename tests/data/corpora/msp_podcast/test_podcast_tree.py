"""What ROOT may name, and what an error says where it names something else."""

import shutil

import pytest

from affuse.data.corpora import msp_podcast
from affuse.data.corpora.msp_podcast import podcast_sample, podcast_tree
from affuse.data.corpora.msp_podcast.podcast_releases import RELEASES
from affuse.data.corpora.msp_podcast.podcast_writer import write_release

TURNS = [turn for turn in podcast_sample.plan() if turn.stem.endswith("1")]


@pytest.fixture
def root(tmp_path):
    folder = tmp_path / "above" / "a release"
    write_release(folder, RELEASES[-2], TURNS)
    return folder


def ids(path):
    return [utterance.id for utterance in msp_podcast.read(path).utterances]


@pytest.mark.parametrize(
    "place",
    ["", "..", "../..", "Labels", "Audios", "Transcripts"]
    + [f"Labels/labels_{name}" for name in ("consensus.csv", "consensus.json")]
    + ["Labels/labels_detailed.csv", "Labels/labels.txt"],
)
def test_root_may_name_the_release_or_a_place_above_or_in_it(root, place):
    corpus = msp_podcast.read((root / place).resolve())
    assert [u.id for u in corpus.utterances] == [turn.stem for turn in TURNS]
    assert corpus.root == root
    if place.endswith(".txt"):
        assert "means over the raters in Labels/labels.txt" in corpus.reading[0]


def test_a_relative_path_may_name_the_release_or_its_labels(root, monkeypatch):
    monkeypatch.chdir(root)
    for place in (".", "Labels", "Labels/labels_consensus.csv"):
        assert len(ids(type(root)(place))) == len(TURNS)


def test_folders_may_be_written_in_another_case(root):
    for old, new in (("Labels", "LABELS"), ("Audios", "audio"), ("Transcripts", "t")):
        (root / old).rename(root / new)
    (root / "t").rename(root / "transcripts")
    assert len(ids(root)) == len(TURNS)


def test_labels_may_lie_beside_the_folders(root):
    for path in (root / "Labels").iterdir():
        path.rename(root / path.name)
    (root / "Labels").rmdir()
    assert len(ids(root)) == len(TURNS)
    assert len(ids(root / "labels_consensus.csv")) == len(TURNS)


def test_several_releases_are_refused_by_name(root):
    shutil.copytree(root, root.with_name("b"))
    with pytest.raises(ValueError, match=r"holds 2 copies: name one of .*, \S+/b$"):
        msp_podcast.read(root.parent)


def test_a_release_without_transcripts_or_recordings_is_read_with_a_note(root):
    shutil.rmtree(root / "Transcripts")
    corpus = msp_podcast.read(root)
    assert {u.text for u in corpus.utterances} == {None}
    notes = [p.reason for p in corpus.problems if "folder" in p.reason]
    assert notes == ["there is no folder Transcripts, so no text is read"]
    assert not any(p.fatal for p in corpus.problems)


def test_a_release_without_recordings_has_texts_only(root):
    shutil.rmtree(root / "Audios")
    corpus = msp_podcast.read(root)
    assert {u.audio for u in corpus.utterances} == {None}
    assert len(corpus.utterances) == len(TURNS) - 1  # none of the hidden test set
    assert not any(p.fatal for p in corpus.problems)


@pytest.mark.parametrize(
    ("lacking", "place", "said"),
    [
        (["Labels"], "", "no MSP-Podcast in .*name the folder that holds Labels"),
        (["Audios", "Transcripts"], "", "neither a folder Audios nor a folder Trans"),
        (["Audios", "Transcripts"], "Labels/labels.txt", "neither a folder Audios"),
        ([], "Partitions.txt", "is no label file of MSP-Podcast; name the folder"),
        (["Labels"], "Audios", "no MSP-Podcast in .*Audios"),
    ],
)
def test_an_error_says_what_to_name(root, lacking, place, said):
    for name in lacking:
        shutil.rmtree(root / name)
    with pytest.raises(FileNotFoundError, match=said):
        msp_podcast.read(root / place)


def test_a_table_with_other_columns_is_refused(root):
    (root / "Labels/labels_consensus.csv").write_text("name,valence\na.wav,3\n")
    with pytest.raises(ValueError, match=r"lacks the columns FileName, EmoAct, EmoVal"):
        msp_podcast.read(root)


def test_only_names_of_recordings_are_listed(root):
    for name in ("._MSP-PODCAST_9001_0001.wav", "notes.txt", "MSP-PODCAST_x_1.mp3"):
        (root / "Audios" / name).write_bytes(b"")
    (root / "Audios" / "MSP-PODCAST_9999_0001.wav").mkdir()
    tree = podcast_tree.survey(*podcast_tree.find(root))
    assert tree.wavs.names == {f"{turn.stem}.wav" for turn in TURNS}


def test_a_second_folder_of_recordings_is_named(root):
    assert not any("not read" in line for line in msp_podcast.read(root).reading)
    shutil.copytree(root / "Audios", root / "Audios_16k")
    corpus = msp_podcast.read(root)
    assert {u.audio.parent.name for u in corpus.utterances} == {"Audios"}
    assert corpus.reading[-1] == "recordings from Audios; Audios_16k is not read"
