"""What a protocol decides by itself is named by train, sweep, finetune and report."""

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
from affuse.fuse.training.alignment import decisions, division

TOY = corpus()


def divided(**splits):
    """The corpus with a split by session; others train."""
    names = {session: split for split, session in splits.items()}
    return tuple(
        dataclasses.replace(u, split=names.get(u.session, "train"))
        for u in TOY.utterances
    )


def described(utterances, protocol, seed=0):
    found = folds(utterances, protocol, seed=seed)
    return protocol_assumptions.of(found, utterances, protocol=protocol, seed=seed)


def said(utterances, protocol, seed=0):
    return list(protocol_assumptions.sentences(described(utterances, protocol, seed)))


def test_official_without_dev_says_what_validates():
    (sentence,) = said(divided(test="5"), "official", seed=3)
    assert sentence == (
        "Protocol official: the corpus has no split dev; 30 of 240 utterances of the "
        "training part validate, drawn at random (split_seed 3), all utterances of "
        "some speakers"
    )
    bare = [dataclasses.replace(u, speaker="") for u in divided(test="5")]
    (sentence,) = said(bare, "official")
    assert "24 of 240 utterances" in sentence
    assert "one by one, so validation may share speakers with training" in sentence
    assert said(divided(test="5", dev="4"), "official") == []


def test_what_is_in_no_fold_is_named_with_its_splits():
    utterances = divided(test="5", dev="4", held="3")
    utterances += (dataclasses.replace(utterances[0], id="x", split=""),)
    assert said(utterances, "official") == [
        "Protocol official: 61 utterances are in no fold: 1 of no split, 60 of split "
        "'held'"
    ]


def test_session5_and_speakers_say_what_was_drawn():
    (sentence,) = said(TOY.utterances, "session5")
    assert "24 of 240 utterances of the sessions that do not test validate" in sentence
    (sentence,) = said(TOY.utterances, "speakers")
    assert sentence == (
        "Protocol speakers: 10 speakers in 5 groups of 2, drawn at random "
        "(split_seed 0) and balanced by utterances; the next group validates"
    )
    assert said(TOY.utterances, "loso") == said(TOY.utterances, "session5-strict") == []


def test_spellings_that_were_joined_are_counted():
    other = [
        dataclasses.replace(u, speaker="1f") if u.id in ("u000", "u010") else u
        for u in TOY.utterances
    ]
    assert said(other, "loso") == [
        "Speakers: 1 is spelt in several ways, each taken as one: '1F' and '1f'"
    ]


@pytest.mark.parametrize(
    "name",
    ["A", " a", "a\t", "a\u200b", "\ufeffa", "\uff21", "\u24b6", "\u00ada\u00a0"],
)
def test_spellings(name):
    assert spelling(name) == "a"
    assert variants(["a", "a", name, "b", "", " "]) == {"a": tuple(sorted(["a", name]))}


@pytest.mark.parametrize("name", ["Bob  X", "bob\u3000x", "BOB\t\u200b \uff38\n"])
def test_blanks_in_a_name_are_one_blank(name):
    assert spelling(name) == spelling("Bob X") == "bob x"
    assert spelling(name) != spelling("BobX")
    assert spelling("\u200b \u2060") == ""


def older(folder):
    """The run as an older version left it."""
    path = folder / "alignment.json"
    facts = json.loads(path.read_text(encoding="utf-8"))
    facts.pop("division")
    path.write_text(json.dumps(facts), encoding="utf-8")
    remove_from_manifests(path)


@pytest.mark.parametrize("protocol", ["official", "session5", "speakers", "loso"])
@pytest.mark.parametrize("has_dev", [True, False])
def test_an_older_run_is_described_from_its_folds(tmp_path, protocol, has_dev):
    utterances = divided(test="5", **({"dev": "4"} if has_dev else {}))
    found = dataclasses.replace(TOY, utterances=utterances)
    folder = train_run(tmp_path, "ridge", found=found, protocol=protocol, split_seed=2)
    now = division(read_run(folder))
    assert decisions(folder) == tuple(protocol_assumptions.sentences(now))
    assert now == described(utterances, protocol, seed=2)
    older(folder)
    assert division(read_run(folder)) == now
    assert decisions(folder) == ()


def test_the_report_says_it_below_the_table(tmp_path):
    found = dataclasses.replace(TOY, utterances=divided(test="5", held="2"))
    for fusion in ("ridge", "text"):
        train_run(tmp_path, fusion, found=found, protocol="official")
    (table,) = report_command.collect(tmp_path)
    sentences = [note for note in table.notes if note.startswith("Protocol official")]
    assert len(sentences) == 2
    assert "30 of 180 utterances of the training part validate" in sentences[0]
    assert "60 utterances are in no fold: 60 of split 'held'" in sentences[1]


@pytest.mark.parametrize("seed", [-1, "x", None])
def test_a_seed_that_is_none_is_damage_of_its_run_alone(tmp_path, seed):
    folder = train_run(tmp_path / "a", "ridge")
    train_run(tmp_path / "a", "text", epochs=1)
    older(folder)
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
