"""Which rows of a table get a mark: those that differ in one thing alone."""

import dataclasses
import json

import pytest
from contrasted_runs import OTHER
from report_runs import AUDIO, TEXT, info_of, runs, save

from affuse.data.cache.recipe import Recipe
from affuse.data.options.report_options import ReportContents
from affuse.data.runs import fold_table
from affuse.data.runs.fold_table import FoldRow
from affuse.data.runs.run_folder import ModelFolder
from affuse.data.runs.run_predictions import read_run
from affuse.fuse import settings
from affuse.fuse.commands.report_command import collect, render
from affuse.fuse.models.decisions import DECISIONS
from affuse.fuse.reporting.contrasts import CONDITIONS, Side, contrast, uses
from affuse.fuse.reporting.row_labels import details

ALL = dataclasses.asdict(settings.Settings())

__all__ = ["runs"]  # a fixture


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """A hundredth of the exchanges."""
    monkeypatch.setattr("affuse.fuse.reporting.comparisons.PERMUTATIONS", 99)


def run_of(tmp_path, design, **changed):
    """A run with all settings, of which some are changed."""
    name = changed.pop("name", f"iemocap-{design}-session5-0123abcd")
    facts = {k: changed.pop(k) for k in ("code", "parameters") if k in changed}
    info = info_of(design, settings={**ALL, **changed}, name=name, **facts)
    save(tmp_path, info)
    return read_run(tmp_path / name)


def reason(a, b):
    return contrast(Side.of(a), Side.of(b)).reason


# encoders


@pytest.fixture
def mixed(runs):
    """Beside a better row of audio on another encoder, which is no rival."""
    other = info_of("audio", encoders={"audio": OTHER}, name="iemocap-audio-session5-b")
    save(runs, other, gain=0.7)
    return runs


def test_fusion_is_compared_with_rows_on_its_own_encoders(mixed):
    (table,) = collect(mixed)
    found = {row.name: row for row in table.rows if row.info}
    versus = found["early (w2v2, audio layer 12)"].versus
    assert {v.name for v in versus.values()} == {"text"}
    assert not any("hubert" in line for line in table.comparisons)


def test_fusion_on_an_encoder_without_a_row_of_its_own_says_what_to_train(mixed):
    (mixed / info_of("text").name / "predictions.csv").unlink()
    (mixed / info_of("audio").name / "predictions.csv").unlink()
    (table,) = collect(mixed)
    assert not any(row.versus for row in table.rows)
    first, second = table.comparisons
    assert first.startswith("No row of audio alone is on the encoder audio: hub/w2v2,")
    assert ", late (w2v2, audio layer 12) are not compared with any single" in first
    command = "python cli.py train --fusion audio --protocol session5 --corpus iemocap"
    assert first.endswith(f"{command} --audio hub/w2v2 --runs {mixed}")
    assert "text: bert, layers 4-6" in second


def test_a_cache_to_train_on_is_named_by_the_digest_that_the_models_say(mixed):
    for design in ("text", "audio"):
        (mixed / info_of(design).name / "predictions.csv").unlink()
    recipe = Recipe(
        corpus="iemocap",
        content="0",
        modality="audio",
        encoder="wav2vec2",
        checkpoint="hub/w2v2",
        revision="",
        weights="1",
        layers=(12,),
        pooling="mean",
        dtype="float32",
    )
    model = {"recipes": {"audio": json.loads(recipe.text())}}
    for run in mixed.glob("*/run.json"):
        folder = run.parent / "session1" / "seed-0"
        folder.mkdir(parents=True)
        (folder / ModelFolder.description).write_text(json.dumps(model))
    (table,) = collect(mixed)
    first, second = table.comparisons
    assert f" --audio {recipe.digest()} " in first
    assert " --text bert " in second


@pytest.mark.parametrize(
    ("name", "value"),
    [("layers", [3]), ("pooling", "max"), ("revision", "0123456789abcdef")],
)
def test_all_that_is_recorded_of_an_encoder_counts(runs, name, value):
    encoder = {"text": {**TEXT, name: value}}
    save(runs, info_of("text", encoders=encoder), gain=0.5)
    (table,) = collect(runs)
    compared = {v.name for row in table.rows for v in row.versus.values()}
    assert len(compared) == 1
    assert compared.pop().startswith("audio")
    assert any(line.startswith("No row of text alone") for line in table.comparisons)


def test_a_design_is_compared_across_encoders_and_designs_are_not(tmp_path):
    def one(design, encoder, name):
        both = {"audio": encoder, "text": TEXT}
        save(tmp_path, info_of(design, encoders=both, name=name))
        return read_run(tmp_path / name)

    early, other = one("early", AUDIO, "a"), one("early", OTHER, "b")
    assert reason(early, other) == ""
    assert reason(one("late", AUDIO, "c"), other) == "the audio encoder differs"


@pytest.mark.parametrize("format", ["text", "markdown", "latex"])
def test_rows_are_grouped_by_their_encoders(mixed, format):
    (table,) = collect(mixed)
    heads = list(dict.fromkeys(row.group for row in table.rows if row.info))
    assert heads == [
        "audio: hub/hubert, layer 6, mean pooling",
        "audio: hub/w2v2, layer 12, mean pooling; text: bert, layers 4-6, mean+std "
        "pooling",
    ]
    shown = render([table], format)
    lines = shown.splitlines()
    sections = 3  # all, improvised, scripted
    marks = {"text": "on ", "markdown": "| *on ", "latex": r"{\textit{on "}
    mark = f"{marks[format]}audio: hub/w2v2, layer 12"
    above = [k for k, line in enumerate(lines) if mark in line]
    assert sum("; text" in lines[k] for k in above) == sections
    assert "audio" in lines[above[0] + 1]


def test_one_choice_of_encoders_needs_no_heading(runs):
    (table,) = collect(runs)
    assert {row.group for row in table.rows} == {""}


# settings


def test_rows_of_other_settings_say_so_and_get_no_mark(tmp_path):
    for design, epochs, gain in (("early", 100, 0.9), ("text", 3, 0.2)):
        save(tmp_path, info_of(design, settings={**ALL, "epochs": epochs}), gain=gain)
    (table,) = collect(tmp_path)
    assert [row.name for row in table.rows if row.info] == [
        "text (epochs=3)",
        "early (epochs=100)",
    ]
    versus = table.rows[1].versus["all"]
    assert (versus.verdict, versus.mark) == ("not marked", "")
    assert table.comparisons[0].startswith("early (epochs=100) - text (epochs=3): +")
    assert table.comparisons[0].endswith(
        "], not marked, because epochs differs: 100 and 3"
    )
    shown = json.loads(render([table], "json"))["tables"][0]["rows"][1]["versus"]
    assert shown["all"]["p"] is None
    assert shown["all"]["not_marked_because"] == "epochs differs: 100 and 3"
    assert "epochs differs: 100 and 3" in render([table], "csv")


def test_a_rival_of_equal_settings_is_taken_before_others(tmp_path):
    for name, epochs, gain in (("a", 100, 0.3), ("b", 3, 0.5)):
        info = info_of("text", settings={**ALL, "epochs": epochs}, name=name)
        save(tmp_path, info, gain=gain)
    save(tmp_path, info_of("early", settings=ALL), gain=0.9)
    (table,) = collect(tmp_path)
    versus = table.rows[2].versus["all"]
    assert (versus.name, versus.verdict) == ("text (epochs=100)", "better")


def test_a_weaker_modality_that_was_trained_otherwise_is_named(runs):
    for design, epochs, gain in (("early", 9, 0.9), ("text", 9, 0.5), ("audio", 1, 0)):
        save(runs, info_of(design, settings={**ALL, "epochs": epochs}), gain=gain)
    (table,) = collect(runs, ReportContents(design=["early", "text", "audio"]))
    assert table.rows[2].versus["all"].verdict == "better"
    assert table.comparisons[-1] == (
        "early (epochs=9): audio (epochs=1) is not the best single modality here, but "
        "the two cannot be compared fairly (epochs differs: 9 and 1)"
    )


def test_pairs_and_a_named_row_follow_the_same_rule(tmp_path):
    for design, epochs in (("early", 9), ("late", 9), ("text", 3)):
        save(tmp_path, info_of(design, settings={**ALL, "epochs": epochs}))
    (table,) = collect(tmp_path, ReportContents(against="text", pairs=True))
    assert all(
        versus.verdict == "not marked"
        for row in table.rows
        for versus in row.versus.values()
    )
    (line,) = [line for line in table.comparisons if line.startswith("all pairs: ")]
    assert line == (
        "all pairs: 2 pairs (text (epochs=3) - early (epochs=9), text (epochs=3) - "
        "late (epochs=9)) not tested, because epochs differs: 3 and 9"
    )
    assert "adjusted by Holm over 1 pairs" in render([table], "text")


@pytest.mark.parametrize("field", dataclasses.fields(settings.Settings))
def test_every_setting_of_a_training_forbids_a_mark(tmp_path, field):
    value = ALL[field.name]
    other = f"{value}x" if isinstance(value, str) else value + 1
    base = {"loss": "mix", "training": "pretrain"}
    if field.name == "reconstruction":
        base["training"] = "joint"
    base["parameters"] = 0  # not known
    changed = {**base, field.name: other}
    a, b = run_of(tmp_path, "early", **base), run_of(tmp_path, "late", **changed)
    same = field.name in ("protocol", "folds", "split_seed", "map", "late_activation")
    assert (reason(a, b) == "") == same


def test_a_setting_that_a_design_does_not_use_forbids_nothing(tmp_path):
    early = run_of(tmp_path, "early", epochs=100)
    for design in ("ridge", "svr", "zeroshot"):
        assert reason(early, run_of(tmp_path, design, epochs=3, loss="mse")) == ""
    text = run_of(tmp_path, "text", modality_dropout=0.3)
    assert reason(run_of(tmp_path, "latemean"), text) == ""
    assert "modality_dropout" in reason(early, run_of(tmp_path, "late", **text_of_late))
    keep = run_of(tmp_path, "ridge", out_of_range="keep")
    assert reason(early, keep) == "out_of_range differs: clip and keep"


text_of_late = {"modality_dropout": 0.3}


def test_settings_are_used_under_their_conditions():
    for name, conditions in CONDITIONS.items():
        assert name in ALL
        used = {**ALL, **{other: values[0] for other, values in conditions.items()}}
        assert uses("early", used, name)
        for other in conditions:
            assert not uses("early", {**used, other: "none"}, name)


def test_equal_sizes_may_have_other_hidden_units(tmp_path):
    early = run_of(tmp_path, "early", hidden=128, parameters=1000)
    late = run_of(tmp_path, "late", hidden=96, parameters=1100)
    found = contrast(Side.of(early), Side.of(late))
    assert found.reasons == ()
    assert found.remark == "hidden differs for equal sizes: 128 and 96"
    assert details([early, late]) == ["hidden=128", "hidden=96"]
    (table,) = collect(tmp_path, ReportContents(against="late"))
    assert table.comparisons[0].endswith("; hidden differs for equal sizes: 128 and 96")
    small = run_of(tmp_path, "late", hidden=96, parameters=100)
    assert reason(early, small) == "hidden differs: 128 and 96"
    again = run_of(tmp_path, "early", hidden=96, parameters=1000, name="b")
    assert reason(early, again) == "hidden differs: 128 and 96"


def test_what_an_older_run_did_not_record_is_a_difference(tmp_path):
    early, text = run_of(tmp_path, "early"), run_of(tmp_path, "text")
    older = {k: v for k, v in ALL.items() if k != "batch"}
    info = dataclasses.replace(text.info, settings=older)
    text = dataclasses.replace(text, info=info)
    assert reason(early, text) == "batch differs: 512 and not recorded"
    assert details([early, text]) == ["batch=512", "batch not recorded"]


def test_other_training_rows_forbid_a_mark(tmp_path):
    early = run_of(tmp_path, "early", split_seed=0)
    text = run_of(tmp_path, "text", split_seed=1)
    assert reason(early, text) == ""  # of a protocol that leaves nothing to chance
    rows = [
        dataclasses.replace(row, part="train") if row.part == "validation" else row
        for row in fold_table.read_folds(text.path)
    ]
    moved = dataclasses.replace(text, folds=(*rows, FoldRow("5", "validation", "x")))
    assert reason(early, moved) == "split_seed differs: 0 and 1"
    same = run_of(tmp_path, "early", split_seed=1)
    assert reason(same, moved).startswith("2 utterances trained or validated one of")


@pytest.mark.parametrize("fusion", DECISIONS)
def test_code_that_both_runs_use_must_be_the_same(tmp_path, fusion):
    whole = "revision 1 of audio revision 1, text revision 1"
    both = run_of(tmp_path, fusion, code=whole)
    assert reason(both, run_of(tmp_path, "text", code="revision 1")) == ""
    edited = run_of(tmp_path, "text", code="code 0123456789ab")
    assert "the code of text differs" in reason(both, edited)
    text = run_of(tmp_path, "text", code="revision 1", name="b")
    assert reason(edited, text).startswith("the code of text differs: code 0123")


def diverge(folder):
    """Let the first prediction of a run be far outside the scale."""
    path = folder / "predictions.csv"
    head, first, *rest = path.read_text(encoding="utf-8").splitlines()
    cells = first.split(",")
    cells[-1] = "-36613"
    path.write_text("\n".join([head, ",".join(cells), *rest]) + "\n", encoding="utf-8")


def test_a_rival_that_diverged_is_no_rival_to_beat(runs):
    diverge(runs / info_of("text").name)
    (table,) = collect(runs, ReportContents(against="text"))
    row = next(row for row in table.rows if row.design == "early")
    assert row.versus["all"].verdict == "not marked"
    assert "because 1 model of text diverged" in table.comparisons[0]
    shown = " ".join(render([table], "text").split())
    assert "Diverged: text: 1 of 2 models predicts far outside the scale" in shown


def test_rows_that_are_left_out_are_no_reason_to_train(runs):
    (table,) = collect(runs, ReportContents(design=["early"]))
    assert table.comparisons == (
        "Some comparisons are missing, because rows are left out on request",
    )
    (table,) = collect(runs)
    assert not any("left out on request" in line for line in table.comparisons)


def test_what_is_made_of_a_run_that_diverged_is_no_rival_either(runs):
    diverge(runs / info_of("early").name)
    (table,) = collect(runs, ReportContents(ensemble=True))
    rows = [row for row in table.rows if row.design == "early"]
    assert [row.members for row in rows] == [1, 2]
    for row in rows:
        assert "1 model of early diverged" in row.versus["all"].reason
    assert sum(note.startswith("Diverged: ") for note in table.notes) == 1


def test_rows_of_the_same_models_are_not_tested_against_each_other(runs):
    (table,) = collect(runs, ReportContents(ensemble=True, against="early"))
    row = next(r for r in table.rows if r.design == "early" and r.members > 1)
    assert row.versus["all"].reason == "both rows are of the same models"


def test_a_setting_that_an_older_run_lacks_and_no_one_uses_is_not_named(tmp_path):
    new = run_of(tmp_path, "early")
    old = dict(new.info.settings)
    del old["late_activation"], old["map"]
    info = dataclasses.replace(new.info, settings=old, name="old")
    save(tmp_path, info)
    found = details([new, read_run(tmp_path / "old")])
    assert not any("late_activation" in words or "map" in words for words in found)


def test_a_setting_that_an_older_run_lacks_has_the_value_without_effect(tmp_path):
    older = {k: v for k, v in ALL.items() if k not in ("ema", "auxiliary")}
    runs = [
        run_of(tmp_path, "text", name="iemocap-text-session5-00000001", ema=0.99),
        run_of(tmp_path, "text", name="iemocap-text-session5-00000002"),
    ]
    facts = {"settings": older, "name": "iemocap-text-session5-00000003"}
    save(tmp_path, info_of("text", **facts))
    runs.append(read_run(tmp_path / facts["name"]))
    assert [label.split(", ")[0] for label in details(runs)[:1]] == ["ema=0.99"]
    assert details(runs)[2].startswith("ema=0")
    assert reason(runs[0], runs[2]) == "ema differs: 0.99 and 0"
    assert reason(runs[1], runs[2]) == ""
