"""Every release of MSP-Podcast in the table of the format notes, as a small tree."""

import csv
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from affuse.data.corpora import msp_podcast
from affuse.data.corpora.msp_podcast import podcast_releases, podcast_sample
from affuse.data.corpora.msp_podcast.podcast_releases import RELEASES
from affuse.data.corpora.msp_podcast.podcast_writer import parts_of, write_release
from affuse.data.single_ratings import summaries

TURNS = [turn for turn in podcast_sample.plan() if turn.stem.endswith("1")]
SPLITS = {"Train": "train", "Development": "dev", "Test1": "test", "Test2": "test2"}
LOOKS_LIKE = {  # release -> the releases that have the same files
    "1.6": "1.6",
    "1.7": "1.7 or 1.8",
    "1.8": "1.7 or 1.8",
    "1.9": "1.9",
    "1.10": "1.10",
    "1.11": "1.11 or 1.12 or 2.0",
    "1.12": "1.11 or 1.12 or 2.0",
    "2.0": "1.11 or 1.12 or 2.0",
}
VERSIONS = [release.version for release in RELEASES]


@pytest.fixture(scope="module", params=RELEASES, ids=VERSIONS)
def release(request):
    return request.param


@pytest.fixture(scope="module")
def root(release, tmp_path_factory):
    """Small tree of one release, which no test may change."""
    folder = tmp_path_factory.mktemp("podcast") / "release"
    write_release(folder, release, TURNS)
    return folder


def test_the_tree_has_the_names_of_the_release(release, root):
    table = root / release.folder / release.consensus
    with table.open(newline="") as file:
        names = {row["Split_Set"] for row in csv.DictReader(file)}
    assert names == {*parts_of(release).values()} - {"Test3"}
    with (table.parent / "labels_detailed.csv").open(newline="") as file:
        assert next(csv.reader(file)) == [*release.details]


def test_every_release_is_read(release, root):
    corpus = msp_podcast.read(root)
    parts = parts_of(release)
    expected = {
        turn.stem: SPLITS.get(turn.part, "test3")
        for turn in TURNS
        if turn.part in parts
    }
    assert {u.id: u.split for u in corpus.utterances} == expected
    assert [p for p in corpus.problems if p.fatal] == []
    turns = {turn.stem: turn for turn in TURNS}
    for u in corpus.utterances:
        if u.split != "test3":
            assert u.ratings == pytest.approx(turns[u.id].ratings, abs=1e-6)
            assert len({*u.ratings.values()}) == 3  # so a wrong order is noticed
            assert u.text == turns[u.id].words
            assert u.raters == summaries(
                {n: [r.ratings.get(n) for r in turns[u.id].raters] for n in u.ratings}
            )
        else:
            assert u.raters == {}
    where = f"single raters from {release.folder}/labels_detailed.csv: "
    assert where in corpus.reading[1]


def test_every_release_is_recognised_by_its_files(release, root):
    sentence = msp_podcast.read(root).reading[2]
    assert sentence.startswith(f"read as release {LOOKS_LIKE[release.version]}, by its")


@pytest.mark.parametrize("suffix", ["detailed.csv", "detailed.json", "txt"])
def test_ratings_of_single_raters_give_the_consensus(release, root, tmp_path, suffix):
    copy = shutil.copytree(root, tmp_path / "copy")
    labels = copy / release.folder
    kept = "labels.txt" if suffix == "txt" else f"labels_{suffix}"
    for path in labels.iterdir():
        if path.name != kept:
            path.unlink()
    whole = {u.id: u for u in msp_podcast.read(root).utterances}
    corpus = msp_podcast.read(copy)
    assert [u.id for u in corpus.utterances] == list(whole)
    for u in corpus.utterances:
        assert u.ratings == pytest.approx(whole[u.id].ratings, abs=1e-6)
        assert u.split == whole[u.id].split
        assert u.columns == whole[u.id].columns
        assert u.raters == whole[u.id].raters
        assert u.speaker == ""
    assert f"means over the raters in {release.folder}/{kept}" in corpus.reading[0]
    assert any("speaker" in problem.reason for problem in corpus.problems)


def test_the_consensus_may_be_json(release, root, tmp_path):
    copy = shutil.copytree(root, tmp_path / "copy")
    (copy / release.folder / release.consensus).unlink()
    assert msp_podcast.read(copy).utterances == tuple(
        _moved(u, root, copy) for u in msp_podcast.read(root).utterances
    )


def _moved(utterance, old, new):
    path = utterance.audio
    return replace(utterance, audio=path and new / path.relative_to(old))


@pytest.mark.parametrize(
    ("name", "version"),
    [
        ("MSP-PODCAST-Publish-1.11", "1.11"),
        ("msp_podcast_v1.8", "1.8"),
        ("MSP-Podcast-2.0", "2.0"),
        ("MSP-Podcast-2024.05", ""),
        ("corpus 1.2", ""),
        ("podcast", ""),
    ],
)
def test_the_folder_may_name_the_release(name, version):
    folder = Path("data") / name
    assert podcast_releases.stated_version(folder, folder) == version


def test_releases_before_1_6_are_refused(root, tmp_path):
    copy = shutil.copytree(root, tmp_path / "MSP-PODCAST-Publish-1.4")
    with pytest.raises(ValueError, match=r"is release 1\.4 of MSP-Podcast by its name"):
        msp_podcast.read(copy)


def test_counts_of_a_named_release_are_compared(tmp_path):
    folder = tmp_path / "MSP-PODCAST-Publish-1.11"
    write_release(folder, RELEASES[-3], TURNS)
    corpus = msp_podcast.read(tmp_path)
    counts = {count.what: (count.expected, count.found) for count in corpus.counts}
    assert counts["utterances"] == (151_654, len(TURNS))
    assert counts["utterances of train"] == (84_030, 4)
    assert counts["known speakers of train"] == (1_409, 3)
    assert counts["utterances of test3"] == (2_347, 1)
    assert "read as release 1.11, by the name of its folder" in corpus.reading


def test_a_release_that_is_not_known_is_read_without_counts(tmp_path):
    folder = tmp_path / "MSP-PODCAST-Publish-2.1"
    write_release(folder, RELEASES[-1], TURNS)
    corpus = msp_podcast.read(folder)
    assert len(corpus.utterances) == len(TURNS)
    assert corpus.counts == ()
    assert corpus.reading[2].startswith("release 2.1 is not known to this version")


def test_the_published_counts_add_up():
    counts = {release.version: release.counts for release in RELEASES}
    parts = ("train", "dev", "test", "test2", "test3")
    whole = counts["1.11"]
    assert sum(whole[f"utterances of {part}"] for part in parts) == whole["utterances"]
    classes = [n for what, n in counts["1.12"].items() if what.startswith("class ")]
    assert len(classes) == 10
    assert sum(classes) == counts["1.12"]["utterances of train"]
    assert counts["1.12"]["utterances"] - counts["1.12"]["transcripts"] == 3_200


def test_an_equal_number_of_turns_decides_between_releases(tmp_path, monkeypatch):
    write_release(tmp_path, RELEASES[-2], TURNS)
    counted = [
        replace(each, counts={"utterances": len(TURNS)})
        if each.version == "1.12"
        else each
        for each in RELEASES
    ]
    monkeypatch.setattr(podcast_releases, "RELEASES", tuple(counted))
    corpus = msp_podcast.read(tmp_path)
    assert "read as release 1.12, by its files" in corpus.reading
    assert [(c.expected, c.found) for c in corpus.counts] == [(len(TURNS), len(TURNS))]
