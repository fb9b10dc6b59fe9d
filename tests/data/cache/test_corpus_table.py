import csv
import dataclasses
import io
import json
from contextlib import nullcontext
from pathlib import Path

import pytest
from small_caches import remove_from_manifests

from affuse.data.cache import corpus_table
from affuse.data.cache.shared_recordings import find_shared
from affuse.data.errors import DamagedFileError
from affuse.data.reading import corpus_csv
from affuse.data.reading.corpus_csv import COLUMNS, cell
from affuse.data.records import Corpus, Count, Utterance
from affuse.data.runs.sentence_overlap import digest
from affuse.data.single_ratings import summaries

ROOT = Path("/corpora/toy")
FULL = Utterance(
    id="ä-1",
    audio=ROOT / "wav" / "a.wav",
    span=(0.5, None),
    transcript="Well , yes .",
    text="well, yes.",
    ratings={"valence": 2.5, "arousal": 4.0, "dominance": 3.0},
    speaker="Ses01F",
    sex="F",
    session="1",
    dialogue="Ses01F_impro01",
    scripted=False,
    start=6.25,
    end=8.5,
    split="train",
    flags=("repaired", "dominance_incomplete"),
)
CORPUS = Corpus(
    name="toy",
    root=ROOT,
    utterances=(FULL, Utterance(id="b", ratings={"valence": -1.0})),
    scale=(1.0, 5.0),
    protocol="session5",
    nature="proxy",
)


def csv_rows(corpus):
    file = io.StringIO()
    corpus_csv.write_csv(corpus, file)
    return list(csv.DictReader(io.StringIO(file.getvalue(), newline="")))


def damage(cache, edit):
    """Save CORPUS, edit the content of the file, and return its path."""
    path = corpus_table.save(CORPUS, cache)
    found = json.loads(path.read_text(encoding="utf-8"))
    edit(found)
    rows = ",\n".join(map(json.dumps, found["utterances"]))
    head = f'{{"corpus": {json.dumps(found["corpus"])}, "utterances": [\n'
    path.write_text(f"{head}{rows}\n]}}\n", encoding="utf-8")
    remove_from_manifests(path)
    return path


def test_a_corpus_is_stored_without_transcripts_and_recordings(tmp_path):
    path = corpus_table.save(CORPUS, tmp_path)
    assert path == tmp_path / "toy" / "corpus.json"
    found = corpus_table.load(tmp_path, "toy")
    nothing = {"audio": None, "transcript": None, "text": None}
    bare = tuple(
        dataclasses.replace(u, **nothing, sentence=digest(u.text), file=file)
        for u, file in zip(CORPUS.utterances, ("wav/a.wav", ""), strict=True)
    )
    assert found == dataclasses.replace(CORPUS, root=path.parent, utterances=bare)
    kept = path.read_text(encoding="utf-8")
    assert "yes" not in kept
    assert "corpora" not in kept  # the folder of the corpus


@pytest.mark.parametrize("changes", [{"scale": None}, {"utterances": ()}])
def test_a_corpus_without_ratings_or_rows_is_read_as_written(tmp_path, changes):
    corpus_table.save(dataclasses.replace(CORPUS, **changes), tmp_path)
    found = corpus_table.load(tmp_path, "toy")
    assert (found.scale, len(found.utterances)) == (
        changes.get("scale", CORPUS.scale),
        len(changes.get("utterances", CORPUS.utterances)),
    )


def test_names_with_lone_surrogates_are_kept(tmp_path):
    # a file name that is no UTF-8 may have become a speaker
    odd = dataclasses.replace(FULL, speaker="\udcff")
    corpus_table.save(dataclasses.replace(CORPUS, utterances=(odd,)), tmp_path)
    assert corpus_table.load(tmp_path, "toy").utterances[0].speaker == "\udcff"


def test_shared_recordings_are_stored_without_their_paths(tmp_path):
    turns = [dataclasses.replace(FULL, id=name, span=None) for name in ("b", "a")]
    alone = dataclasses.replace(FULL, id="c", audio=ROOT / "c.wav")
    corpus = dataclasses.replace(
        CORPUS, utterances=(*turns, alone, Utterance(id="d", text="yes"))
    )
    corpus_table.save(corpus, tmp_path)
    found = corpus_table.load(tmp_path, "toy")
    assert [u.recording for u in found.utterances] == ["b", "b", "", ""]
    assert (
        find_shared(found.utterances)
        == find_shared(corpus.utterances)
        == {"a": "b", "b": "b"}
    )


def test_a_cache_of_an_older_version_is_the_same_corpus(tmp_path):
    turns = tuple(dataclasses.replace(FULL, id=name) for name in "ab")
    first = dataclasses.replace(CORPUS, root=tmp_path / "one", utterances=turns)
    path = corpus_table.save(first, tmp_path)
    old = path.read_text(encoding="utf-8").replace(', "recording": "a"', "")
    assert "recording" not in old
    path.write_text(old, encoding="utf-8")
    remove_from_manifests(path)
    assert [u.recording for u in corpus_table.load(tmp_path, "toy").utterances] == [
        "",
        "",
    ]
    corpus_table.save(dataclasses.replace(first, root=tmp_path / "two"), tmp_path)
    assert [u.recording for u in corpus_table.load(tmp_path, "toy").utterances] == [
        "a",
        "a",
    ]


@pytest.mark.parametrize("lost", [("file",), ("file", "span")])
def test_a_corpus_that_moved_its_recordings_is_the_same(tmp_path, lost):
    path = corpus_table.save(CORPUS, tmp_path)
    found = json.loads(path.read_text(encoding="utf-8"))
    for row in found["utterances"]:
        for name in lost:  # as versions wrote it that kept neither
            row[name] = None
        row.pop("file")
    damage(tmp_path, lambda kept: kept.update(found))
    assert [u.file for u in corpus_table.load(tmp_path, "toy").utterances] == ["", ""]
    moved = dataclasses.replace(FULL, audio=Path("/new/a.flac"))
    rows = (moved, CORPUS.utterances[1])
    corpus = dataclasses.replace(CORPUS, root=Path("/new"), utterances=rows)
    corpus_table.save(corpus, tmp_path)
    kept = corpus_table.load(tmp_path, "toy").utterances[0]
    assert (kept.file, kept.span) == ("a.flac", (0.5, None))


def test_a_corpus_without_shared_recordings_has_no_such_field(tmp_path):
    kept = corpus_table.save(CORPUS, tmp_path).read_text(encoding="utf-8")
    assert "recording" not in kept


def test_a_channel_is_stored_only_if_one_is_chosen(tmp_path):
    assert "channel" not in corpus_table.save(CORPUS, tmp_path).read_text("utf-8")
    right = dataclasses.replace(FULL, channel=2)
    corpus_table.save(dataclasses.replace(CORPUS, utterances=(right,)), tmp_path)
    assert corpus_table.load(tmp_path, "toy").utterances[0].channel == 2


def test_a_corpus_that_was_not_extracted_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError, match="extract corpus 'toy' again"):
        corpus_table.load(tmp_path, "toy")


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff", b'{"corpus": {}}'])
def test_an_invalid_table_is_refused_as_damaged(tmp_path, content):
    path = corpus_table.save(CORPUS, tmp_path)
    path.write_bytes(content)
    remove_from_manifests(path)
    with pytest.raises(ValueError, match=r"corpus\.json is damaged: .*; extract again"):
        corpus_table.load(tmp_path, "toy")


@pytest.mark.parametrize(
    "edit",
    [
        lambda found: found["corpus"].pop("nature"),
        lambda found: found["corpus"].update(nature="alien"),
        lambda found: found["corpus"].update(scale=[5, 1]),
        lambda found: found["corpus"].update(scale=[1, 2, 3]),
        lambda found: found["corpus"].update(scale=5),
        lambda found: found["corpus"].update(name="../toy"),
        lambda found: found["utterances"].append(5),
        lambda found: found["utterances"][0].pop("flags"),
        lambda found: found["utterances"][0].update(flags=None),
        lambda found: found["utterances"][0].update(id=""),
        lambda found: found["utterances"][0].update(id=None),
        lambda found: found["utterances"][0].update(start=9.0),
        lambda found: found["utterances"][0].update(start="soon"),
        lambda found: found["utterances"][0].update(mood="good"),
    ],
)
def test_a_damaged_row_is_refused_with_advice(tmp_path, edit):
    damage(tmp_path, edit)
    with pytest.raises(ValueError, match=r"corpus\.json is damaged: .*; extract again"):
        corpus_table.load(tmp_path, "toy")


def test_the_csv_has_one_row_for_each_utterance():
    full, bare = csv_rows(CORPUS)
    assert tuple(full) == COLUMNS
    assert full == {
        "id": "ä-1",
        "speaker": "Ses01F",
        "sex": "F",
        "session": "1",
        "dialogue": "Ses01F_impro01",
        "scripted": "0",
        "start": "6.25",
        "end": "8.5",
        "split": "train",
        "audio": "wav/a.wav",
        "transcript": "Well , yes .",
        "text": "well, yes.",
        "valence": "2.5",
        "arousal": "4.0",
        "dominance": "3.0",
        "flags": "repaired dominance_incomplete",
    }
    known = {name: value for name, value in bare.items() if value}
    assert known == {"id": "b", "valence": "-1.0"}  # a number is no formula


def test_audio_outside_the_corpus_has_an_absolute_path():
    corpus = dataclasses.replace(CORPUS, root=Path("/elsewhere"))
    assert csv_rows(corpus)[0]["audio"] == "/corpora/toy/wav/a.wav"


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\n"])
def test_cells_that_look_like_formulas_are_quoted(start):
    odd = dataclasses.replace(
        FULL, transcript=f"{start}1+1", speaker=f"{start}x", audio=ROOT / f"{start}.wav"
    )
    (row,) = csv_rows(dataclasses.replace(CORPUS, utterances=(odd,)))
    assert (row["transcript"], row["speaker"]) == (f"'{start}1+1", f"'{start}x")
    assert row["audio"] == f"'{start}.wav"


def test_line_ends_do_not_divide_a_row():
    odd = dataclasses.replace(FULL, transcript="one\rtwo\r\nthree\nfour\r")
    (row,) = csv_rows(dataclasses.replace(CORPUS, utterances=(odd,)))
    assert row["transcript"] == "one\ntwo\nthree\nfour\n"


def test_other_cells_are_not_changed():
    values = ["a=b", "", "ä", -1.5, None, 0, True]
    assert [cell(value) for value in values] == values


def test_the_name_of_another_corpus_is_refused(tmp_path):
    first = dataclasses.replace(CORPUS, root=tmp_path / "one")
    corpus_table.save(first, tmp_path)
    changed = dataclasses.replace(first, utterances=first.utterances[:1])
    other = dataclasses.replace(changed, root=tmp_path / "two")
    with pytest.raises(ValueError, match="'toy' is taken.*another folder; give --name"):
        corpus_table.save(other, tmp_path)
    assert len(corpus_table.load(tmp_path, "toy").utterances) == len(first.utterances)
    corpus_table.save(changed, tmp_path)  # the same folder may change
    corpus_table.save(other, tmp_path)  # and the same corpus may move
    assert len(corpus_table.load(tmp_path, "toy").utterances) == 1


@pytest.mark.parametrize("lost", [b"\n]}\n", b"}\n]}\n", b": -1.0"])
def test_a_damaged_table_is_replaced(tmp_path, lost):
    path = corpus_table.save(
        dataclasses.replace(CORPUS, root=tmp_path / "one"), tmp_path
    )
    whole = path.read_bytes()
    path.write_bytes(whole.replace(lost, b""))
    assert path.read_bytes() != whole
    remove_from_manifests(path)
    other = dataclasses.replace(CORPUS, root=tmp_path / "two", nature="synthetic")
    corpus_table.save(other, tmp_path)
    assert corpus_table.load(tmp_path, "toy").nature == "synthetic"


def test_the_file_has_one_utterance_on_each_line(tmp_path):
    text = corpus_table.save(CORPUS, tmp_path).read_text(encoding="utf-8")
    found = json.loads(text)
    assert [row["id"] for row in found["utterances"]] == ["ä-1", "b"]
    assert len(text.splitlines()) == 4


def test_a_copy_with_another_nature_is_refused(tmp_path):
    made = dataclasses.replace(CORPUS, root=tmp_path / "one", nature="synthetic")
    corpus_table.save(made, tmp_path)
    copy = dataclasses.replace(made, root=tmp_path / "two", nature="human")
    with pytest.raises(ValueError, match="is taken"):
        corpus_table.save(copy, tmp_path)


def test_a_partial_corpus_states_its_shortfall(tmp_path):
    counts = (Count("utterances", 10_039, 2_000), Count("improvised", 4_784, 900))
    partial = dataclasses.replace(CORPUS, counts=counts)
    corpus_table.save(partial, tmp_path)
    found = corpus_table.load(tmp_path, "toy")
    assert found.counts == counts
    assert found.shortfall == "2,000 of 10,039 utterances"
    assert CORPUS.shortfall == ""


def test_the_reader_is_kept_and_an_older_file_has_none(tmp_path):
    read = dataclasses.replace(CORPUS, reader="manifest")
    path = corpus_table.save(CORPUS, tmp_path)
    assert "reader" not in path.read_text(encoding="utf-8")
    assert corpus_table.load(tmp_path, "toy").reader == ""
    corpus_table.save(read, tmp_path)
    assert corpus_table.load(tmp_path, "toy").reader == "manifest"


@pytest.mark.parametrize("before", ["", "manifest"])
@pytest.mark.parametrize("after", ["", "manifest"])
def test_an_unknown_reader_does_not_make_another_corpus(tmp_path, before, after):
    corpus_table.save(dataclasses.replace(CORPUS, reader=before), tmp_path)
    moved = dataclasses.replace(CORPUS, root=Path("/moved"), reader=after)
    corpus_table.save(moved, tmp_path)
    if before:
        other = dataclasses.replace(CORPUS, root=Path("/third"), reader="emobank")
        with pytest.raises(ValueError, match="is taken") if after else nullcontext():
            corpus_table.save(other, tmp_path)


def test_an_older_cache_that_cannot_be_written_is_used(tmp_path, monkeypatch, caplog):
    corpus_table.save(CORPUS, tmp_path)

    def refuse(*_):
        raise PermissionError("read-only")

    monkeypatch.setattr(corpus_table, "write_and_list", refuse)
    corpus_table.save(dataclasses.replace(CORPUS, reader="manifest"), tmp_path)
    assert "stays as an older version wrote it: read-only" in caplog.text
    with pytest.raises(PermissionError):
        corpus_table.save(dataclasses.replace(CORPUS, utterances=()), tmp_path)


def test_single_ratings_are_kept_as_summaries_and_older_caches_stay_readable(tmp_path):
    before = corpus_table.save(CORPUS, tmp_path).read_text(encoding="utf-8")
    assert "raters" not in before
    found = summaries({"valence": [1, 2, 2.5], "arousal": [3]})
    rated = dataclasses.replace(FULL, raters=found)
    more = dataclasses.replace(CORPUS, utterances=(rated, *CORPUS.utterances[1:]))
    moved = dataclasses.replace(more, root=Path("/elsewhere"))
    corpus_table.save(moved, tmp_path)  # the older table is of the same corpus
    first, second = corpus_table.load(tmp_path, "toy").utterances
    assert first.raters == found
    assert first.raters["valence"] is found["valence"]
    assert not second.raters


def test_damaged_single_ratings_are_refused(tmp_path):
    def edit(found):
        found["utterances"][0]["raters"] = {"valence": [3, 1, 1]}

    damage(tmp_path, edit)
    with pytest.raises(DamagedFileError, match="a single rater has no deviation"):
        corpus_table.load(tmp_path, "toy")
