"""Files with single ratings beside the consensus, and their faults."""

import pytest

from affuse.data.corpora import msp_podcast
from affuse.data.corpora.msp_podcast import podcast_sample, rater_collection

FIRST = "MSP-PODCAST_9001_0001"
DETAILED = "labels_detailed.csv"


@pytest.fixture
def root(tmp_path):
    msp_podcast.sample(tmp_path)
    return tmp_path


def change(root, old, new, *, count=1):
    path = root / "Labels" / DETAILED
    text = path.read_text(encoding="utf-8")
    assert text.count(old) >= count
    path.write_text(text.replace(old, new, count), encoding="utf-8")


def lines_of(root, stem):
    text = (root / "Labels" / DETAILED).read_text(encoding="utf-8")
    return [line for line in text.splitlines() if line.startswith(f"{stem}.wav")]


def reasons(corpus, *, fatal=False):
    return [p.reason for p in corpus.problems if p.fatal == fatal and p.file[:1] == "L"]


def by_id(corpus):
    return {utterance.id: utterance for utterance in corpus.utterances}


def test_single_ratings_are_never_taken_for_the_released_mean(root):
    line = lines_of(root, FIRST)[0]
    change(root, line, line.replace("V:4.", "V:7."))
    corpus = msp_podcast.read(root)
    turns = {turn.stem: turn for turn in podcast_sample.plan()}
    released = turns[FIRST].ratings["valence"]
    u = by_id(corpus)[FIRST]
    assert u.ratings["valence"] == pytest.approx(released, abs=1e-6)
    assert u.raters["valence"].mean == pytest.approx(released + 0.5, abs=1e-6)
    (note,) = [r for r in reasons(corpus) if "single ratings" in r]
    assert note == (
        f"valence is not the mean of its single ratings (rows: 1), such as {FIRST}"
    )


def test_a_missing_rating_is_not_compared_with_its_single_ratings(root):
    path = root / "Labels" / "labels_consensus.csv"
    header, first, *rest = path.read_text(encoding="utf-8").splitlines()
    cells = first.split(",")
    cells[3] = "NaN"
    text = "\n".join([header, ",".join(cells), *rest])
    path.write_text(text, encoding="utf-8")
    corpus = msp_podcast.read(root)
    assert "valence" not in by_id(corpus)[FIRST].ratings
    assert by_id(corpus)[FIRST].raters["valence"].raters == 6
    assert not [r for r in reasons(corpus) if "single ratings" in r]


def test_a_rater_who_is_listed_twice_counts_once(root):
    line = lines_of(root, FIRST)[0]
    change(root, line, f"{line}\n{line}")
    corpus = msp_podcast.read(root)
    assert by_id(corpus)[FIRST].raters["valence"].raters == 6
    (note,) = [r for r in reasons(corpus) if "rater" in r]
    assert note.startswith(rater_collection.REPEATED)
    assert f"(rows: 1), such as {FIRST}.wav" in note


def test_turns_without_single_ratings_are_counted(root):
    change(root, f"{FIRST}.wav", "MSP-PODCAST_9999_0001.wav", count=6)
    corpus = msp_podcast.read(root)
    assert by_id(corpus)[FIRST].raters == {}
    assert by_id(corpus)[FIRST].ratings
    lost, lacking = [r for r in reasons(corpus) if "single raters" in r]
    assert lacking.startswith("a row has no ratings of single raters in their file")
    assert lost.endswith("(rows: 1), such as MSP-PODCAST_9999_0001.wav")


def test_a_malformed_line_is_left_out_and_named(root):
    line = lines_of(root, FIRST)[0]
    change(root, line, line.replace("V:4.", "V:x."))
    corpus = msp_podcast.read(root)
    assert by_id(corpus)[FIRST].raters["valence"].raters == 5
    (reason,) = reasons(corpus, fatal=True)
    assert reason.endswith("rater left out")


def test_a_damaged_file_of_raters_does_not_prevent_reading(root):
    (root / "Labels" / DETAILED).write_text("FileName,Text\na.wav,b\n")
    corpus = msp_podcast.read(root)
    assert len(corpus.utterances) == len(podcast_sample.plan())
    assert not any(u.raters for u in corpus.utterances)
    (reason,) = reasons(corpus, fatal=True)
    assert "needs the columns FileName and EmoDetail" in reason
    assert reason.endswith("; the single ratings in it are not read")
    assert corpus.reading[1] == (
        "no ratings of single raters; human agreement and weighting=raters need them"
    )


def test_other_files_of_raters_are_read_if_the_table_is_missing(root):
    whole = by_id(msp_podcast.read(root))
    for name in (DETAILED, "labels_detailed.json", "labels.txt"):
        corpus = msp_podcast.read(root)
        assert f"raters from Labels/{name}: 45 utterances" in corpus.reading[1]
        assert {i: u.raters for i, u in by_id(corpus).items()} == {
            i: u.raters for i, u in whole.items()
        }
        (root / "Labels" / name).unlink()
    corpus = msp_podcast.read(root)
    assert not any(u.raters for u in corpus.utterances)
    assert "because Labels has none of labels_detailed.csv" in corpus.reading[1]
