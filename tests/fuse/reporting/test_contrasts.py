"""Two rows are tested only if they differ in one property."""

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
from affuse.fuse.reporting import rival_commands
from affuse.fuse.reporting.contrasts import (
    CONDITIONS,
    ComparedRun,
    contrast,
    uses_setting,
)
from affuse.fuse.reporting.row_labels import row_details

ALL = dataclasses.asdict(settings.Settings())

__all__ = ["runs"]  # a fixture


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Use 99 permutations in significance tests, to save time."""
    monkeypatch.setattr("affuse.fuse.reporting.comparisons.PERMUTATIONS", 99)


def run_of(tmp_path, design, **changed):
    """Write a run that records all settings, some of them changed."""
    name = changed.pop("name", f"iemocap-{design}-session5-0123abcd")
    facts = {k: changed.pop(k) for k in ("code", "parameters") if k in changed}
    info = info_of(design, settings={**ALL, **changed}, name=name, **facts)
    save(tmp_path, info)
    return read_run(tmp_path / name)


def reason_of(a, b):
    return contrast(ComparedRun.of(a), ComparedRun.of(b)).reason


# Encoders


@pytest.fixture
def two_encoders(runs):
    """Add an audio row on another encoder, which has a higher CCC but is no rival."""
    other = info_of("audio", encoders={"audio": OTHER}, name="iemocap-audio-session5-b")
    save(runs, other, gain=0.7)
    return runs


def test_fusion_is_compared_with_single_modalities_on_the_same_encoders(two_encoders):
    (table,) = collect(two_encoders)
    found = {row.name: row for row in table.rows if row.info}
    versus = found["early (w2v2, audio layer 12)"].versus
    assert {v.name for v in versus.values()} == {"text"}
    assert not any("hubert" in line for line in table.comparisons)


def test_a_missing_single_modality_is_named_with_the_command_that_trains_it(
    two_encoders,
):
    (two_encoders / info_of("text").name / "predictions.csv").unlink()
    (two_encoders / info_of("audio").name / "predictions.csv").unlink()
    (table,) = collect(two_encoders)
    assert not any(row.versus for row in table.rows)
    first, second = table.comparisons
    assert first.startswith("No row of audio alone is on the encoder audio: hub/w2v2,")
    assert ", late (w2v2, audio layer 12) are not compared with any single" in first
    command = "python cli.py train --fusion audio --protocol session5 --corpus iemocap"
    assert first.endswith(f"{command} --audio hub/w2v2 --runs {two_encoders}")
    assert "text: bert, layers 4-6" in second


def test_the_command_names_the_cache_by_the_digest_in_the_models(two_encoders):
    for design in ("text", "audio"):
        (two_encoders / info_of(design).name / "predictions.csv").unlink()
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
    for run in two_encoders.glob("*/run.json"):
        folder = run.parent / "session1" / "seed-0"
        folder.mkdir(parents=True)
        (folder / ModelFolder.description).write_text(json.dumps(model))
    (table,) = collect(two_encoders)
    first, second = table.comparisons
    assert f" --audio {recipe.digest()} " in first
    assert " --text bert " in second


@pytest.mark.parametrize(
    ("name", "value"),
    [("layers", [3]), ("pooling", "max"), ("revision", "0123456789abcdef")],
)
def test_encoders_differ_if_any_entry_of_their_record_differs(runs, name, value):
    encoder = {"text": {**TEXT, name: value}}
    save(runs, info_of("text", encoders=encoder), gain=0.5)
    (table,) = collect(runs)
    compared = {v.name for row in table.rows for v in row.versus.values()}
    assert len(compared) == 1
    assert compared.pop().startswith("audio")
    assert any(line.startswith("No row of text alone") for line in table.comparisons)


def test_only_rows_of_one_design_are_compared_across_encoders(tmp_path):
    def one(design, encoder, name):
        both = {"audio": encoder, "text": TEXT}
        save(tmp_path, info_of(design, encoders=both, name=name))
        return read_run(tmp_path / name)

    early, other = one("early", AUDIO, "a"), one("early", OTHER, "b")
    assert reason_of(early, other) == ""
    assert reason_of(one("late", AUDIO, "c"), other) == "the audio encoder differs"


@pytest.mark.parametrize("format", ["text", "markdown", "latex"])
def test_rows_are_grouped_by_their_encoders(two_encoders, format):
    (table,) = collect(two_encoders)
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


def test_rows_on_the_same_encoders_have_no_heading(runs):
    (table,) = collect(runs)
    assert {row.group for row in table.rows} == {""}


# Settings


def test_rows_with_different_settings_name_them_and_have_no_mark(tmp_path):
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


def test_a_rival_with_equal_settings_is_preferred(tmp_path):
    for name, epochs, gain in (("a", 100, 0.3), ("b", 3, 0.5)):
        info = info_of("text", settings={**ALL, "epochs": epochs}, name=name)
        save(tmp_path, info, gain=gain)
    save(tmp_path, info_of("early", settings=ALL), gain=0.9)
    (table,) = collect(tmp_path)
    versus = table.rows[2].versus["all"]
    assert (versus.name, versus.verdict) == ("text (epochs=100)", "better")


def test_a_weaker_single_modality_with_other_settings_is_named(runs):
    for design, epochs, gain in (("early", 9, 0.9), ("text", 9, 0.5), ("audio", 1, 0)):
        save(runs, info_of(design, settings={**ALL, "epochs": epochs}), gain=gain)
    (table,) = collect(runs, ReportContents(design=["early", "text", "audio"]))
    assert table.rows[2].versus["all"].verdict == "better"
    assert table.comparisons[-1] == (
        "early (epochs=9): audio (epochs=1) is not the best single modality here, but "
        "the two cannot be compared fairly (epochs differs: 9 and 1)"
    )


def test_pairs_and_against_follow_the_same_rule(tmp_path):
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
    shown = " ".join(render([table], "text").split())
    assert "p after Holm's correction for 1 pairs" in shown


@pytest.mark.parametrize("field", dataclasses.fields(settings.Settings))
def test_a_difference_in_any_training_setting_forbids_a_mark(tmp_path, field):
    value = ALL[field.name]
    other = f"{value}x" if isinstance(value, str) else value + 1
    base = {"loss": "mix", "training": "pretrain"}
    if field.name == "reconstruction":
        base["training"] = "joint"
    base["parameters"] = 0  # unknown
    if field.name == "layers":  # which layers are taken stands in `encoders`
        other = "weighted"
    changed = {**base, field.name: other}
    a, b = run_of(tmp_path, "early", **base), run_of(tmp_path, "late", **changed)
    unused = ("protocol", "folds", "split_seed", "map", "late_activation", "pooling")
    same = field.name in unused
    assert (reason_of(a, b) == "") == same


def test_a_setting_that_one_design_does_not_use_forbids_no_mark(tmp_path):
    early = run_of(tmp_path, "early", epochs=100)
    for design in ("ridge", "svr", "zeroshot"):
        assert reason_of(early, run_of(tmp_path, design, epochs=3, loss="mse")) == ""
    text = run_of(tmp_path, "text", modality_dropout=0.3)
    assert reason_of(run_of(tmp_path, "latemean"), text) == ""
    assert "modality_dropout" in reason_of(
        early, run_of(tmp_path, "late", **text_of_late)
    )
    keep = run_of(tmp_path, "ridge", out_of_range="keep")
    assert reason_of(early, keep) == "out_of_range differs: clip and keep"


text_of_late = {"modality_dropout": 0.3}


def test_a_setting_is_used_only_if_its_condition_holds():
    for name, conditions in CONDITIONS.items():
        assert name in ALL
        used = {**ALL, **{other: values[0] for other, values in conditions.items()}}
        assert uses_setting("early", used, name)
        for other in conditions:
            assert not uses_setting("early", {**used, other: "none"}, name)


def test_different_hidden_units_for_equal_sizes_forbid_no_mark(tmp_path):
    early = run_of(tmp_path, "early", hidden=128, parameters=1000)
    late = run_of(tmp_path, "late", hidden=96, parameters=1100)
    found = contrast(ComparedRun.of(early), ComparedRun.of(late))
    assert found.reasons == ()
    assert found.remark == "hidden differs for equal sizes: 128 and 96"
    assert row_details([early, late]) == ["hidden=128", "hidden=96"]
    (table,) = collect(tmp_path, ReportContents(against="late"))
    assert table.comparisons[0].endswith("; hidden differs for equal sizes: 128 and 96")
    small = run_of(tmp_path, "late", hidden=96, parameters=100)
    assert reason_of(early, small) == "hidden differs: 128 and 96"
    again = run_of(tmp_path, "early", hidden=96, parameters=1000, name="b")
    assert reason_of(early, again) == "hidden differs: 128 and 96"


def test_a_setting_that_one_run_did_not_record_is_a_difference(tmp_path):
    early, text = run_of(tmp_path, "early"), run_of(tmp_path, "text")
    older = {k: v for k, v in ALL.items() if k != "batch"}
    info = dataclasses.replace(text.info, settings=older)
    text = dataclasses.replace(text, info=info)
    assert reason_of(early, text) == "batch differs: 512 and not recorded"
    assert row_details([early, text]) == ["batch=512", "batch not recorded"]


def test_different_training_rows_forbid_a_mark(tmp_path):
    early = run_of(tmp_path, "early", split_seed=0)
    text = run_of(tmp_path, "text", split_seed=1)
    assert reason_of(early, text) == ""  # of a protocol that leaves nothing to chance
    rows = [
        dataclasses.replace(row, part="train") if row.part == "validation" else row
        for row in fold_table.read_folds(text.path)
    ]
    moved = dataclasses.replace(text, folds=(*rows, FoldRow("5", "validation", "x")))
    assert reason_of(early, moved) == "split_seed differs: 0 and 1"
    same = run_of(tmp_path, "early", split_seed=1)
    assert reason_of(same, moved).startswith("2 utterances of the training and valid")


@pytest.mark.parametrize("fusion", DECISIONS)
def test_different_code_of_a_shared_design_forbids_a_mark(tmp_path, fusion):
    whole = "revision 1 of audio revision 1, text revision 1"
    both = run_of(tmp_path, fusion, code=whole)
    assert reason_of(both, run_of(tmp_path, "text", code="revision 1")) == ""
    edited = run_of(tmp_path, "text", code="code 0123456789ab")
    assert "the code of text differs" in reason_of(both, edited)
    text = run_of(tmp_path, "text", code="revision 1", name="b")
    assert reason_of(edited, text).startswith("the code of text differs: code 0123")


def diverge(folder):
    """Change the first prediction of a run to a value far outside the scale."""
    path = folder / "predictions.csv"
    head, first, *rest = path.read_text(encoding="utf-8").splitlines()
    cells = first.split(",")
    cells[-1] = "-36613"
    path.write_text("\n".join([head, ",".join(cells), *rest]) + "\n", encoding="utf-8")


def test_a_diverged_single_modality_is_not_the_rival(runs):
    diverge(runs / info_of("text").name)
    (table,) = collect(runs, ReportContents(against="text"))
    row = next(row for row in table.rows if row.design == "early")
    assert row.versus["all"].verdict == "not marked"
    assert "because 1 model of text diverged" in table.comparisons[0]
    shown = " ".join(render([table], "text").split())
    assert "Diverged: text: 1 of 2 models predicts far outside the scale" in shown


def test_rows_that_the_user_left_out_are_not_suggested_for_training(runs):
    (table,) = collect(runs, ReportContents(design=["early"]))
    assert table.comparisons == (
        "Some comparisons are missing, because rows are left out on request",
    )
    (table,) = collect(runs)
    assert not any("left out on request" in line for line in table.comparisons)


def test_ensembles_of_a_diverged_run_have_no_mark_either(runs):
    diverge(runs / info_of("early").name)
    (table,) = collect(runs, ReportContents(ensemble=True))
    rows = [row for row in table.rows if row.design == "early"]
    assert [row.members for row in rows] == [1, 2]
    for row in rows:
        assert "1 model of early diverged" in row.versus["all"].reason
    assert sum(note.startswith("Diverged: ") for note in table.notes) == 1


def test_a_row_and_its_ensemble_are_not_tested_against_each_other(runs):
    (table,) = collect(runs, ReportContents(ensemble=True, against="early"))
    row = next(r for r in table.rows if r.design == "early" and r.members > 1)
    assert row.versus["all"].reason == "both rows are of the same models"


def test_an_unused_setting_that_an_older_run_lacks_is_not_named(tmp_path):
    new = run_of(tmp_path, "early")
    old = dict(new.info.settings)
    del old["late_activation"], old["map"]
    info = dataclasses.replace(new.info, settings=old, name="old")
    save(tmp_path, info)
    found = row_details([new, read_run(tmp_path / "old")])
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
    assert [label.split(", ")[0] for label in row_details(runs)[:1]] == ["ema=0.99"]
    assert row_details(runs)[2].startswith("ema=0")
    assert reason_of(runs[0], runs[2]) == "ema differs: 0.99 and 0"
    assert reason_of(runs[1], runs[2]) == ""


def test_the_command_names_the_checkpoint_if_a_run_takes_a_part_of_its_cache():
    info = info_of("early", settings={"layers": "all"})
    assert rival_commands._takes_all(info, "audio")
    assert not rival_commands._takes_all(info, "text")  # the means alone
    narrowed = dataclasses.replace(info, settings={"layers": "audio=last"})
    assert not rival_commands._takes_all(narrowed, "audio")
