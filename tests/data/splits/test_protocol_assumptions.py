"""Decisions of a protocol, which train, sweep, finetune and report describe."""

import dataclasses
import json

import pytest
from learnable_corpus import corpus
from small_caches import remove_from_manifests
from trained_runs import train_run

from affuse.data.name_spellings import spelling, variants
from affuse.data.runs.run_predictions import read_run
from affuse.data.splits import protocol_assumptions
from affuse.data.splits.protocols import folds
from affuse.fuse.commands import report_command
from affuse.fuse.training.alignment import protocol_decisions, read_division

TOY = corpus()


def with_splits(**splits):
    """Return utterances with these splits by session; the others are for training."""
    names = {session: split for split, session in splits.items()}
    return tuple(
        dataclasses.replace(u, split=names.get(u.session, "train"))
        for u in TOY.utterances
    )


def described(utterances, protocol, seed=0):
    found = folds(utterances, protocol, seed=seed)
    return protocol_assumptions.describe_folds(
        found, utterances, protocol=protocol, seed=seed
    )


def sentences_of(utterances, protocol, seed=0):
    return list(protocol_assumptions.sentences(described(utterances, protocol, seed)))


def test_official_without_dev_describes_the_validation_draw():
    (sentence,) = sentences_of(with_splits(test="5"), "official", seed=3)
    assert sentence == (
        "Protocol official: the corpus has no split dev; 30 of 240 utterances of the "
        "training part validate, drawn at random (split_seed 3), all utterances of "
        "some speakers"
    )
    bare = [dataclasses.replace(u, speaker="") for u in with_splits(test="5")]
    (sentence,) = sentences_of(bare, "official")
    assert "24 of 240 utterances" in sentence
    assert "one by one, so validation may share speakers with training" in sentence
    assert sentences_of(with_splits(test="5", dev="4"), "official") == []


def test_utterances_in_no_fold_are_counted_by_split():
    utterances = with_splits(test="5", dev="4", held="3")
    utterances += (dataclasses.replace(utterances[0], id="x", split=""),)
    assert sentences_of(utterances, "official") == [
        "Protocol official: 61 utterances are in no fold: 1 of no split, 60 of split "
        "'held'"
    ]


def test_session5_and_speakers_describe_their_draws():
    (sentence,) = sentences_of(TOY.utterances, "session5")
    assert "24 of 240 utterances of the sessions that do not test validate" in sentence
    (sentence,) = sentences_of(TOY.utterances, "speakers")
    assert sentence == (
        "Protocol speakers: 10 speakers in 5 groups of 2, drawn at random "
        "(split_seed 0) and balanced by utterances; the next group validates"
    )
    assert (
        sentences_of(TOY.utterances, "loso")
        == sentences_of(TOY.utterances, "session5-strict")
        == []
    )


def test_unified_spellings_of_speakers_are_counted():
    other = [
        dataclasses.replace(u, speaker="1f") if u.id in ("u000", "u010") else u
        for u in TOY.utterances
    ]
    assert sentences_of(other, "loso") == [
        "Speakers: 1 is spelt in several ways, each taken as one: '1F' and '1f'"
    ]


@pytest.mark.parametrize(
    "name",
    ["A", " a", "a\t", "a\u200b", "\ufeffa", "\uff21", "\u24b6", "\u00ada\u00a0"],
)
def test_spellings_of_a_name_share_a_normal_form(name):
    assert spelling(name) == "a"
    assert variants(["a", "a", name, "b", "", " "]) == {"a": tuple(sorted(["a", name]))}


@pytest.mark.parametrize("name", ["Bob  X", "bob\u3000x", "BOB\t\u200b \uff38\n"])
def test_white_space_in_a_name_counts_as_one_blank(name):
    assert spelling(name) == spelling("Bob X") == "bob x"
    assert spelling(name) != spelling("BobX")
    assert spelling("\u200b \u2060") == ""


def make_older(folder):
    """Change a run folder to the state in which an older version left it."""
    path = folder / "alignment.json"
    facts = json.loads(path.read_text(encoding="utf-8"))
    facts.pop("division")
    path.write_text(json.dumps(facts), encoding="utf-8")
    remove_from_manifests(path)


@pytest.mark.parametrize("protocol", ["official", "session5", "speakers", "loso"])
@pytest.mark.parametrize("has_dev", [True, False])
def test_an_older_run_is_described_from_its_folds(tmp_path, protocol, has_dev):
    utterances = with_splits(test="5", **({"dev": "4"} if has_dev else {}))
    found = dataclasses.replace(TOY, utterances=utterances)
    folder = train_run(tmp_path, "ridge", found=found, protocol=protocol, split_seed=2)
    now = read_division(read_run(folder))
    assert protocol_decisions(folder) == tuple(protocol_assumptions.sentences(now))
    assert now == described(utterances, protocol, seed=2)
    make_older(folder)
    assert read_division(read_run(folder)) == now
    assert protocol_decisions(folder) == ()


def test_footnotes_of_the_report_describe_draws(tmp_path):
    found = dataclasses.replace(TOY, utterances=with_splits(test="5", held="2"))
    for fusion in ("ridge", "text"):
        train_run(tmp_path, fusion, found=found, protocol="official")
    (table,) = report_command.collect(tmp_path)
    sentences = [note for note in table.notes if note.startswith("Protocol official")]
    assert len(sentences) == 2
    assert "30 of 180 utterances of the training part validate" in sentences[0]
    assert "60 utterances are in no fold: 60 of split 'held'" in sentences[1]


@pytest.mark.parametrize("seed", [-1, "x", None])
def test_an_invalid_seed_damages_only_its_run(tmp_path, seed):
    folder = train_run(tmp_path / "a", "ridge")
    train_run(tmp_path / "a", "text", epochs=1)
    make_older(folder)
    path = folder / "run.json"
    facts = json.loads(path.read_text(encoding="utf-8"))
    facts["settings"]["split_seed"] = seed
    path.write_text(json.dumps(facts), encoding="utf-8")
    remove_from_manifests(path)
    told = []
    (table,) = report_command.collect(tmp_path / "a", damaged=told.append)
    assert [row.design for row in table.rows] == ["text"]
    assert "split_seed is" in told[0]


def test_a_run_whose_folds_spell_a_speaker_in_two_ways_is_read_as_one(tmp_path, caplog):
    folder = train_run(tmp_path, "ridge")
    path = folder / "folds.csv"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace(",5F,", ",5f,", 3), encoding="utf-8")
    remove_from_manifests(path)
    run = read_run(folder)
    assert {row.speaker for row in run.folds if row.part == "test"} == {"5F", "5M"}
    assert (
        "spelt in several ways, each taken as one: 1, such as '5F' and '5f'"
        in caplog.text
    )
