"""Sections of the page: their figures and sentences come from the files of runs."""

import base64
import dataclasses
import io
import json

import numpy as np
import pytest
import soundfile
from cli_calls import call, error_sentence
from html_pages import Page, draw_blank
from page_runs import history, rejection_curve, save_designs
from report_runs import info_of, save

from affuse.data.options.report_options import ReportContents
from affuse.data.runs.run_folder import ModelFolder, RunFolder
from affuse.data.runs.run_predictions import read_run
from affuse.data.system.work_log import log_work, read_work
from affuse.fuse.calibration import calibration_file, rejection
from affuse.fuse.commands.report_command import collect, render
from affuse.fuse.page.calibration_section import calibration_section
from affuse.fuse.page.contribution_section import contribution_section
from affuse.fuse.page.error_section import error_section
from affuse.fuse.page.learning_section import learning_section
from affuse.fuse.page.page_sections import report_figures
from affuse.fuse.page.provenance_section import provenance_section
from affuse.fuse.page.results_section import caveats_section, results_section
from affuse.fuse.page.robustness_section import robustness_section
from affuse.fuse.page.subgroup_section import subgroup_section
from affuse.fuse.robustness.ablation import Ablation
from affuse.fuse.robustness.modality_weights import WeightSummary
from affuse.fuse.scoring import metrics
from affuse.fuse.trained.training_history import LearningCurve


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr("affuse.fuse.reporting.comparisons.PERMUTATIONS", 99)
    draw_blank(monkeypatch)


@pytest.fixture
def folder(tmp_path):
    save_designs(tmp_path)
    return tmp_path


def table_of(folder, **contents):
    (table,) = collect(folder, ReportContents(**contents))
    return table


def texts(table):
    """Return the texts of a table of the page, with its heads first."""
    return [table.heads, *(tuple(cell.text for cell in row) for row in table.rows)]


def test_facts_count_utterances_speakers_and_seeds(folder):
    facts, *_ = caveats_section(table_of(folder)).tables
    found = dict(texts(facts)[1:])
    assert found["test utterances"] == "40"
    assert found["dialogues in the test parts"] == "20"
    assert (found["folds"], found["seeds"], found["trained runs"]) == ("1", "2", "3")


def test_runs_that_were_not_linted_are_named_with_the_command(folder):
    (missing,) = caveats_section(table_of(folder)).missing
    assert missing.command.startswith("python cli.py lint ")
    (folder / info_of("text").name / RunFolder.leaks).write_text(
        '{"ids": {"status": "ok"}, "overlap": {"status": "FAILS"}}', encoding="utf-8"
    )
    _, rules = caveats_section(table_of(folder)).tables
    assert texts(rules)[1] == ("text", "2", "FAILS: 1 (overlap); ok: 1")


def test_results_are_sorted_by_full_precision(folder):
    table = table_of(folder)
    first = results_section(table).tables[0]
    assert first.heads == ("design", "V", "A", "D", "mean")
    assert first.sortable
    row = next(row for row in table.rows if row.design == "early")
    (cells,) = (cells for cells in first.rows if cells[0].text == "early")
    assert cells[4].key == row.sections["all"].mean.value
    assert not first.is_number(0)
    assert first.is_number(4)


def test_learning_curves_show_the_best_epoch(folder):
    section = learning_section(table_of(folder))
    ((figure,),) = (group.figures for group in section.groups)
    assert "between epoch 3 and 3" in figure.description
    assert [row[2] for row in figure.rows if row[4]] == [3, 3]
    assert "text: no learning curve" in " ".join(section.sentences)
    history(folder / info_of("early").name, epochs=1)
    assert (
        "early was fitted in a single step."
        in learning_section(table_of(folder)).sentences
    )


def test_runs_of_a_single_step_are_one_sentence(folder, monkeypatch):
    curve = LearningCurve("5", "0", (1,), (0.3,))
    monkeypatch.setattr(
        "affuse.fuse.page.learning_section.read_curves", lambda _: [curve]
    )
    _, sentence = learning_section(table_of(folder)).sentences
    assert sentence == "audio, text, early were fitted in a single step."


def test_subgroups_have_the_figures_of_the_report(folder):
    section = subgroup_section(table_of(folder))
    by_kind, *others = section.tables
    assert by_kind.caption == "CCC by kind of sentence"
    asked = table_of(folder, by="speaker")
    assert others == []  # there is one speaker, and dialogues are no groups
    assert "speaker 5F" in asked.rows[0].sections
    scripted = next(r for r in texts(by_kind) if r[:2] == ("early", "scripted"))
    row = next(row for row in asked.rows if row.design == "early")
    value = row.sections["scripted"].mean.value
    assert scripted[5].startswith(f"{value:.3f}".lstrip("0"))
    assert any(s.startswith("Largest gap by kind of sen") for s in section.sentences)


def test_the_utterances_of_largest_error_are_named(folder):
    run = read_run(folder / info_of("early").name)
    p = run.predictions
    mean = (p.predicted[p.seed == 0] + p.predicted[p.seed == 1]) / 2
    distances = np.abs(mean - p.truth[p.seed == 0]).mean(axis=1)
    worst = p.id[p.seed == 0][distances.argmax()]
    section = error_section(table_of(folder))
    (table,) = (t for t in section.tables if t.caption.startswith("early"))
    rows = texts(table)
    assert rows[0] == (
        *("utterance", "fold", "speaker", "valence", "arousal", "dominance"),
        "distance",
    )
    assert rows[1][:3] == (worst, "5", "5F")
    assert rows[1][-1] == f"{distances.max():.3f}".lstrip("0")
    assert len(rows) == 6


def test_agreement_of_single_modalities_is_a_correlation(folder):
    section = contribution_section(table_of(folder))
    (table,) = section.tables
    text, audio = (
        read_run(folder / info_of(d).name).predictions for d in ("text", "audio")
    )
    means = [
        (p.predicted[p.seed == 0] + p.predicted[p.seed == 1]) / 2 for p in (text, audio)
    ]
    value = metrics.pearson(means[0][:, 0], means[1][:, 0])
    found = {row[1]: row[2] for row in texts(table)[1:]}
    assert found["valence"] == f"{value:.3f}".lstrip("0")
    assert "--cache cache" in section.missing[0].command


def test_contributions_and_layer_weights_are_shown(folder):
    figures = {"audio and text": (0.5, 0.4, 0.3), "audio only": (0.2, 0.3, 0.1)}
    ablation = Ablation(
        "early", ("valence", "arousal", "dominance"), figures, 1, 2, True, 0
    )
    model = RunFolder(folder / info_of("early").name).model("5", 0)
    model.path.mkdir(parents=True)
    ModelFolder(model.path).layers.write_text(
        "modality,rating,layer,weight\ntext,valence,0,0.25\ntext,valence,6,0.75\n",
        encoding="utf-8",
    )
    table = dataclasses.replace(table_of(folder), ablations=(ablation,))
    section = contribution_section(table)
    assert texts(section.tables[0])[2] == (
        "audio only",
        ".200",
        ".300",
        ".100",
        ".200",
        "-.200",
    )
    ((figure,),) = (group.figures for group in section.groups)
    assert figure.rows == [("valence", 0.0, 0.25), ("valence", 6.0, 0.75)]
    assert section.missing == ()
    assert section.sentences[0].startswith("permuted: ")


def test_contributions_have_the_names_of_the_rows(folder):
    run = info_of("early").name
    facts = (("valence",), {"both": (0.5,)}, 1, 1, True, 0)
    weights = {"audio": WeightSummary(0.4, 0.3, 0.5)}
    ablation = dataclasses.replace(Ablation(run, *facts), weights=weights)
    table = dataclasses.replace(table_of(folder), ablations=(ablation,))
    inputs, found, _ = contribution_section(table).tables
    assert inputs.caption == "CCC of early by its input"
    assert texts(found)[1][0] == "early"


def test_calibration_shows_coverage_and_rejection_curves(folder, monkeypatch):
    path = folder / info_of("early").name
    points = rejection_curve(path)
    assert rejection.read(path) == {"valence": tuple(points)}
    section = calibration_section(table_of(folder))
    assert len(section.missing) == 3
    assert section.missing[0].command.startswith("python cli.py calibrate ")
    monkeypatch.setattr(calibration_file, "read", lambda _: EmptyCalibration())
    monkeypatch.setattr(calibration_file, "read_scores", lambda _: {})
    section = calibration_section(table_of(folder))
    (figures,) = (group.figures for group in section.groups)
    assert [figure.rows for figure in figures] == [
        [("valence", 1.0, 0.5), ("valence", 0.5, 0.25)],
        [("valence", 1.0, 0.3), ("valence", 0.5, 0.3)],
    ]
    assert "hold 90% of the ratings" in section.tables[0].caption


class EmptyCalibration:
    level = 0.9


def test_a_damaged_rejection_curve_is_named(folder):
    path = folder / info_of("early").name
    rejection_curve(path)
    file = RunFolder(path).rejection
    file.write_text(file.read_text().replace("0.300000", "x"), encoding="utf-8")
    with pytest.raises(ValueError, match=r"rejection.csv, line 2: .*could not convert"):
        rejection.read(path)


def test_provenance_names_settings_versions_and_command(folder):
    runs, settings, versions = provenance_section(table_of(folder)).tables
    row = dict(zip(*texts(runs)[:2], strict=True))
    assert row["parameters"] == "1,234"
    assert "settings.toml" in row["command"]
    assert "--seeds 2" in row["command"]
    assert ("latent", "128", "128", "128") in texts(settings)
    assert texts(versions)[1:] == [("numpy", "2", "2", "2")]


def test_provenance_shows_device_and_time_of_each_step(folder):
    lacking = provenance_section(table_of(folder))
    assert any("not recorded by 3 folders" in s for s in lacking.sentences)
    assert "--cache cache" in lacking.missing[0].command
    log = RunFolder(folder / info_of("early").name).work
    with log_work("train", device="a <b>GPU</b>", unit="models") as clock:
        clock.count(log, 15)
    with log_work("train", device="a processor", unit="models") as clock:
        clock.count(log, 1)
        lines = log.read_text()
    log.write_text(lines)  # as if the second command was killed
    log.write_text(log.read_text() + "damaged\n")
    table = dataclasses.replace(
        table_of(folder), extractions={"toy audio-mini": read_work(log)}
    )
    section = provenance_section(table)
    assert section.missing == ()
    assert any("not recorded by 2 folders" in s for s in section.sentences)
    assert any("2 lines of work.jsonl cannot be read" in s for s in section.sentences)
    steps = texts(section.tables[1])
    assert [row[1] for row in steps[1:]] == [
        *["toy audio-mini"] * 2,
        *[info_of("early").name] * 2,
    ]
    assert [row[4] for row in steps[1:3]] == [
        "models: 15",
        "interrupted; models: 1 or more",
    ]
    assert steps[1][3] == "a <b>GPU</b>"


def test_json_has_device_and_time_of_each_run(folder):
    log = RunFolder(folder / info_of("early").name).work
    with log_work("train", device="a card", unit="models") as clock:
        clock.count(log, 15)
    (table,) = json.loads(render([table_of(folder)], "json"))["tables"]
    work = {r["design"]: r["run"]["work"] for r in table["rows"] if r["run"]}
    (step,) = work["early"]["steps"]
    assert (step["device"], step["amount"], step["finished"]) == ("a card", 15, True)
    assert work["text"] == {"steps": [], "unread": 0}
    log.unlink()
    log.mkdir()
    (table,) = json.loads(render([table_of(folder)], "json"))["tables"]
    work = {r["design"]: r["run"]["work"] for r in table["rows"] if r["run"]}
    assert work["early"] is None


def test_names_of_figures_are_unique_and_safe(tmp_path):
    for name, label in (("a", "../x"), ("b", "..\\x")):
        save(tmp_path, info_of("early", name=name, label=label, corpus="toy"))
    figures = [*report_figures(collect(tmp_path))]
    names = [figure.name for figure in figures]
    assert len(set(names)) == len(names) > 5
    assert not any(
        set(name) - set("abcdefghijklmnopqrstuvwxyz0123456789-") for name in names
    )


def test_points_of_a_figure_are_the_predictions(folder):
    table = table_of(folder)
    figures = {figure.name: figure for figure in report_figures([table])}
    (name,) = (n for n in figures if n.endswith("early-arousal"))
    p = read_run(folder / info_of("early").name).predictions
    assert figures[name].rows == list(
        zip(p.id, p.fold, p.seed, p.truth[:, 1], p.predicted[:, 1], strict=True)
    )
    value = next(r for r in table.rows if r.design == "early").sections["all"]
    shown = f"{value.ratings['arousal'].value:.3f}".lstrip("0")
    assert figures[name].title.startswith(f"arousal: CCC {shown} = r ")


def test_transcripts_stand_beside_the_largest_errors_on_request(folder, tmp_path):
    section = error_section(table_of(folder))
    assert "--transcripts texts.csv" in section.missing[0].command
    assert "--sound ROOT" in section.missing[1].command
    assert "ROOT is the folder of the corpus" in section.missing[1].sentence
    ids = {row[0] for each in section.tables for row in texts(each)[1:]}
    table = tmp_path / "utterances.csv"
    lines = ["id,text", *(f"{name},<b>{name}</b>" for name in ids)]
    table.write_text("\n".join(lines), encoding="utf-8")
    words = ("--output", tmp_path / "a.html", "--transcripts", table)
    done = call("report", "--runs", folder, "--format", "html", *words)
    assert done.exit_code == 0, done.output
    page = Page((tmp_path / "a.html").read_text(encoding="utf-8"))
    assert {f"<b>{name}</b>" for name in ids} <= set(page.text("td"))
    assert page.all("b") == []
    assert any("licence of a corpus" in text for text in page.text("li"))


@pytest.fixture
def heard(folder, tmp_path):
    """A table with a tone of 0.5 s for each utterance but one; and the ids."""
    tables = error_section(table_of(folder)).tables
    ids = sorted({row[0] for each in tables for row in texts(each)[1:]})
    rate, corpus = 8000, tmp_path / "corpus"
    corpus.mkdir()
    tone = 0.5 * np.sin(np.arange(30 * rate) / 5)
    soundfile.write(corpus / "tone.wav", tone, rate)
    lines = ["id,text,audio,start,end"]
    lines += [f"{name},a,tone.wav,{k / 2},{k / 2 + 0.5}" for k, name in enumerate(ids)]
    (tmp_path / "table.csv").write_text("\n".join(lines), encoding="utf-8")
    return tmp_path / "table.csv", corpus, ids


def page_with_sound(folder, table, corpus, output):
    """Return the result of the command, and the recordings by their labels."""
    words = ("--transcripts", table, "--sound", corpus, "--output", output)
    done = call("report", "--runs", folder, "--format", "html", *words)
    page = Page(output.read_text(encoding="utf-8"))
    sounds = {a["aria-label"]: a["src"].partition(",")[2] for a in page.all("audio")}
    return done, {name: base64.b64decode(data) for name, data in sounds.items()}


def test_recordings_are_played_beside_the_largest_errors(folder, heard, tmp_path):
    table, corpus, ids = heard
    done, sounds = page_with_sound(folder, table, corpus, tmp_path / "a.html")
    assert done.exit_code == 0, done.output
    assert set(sounds) == {f"Recording of {name}" for name in ids}
    for file in sounds.values():
        info = soundfile.info(io.BytesIO(file))
        assert (info.format, info.samplerate, info.channels) == ("OGG", 16000, 1)
        assert info.duration == pytest.approx(0.5, abs=0.01)


def test_a_long_recording_is_cut_to_twenty_seconds(folder, heard, tmp_path):
    table, corpus, ids = heard
    lines = ["id,text,audio,start,end", *(f"{name},a,tone.wav,," for name in ids)]
    table.write_text("\n".join(lines), encoding="utf-8")
    _, sounds = page_with_sound(folder, table, corpus, tmp_path / "a.html")
    durations = {soundfile.info(io.BytesIO(f)).duration for f in sounds.values()}
    assert durations == {20.0}


@pytest.mark.parametrize(
    ("audio", "reason"),
    [
        ("", "the table names no recording"),
        ("gone.wav", "gone.wav"),
        ("../table.csv", "is outside the folder"),
        ("broken.wav", "broken.wav"),
    ],
)
def test_a_missing_recording_is_named_and_others_are_played(
    folder, heard, tmp_path, audio, reason
):
    table, corpus, ids = heard
    (corpus / "broken.wav").write_text("no sound")
    text = table.read_text(encoding="utf-8")
    table.write_text(text.replace("tone.wav", audio, 1), encoding="utf-8")
    done, sounds = page_with_sound(folder, table, corpus, tmp_path / "a.html")
    assert done.exit_code == 1
    assert reason in done.stderr
    assert len(sounds) == len(ids) - 1


def test_many_missing_recordings_are_counted(folder, heard, tmp_path):
    table, _, ids = heard
    (tmp_path / "other").mkdir()
    done, sounds = page_with_sound(folder, table, tmp_path / "other", tmp_path / "a")
    assert done.exit_code == 1
    assert sounds == {}
    assert done.stderr.count("no recording of '") == 3
    assert f"no recording of {len(ids) - 3} more utterances either" in done.stderr


@pytest.mark.parametrize("kept", [0, 1])
def test_transcripts_of_other_utterances_are_counted(folder, heard, tmp_path, kept):
    table, _, ids = heard
    rows = [*(f"{name},a" for name in ids[:kept]), "elsewhere,a"]
    table.write_text("\n".join(["id,text", *rows]), encoding="utf-8")
    words = ("--output", tmp_path / "a.html", "--transcripts", table)
    done = call("report", "--runs", folder, "--format", "html", *words)
    assert done.exit_code == 1
    assert "table.csv has no row for " in done.stderr
    assert "utterances with the largest errors, the first '" in done.stderr


def test_a_table_of_transcripts_may_begin_with_a_byte_order_mark(
    folder, heard, tmp_path
):
    table, _, _ = heard
    table.write_bytes(b"\xef\xbb\xbf" + table.read_bytes())
    words = ("--output", tmp_path / "a.html", "--transcripts", table)
    done = call("report", "--runs", folder, "--format", "html", *words)
    assert done.exit_code == 0, done.output


def test_a_missing_table_of_transcripts_is_one_sentence(folder, tmp_path):
    words = ("--format", "html", "--transcripts", tmp_path / "gone.csv")
    sentence = error_sentence(call("report", "--runs", folder, *words))
    assert "gone.csv not found; write it with: " in sentence


def test_recordings_that_take_too_much_room_are_counted(
    folder, heard, tmp_path, monkeypatch
):
    table, corpus, ids = heard
    monkeypatch.setattr("affuse.fuse.page.sound_clips.MOST_BYTES", 12_000)
    done, sounds = page_with_sound(folder, table, corpus, tmp_path / "a.html")
    assert 0 < sum(map(len, sounds.values())) <= 12_000
    assert f"{len(ids) - len(sounds)} recording" in done.stderr
    assert "left out of the page" in done.stderr


def test_sound_needs_the_table_of_the_corpus(folder, tmp_path):
    words = ("--format", "html", "--sound", tmp_path)
    done = call("report", "--runs", folder, *words)
    assert "--transcripts" in error_sentence(done, status=2)


def test_another_table_is_refused_as_transcripts(folder, tmp_path):
    table = tmp_path / "table.csv"
    table.write_text("file,text\n1,2\n", encoding="utf-8")
    words = ("--format", "html", "--transcripts", table)
    done = call("report", "--runs", folder, *words)
    sentence = error_sentence(done)
    assert "line 1: it has no columns id and text; write it with: " in sentence
    assert sentence.count("write it with") == 1


def test_groups_by_duration_need_the_cache(folder):
    section = subgroup_section(table_of(folder))
    (missing,) = section.missing
    assert "--cache" in missing.command
    assert not any("duration" in found.caption for found in section.tables)


def test_groups_by_duration_hold_all_utterances_once(folder):
    table = table_of(folder)
    ids = sorted(set(table.sources.parts[0]["all"].predictions.id.tolist()))
    seconds = {id_: 1 + k / 10 for k, id_ in enumerate(ids)}
    section = subgroup_section(dataclasses.replace(table, durations=seconds))
    assert section.missing == ()
    (found,) = (t for t in section.tables if t.caption == "CCC by duration")
    heads, *lines = texts(found)
    place = heads.index("utterances")
    counts = [int(line[place]) for line in lines if line[0] == "early"]
    assert len(counts) == 4
    assert sum(counts) == 40
    assert any(s.startswith("Largest gap by duration") for s in section.sentences)
    assert not any("dash" in sentence for sentence in section.sentences)
    alone = {**dict.fromkeys(ids, 3.0), **dict.fromkeys(ids[:21], 1.1), ids[0]: 1.0}
    section = subgroup_section(dataclasses.replace(table, durations=alone))
    assert section.sentences[-1].startswith("A dash stands for a CCC that is undefined")


def test_weights_of_gates_are_a_table(folder):
    weights = {"audio": WeightSummary(0.4, 0.3, 0.5)}
    ablation = Ablation("gated", ("valence",), {"both": (0.5,)}, 1, 1, True, 0)
    ablation = dataclasses.replace(ablation, weights=weights)
    table = dataclasses.replace(table_of(folder), ablations=(ablation,))
    (found,) = (
        t for t in contribution_section(table).tables if t.caption.startswith("Weights")
    )
    assert texts(found)[1] == ("gated", "audio", ".400", ".300", ".500")
    sentences = contribution_section(table).sentences
    assert not any("weights" in each for each in sentences)  # of which design?


def test_many_runs_without_a_file_are_one_sentence(tmp_path):
    names = ("text", "audio", "early", "late")
    save_designs(tmp_path, names)
    table = table_of(tmp_path)
    for section in (calibration_section(table), robustness_section(table)):
        (missing,) = section.missing
        assert missing.sentence.startswith("Each of these 4 runs was not ")
        assert all(name in missing.sentence for name in names)
        commands = (missing.command, *missing.others)
        assert len(commands) == 4
        for name, command in zip(sorted(names), sorted(commands), strict=True):
            assert info_of(name).name in command
