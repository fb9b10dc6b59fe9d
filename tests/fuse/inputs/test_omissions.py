"""Utterances that are left out of training are counted, with a line for each reason."""

import csv
import json
from dataclasses import replace

import numpy as np
import pytest
import tunable_checkpoints
from click.testing import CliRunner
from finetuning_sizes import QUICK, SMALL

from affuse import cli
from affuse.data.errors import AffuseError, OptionError
from affuse.data.options.source_options import CorpusSource
from affuse.data.reading import corpus_reading
from affuse.data.records import Problem
from affuse.extract.finetune import fold_inputs, joint_system
from affuse.extract.finetune.fold_inputs import FoldPart, Material
from affuse.extract.finetune.fold_remarks import remarks
from affuse.fuse.inputs.omissions import explain_omissions, sentences


def corpus_without(folder, change):
    """A table whose rows were changed by `change(number, row)`."""
    path = tunable_checkpoints.table(folder, each=16)
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
        row["text"] = "NaN"
    elif number in (1, 10, 12):
        row["text"] = " "
    elif number in (4, 8, 13):
        row["dominance"] = ""


def command(corpus, root, *words):
    where = ("--output", root / "out", "--text-checkpoint", root / "text")
    words = ("finetune", "manifest", corpus, "--scale", 1, 5, *where, *words)
    words = (*words, "--fusion", "text", "--threads", 1)
    return CliRunner().invoke(cli.main, [str(word) for word in words])


def test_finetune_reports_how_many_rows_it_leaves_out(tmp_path, monkeypatch):
    monkeypatch.setattr(
        joint_system, "probe_settings", lambda settings: replace(SMALL, epochs=3)
    )
    tunable_checkpoints.text(tmp_path / "text")
    path = corpus_without(tmp_path / "corpus", sparse)
    quick = [word for each in QUICK for word in ("--set", each)]
    quick += ["--protocol", "loso"]
    done = command(path, tmp_path, *quick, "--fold", "session1")
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert "left out: 2 utterances with no text" in lines
    assert lines[0].startswith("columns of table.csv as they are read: id from 'id'")
    assert sum("3 times: the text is empty" in line for line in lines) == 1
    assert "left out: 3 utterances with no rating of dominance" in lines
    (facts,) = (tmp_path / "out").glob("*/session1/finetune.json")
    found = json.loads(facts.read_text())["left_out_of_corpus"]
    assert found == {"no text": 2, "no rating of dominance": 3}


def test_speakers_without_utterances_are_named(tmp_path):
    def change(number, row):
        if row["speaker"] in ("1F", "2F", "3M"):
            row["dominance"] = ""

    tunable_checkpoints.text(tmp_path / "text")
    path = corpus_without(tmp_path / "corpus", change)
    done = command(path, tmp_path, "--protocol", "speakers", "--folds", 5)
    assert done.exit_code == 1
    assert "5" in done.stderr
    assert "no utterance is left of 3 speakers (1F, 2F, 3M)" in done.stderr
    assert "utterances with no rating of dominance" in done.stderr


def test_nothing_is_reported_without_omissions(tmp_path):
    corpus = corpus_reading.read(
        CorpusSource(
            corpus="manifest",
            root=tunable_checkpoints.table(tmp_path / "c"),
            scale=(1.0, 5.0),
        )
    )
    assert (
        fold_inputs.usable_utterances(corpus, ("text", "audio"), policy="clip").left_out
        == {}
    )


def test_the_class_of_an_error_is_preserved():
    with pytest.raises(OptionError, match="no\n  left out: 1 utterance with no text"):
        with explain_omissions({"no text": 1}, [], []):
            raise OptionError("no")
    with pytest.raises(AffuseError, match="^no$"):
        with explain_omissions({}, [], []):
            raise AffuseError("no")


def test_problems_that_differ_in_numbers_share_a_line():
    problems = tuple(Problem("f", f"lasts {k} s", id=f"u{k}") for k in range(3))
    (line,) = remarks(Material(None, None, (), problems), longest=30)
    said = "left out: 3 times, with other numbers or names, as in: f (u0): lasts 0 s"
    assert line == said
    assert list(sentences({})) == []


@pytest.mark.parametrize("count", [1, 40])
def test_the_tokens_that_are_read_are_those_of_the_encoder(count):
    """A model may have fewer positions than texts have tokens at most."""
    part = FoldPart((), {"text": (np.ones(9), np.ones(64))}, None)
    ids = tuple(f"u{k}" for k in range(count))
    material = Material(part, part, (), cut={"text": ids})
    (line,) = remarks(material, longest=30)
    noun = "text" if count == 1 else "texts"
    assert line.startswith(f"cut off: of {count} {noun} (u0")
    assert line.endswith("only the first 64 tokens are encoded")
