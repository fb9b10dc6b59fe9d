"""Rows that are left out of training are counted, with a line for each reason."""

import csv
import json
from dataclasses import replace

import pytest
import tunable
from click.testing import CliRunner
from test_finetune import QUICK, SMALL

import cli
from data import reading
from data.errors import AffuseError, OptionError
from data.utterance import Problem
from extract.finetune import inputs, system
from extract.finetune.inputs import Material
from fuse.omissions import explained, sentences


def corpus_without(folder, change):
    """A table whose rows were changed by `change(number, row)`."""
    path = tunable.table(folder, each=16)
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for number, row in enumerate(rows):
        change(number, row)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return path


def sparse(number, row):
    if number in (0, 9):
        row["text"] = ""
    elif number in (4, 8, 13):
        row["dominance"] = ""


def command(corpus, root, *words):
    where = ("--output", root / "out", "--text-checkpoint", root / "text")
    words = ("finetune", "manifest", corpus, "--scale", 1, 5, *where, *words)
    words = (*words, "--fusion", "text", "--threads", 1)
    return CliRunner().invoke(cli.main, [str(word) for word in words])


def test_finetune_says_how_many_rows_it_leaves_out(tmp_path, monkeypatch):
    monkeypatch.setattr(system, "probe", lambda settings: replace(SMALL, epochs=3))
    tunable.text(tmp_path / "text")
    path = corpus_without(tmp_path / "corpus", sparse)
    quick = [word for each in QUICK for word in ("--set", each)]
    quick += ["--protocol", "loso"]
    done = command(path, tmp_path, *quick, "--fold", "session1")
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert "left out: 2 utterances with no text" in lines
    assert "left out: 3 utterances with no rating of dominance" in lines
    (facts,) = (tmp_path / "out").glob("*/session1/finetune.json")
    found = json.loads(facts.read_text())["left_out_of_corpus"]
    assert found == {"no text": 2, "no rating of dominance": 3}


def test_speakers_that_fell_out_are_named(tmp_path):
    def change(number, row):
        if row["speaker"] in ("1F", "2F", "3M"):
            row["dominance"] = ""

    tunable.text(tmp_path / "text")
    path = corpus_without(tmp_path / "corpus", change)
    done = command(path, tmp_path, "--protocol", "speakers", "--folds", 5)
    assert done.exit_code == 1
    assert "5" in done.stderr
    assert "of 3 speakers (1F, 2F, 3M) no utterance is left" in done.stderr
    assert "utterances with no rating of dominance" in done.stderr


def test_what_is_whole_is_not_mentioned(tmp_path):
    corpus = reading.read("manifest", tunable.table(tmp_path / "c"), scale=(1.0, 5.0))
    assert inputs.usable(corpus, ("text", "audio"), policy="clip").left_out == {}


def test_the_class_of_an_error_stays():
    with pytest.raises(OptionError, match="no\n  left out: 1 utterance with no text"):
        with explained({"no text": 1}, [], []):
            raise OptionError("no")
    with pytest.raises(AffuseError, match="^no$"):
        with explained({}, [], []):
            raise AffuseError("no")


def test_problems_of_one_reason_share_a_line():
    problems = tuple(Problem("f", "is empty", id=f"u{k}") for k in range(3))
    material = Material(None, None, (), problems)
    found = list(material.remarks(longest=30))
    assert found == ["left out: 3 utterances (u0, u1, u2): is empty"]
    assert list(sentences({})) == []
