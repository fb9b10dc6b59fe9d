import csv
import dataclasses
import io
import json
import re
import shlex

import numpy as np
import pytest
from click.testing import CliRunner
from html_pages import draw_blank
from report_runs import AUDIO, SPEAKERS, TEXT, example, info_of, save, text_of
from report_runs import runs as runs
from small_caches import remove_from_manifests

from affuse import cli
from affuse.data import plugins
from affuse.data.options.report_options import ReportContents
from affuse.data.options.training_options import Train
from affuse.data.plugin_kinds import FORMAT_KIND
from affuse.data.rating_scales import RATINGS
from affuse.data.runs import fold_table
from affuse.data.runs import run_predictions as p
from affuse.data.runs.run_folder import RunFolder
from affuse.fuse.commands.report_command import collect, render
from affuse.fuse.reporting.blocks import WIDTH
from affuse.fuse.reporting.published_figures import TABLE
from affuse.fuse.reporting.row_labels import describe, row_details
from affuse.fuse.reporting.sections import sections, subset
from affuse.fuse.scoring import metrics
from affuse.fuse.scoring.paired_tests import holm, paired_difference, permutation_test
from affuse.fuse.scoring.statistics import estimate

PERMUTATIONS = 999


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Use 999 permutations in significance tests, and blank figures, to save time."""
    draw_blank(monkeypatch)
    monkeypatch.setattr("affuse.fuse.reporting.comparisons.PERMUTATIONS", PERMUTATIONS)


def test_figures_are_the_ccc_of_the_predictions(runs):
    content = json.loads(render(collect(runs), "json"))
    rows = {row["design"]: row for row in content["tables"][0]["rows"]}
    run = p.read_run(runs / info_of("early").name)
    scripted = np.array(["0" in i for i in run.predictions.id.tolist()])
    everything = np.ones_like(scripted)
    chosen = {"all": everything, "scripted": scripted, "improvised": ~scripted}
    for section, mask in chosen.items():
        found = rows["early"]["sections"][section]
        for k, name in enumerate(RATINGS):
            each = [
                metrics.ccc(
                    run.predictions.truth[mask & (run.predictions.seed == seed), k],
                    run.predictions.predicted[mask & (run.predictions.seed == seed), k],
                )
                for seed in (0, 1)
            ]
            interval = found["ccc"][name]
            assert interval["value"] == pytest.approx(np.mean(each), abs=1e-12)
            assert interval["low"] < interval["value"] < interval["high"]
        assert found["utterances"] == mask.sum() / 2
    assert rows["early"]["run"]["settings"] == {"latent": 128, "seeds": [0, 1]}
    assert rows["early"]["run"]["versions"] == {"numpy": "2"}


def test_rows_are_sorted_by_kind_of_design(tmp_path):
    for design in ("zeta", "late", "attention", "text", "ridge", "zeroshot", "early"):
        save(tmp_path, info_of(design, corpus="toy"))
    (table,) = collect(tmp_path)
    found = [row.design for row in table.rows]
    start = ["ridge", "zeroshot", "text", "early", "late"]
    assert found == [*start, "attention", "zeta"]


def test_fusion_is_compared_with_the_best_single_modality(runs):
    (table,) = collect(runs)
    pair = [p.read_run(runs / info_of(design).name) for design in ("early", "text")]
    found = {row.design: row for row in table.rows if row.info}
    versus = found["early"].versus["all"]
    assert (versus.name, versus.difference) == ("text", paired_difference(*pair))
    assert versus.p == permutation_test(*pair, permutations=PERMUTATIONS)
    assert not found["text"].versus
    assert [line.partition(": +")[0] for line in table.comparisons] == [
        f"{section}{design} - text"
        for section in ("", "improvised: ", "scripted: ")
        for design in ("early", "late")
    ]
    verdicts = [line.rpartition(", ")[2] for line in table.comparisons]
    assert verdicts[:2] == ["better", "better"]


def test_the_difference_of_a_section_is_on_its_utterances_only(runs):
    (table,) = collect(runs)
    pair = [p.read_run(runs / info_of(design).name) for design in ("early", "text")]
    apart = [subset(run, lambda row: row.scripted is False) for run in pair]
    row = next(row for row in table.rows if row.design == "early")
    assert row.versus["improvised"].difference == paired_difference(*apart)


@pytest.mark.parametrize(
    ("gain", "verdict"), [(0.5, "not told apart"), (0.05, "worse")]
)
def test_the_verdict_depends_on_the_difference(runs, gain, verdict):
    save(runs, info_of("early"), gain=gain)
    (table,) = collect(runs)
    assert table.comparisons[0].endswith(verdict)


def test_significant_differences_have_a_mark(runs):
    (table,) = collect(runs)
    found = {row.name: row for row in table.rows if row.info}
    assert found["late"].versus["all"].adjusted < 0.05
    shown = text_of(runs)
    assert re.search(r"^late .*\]\*$", shown, flags=re.MULTILINE)
    assert re.search(r"^text .*\]$", shown, flags=re.MULTILINE)
    assert "adjusted by Holm over 6 comparisons" in " ".join(shown.split())
    assert r"\*" in render([table], "markdown")


def test_p_is_adjusted_over_all_sections_of_a_table(runs):
    (table,) = collect(runs)
    every = [v for row in table.rows for v in row.versus.values()]
    assert len(every) == 6
    assert [v.adjusted for v in every] == pytest.approx(holm([v.p for v in every]))


def test_against_compares_every_row_with_the_named_one(runs):
    (table,) = collect(runs, ReportContents(against="late"))
    found = {row.name: row.versus for row in table.rows if row.info}
    assert {v.name for versus in found.values() for v in versus.values()} == {"late"}
    assert set(found["audio"]) == {"all", "improvised", "scripted"}
    assert found["late"] == {}
    assert found["audio"]["all"].verdict == "worse"
    for format in ("text", "markdown"):
        assert "\N{DAGGER}" in render([table], format)
    assert r"\textdagger{}" in render([table], "latex")


def test_an_unknown_or_ambiguous_row_for_against_is_refused(runs):
    with pytest.raises(ValueError, match="no row 'x'; there are audio, early, late"):
        collect(runs, ReportContents(against="x"))
    save(runs, info_of("late", name="b", settings={"latent": 64}))
    with pytest.raises(ValueError, match=r"against one of 'late \(latent=64\)', 'late"):
        collect(runs, ReportContents(against="late"))
    (table,) = collect(runs, ReportContents(against="late (latent=64)"))
    assert {v.name for r in table.rows for v in r.versus.values()} == {
        "late (latent=64)"
    }


def test_pairs_compares_every_two_rows(runs):
    save(runs, info_of("ridge"), n=39)
    (table,) = collect(runs, ReportContents(pairs=True))
    found = {(pair.a, pair.b): pair.versus for pair in table.pairs}
    assert len(found) == 10
    assert found["ridge", "late"] is None
    scored = [v for v in found.values() if v]
    assert [v.adjusted for v in scored] == pytest.approx(holm([v.p for v in scored]))
    first, second = (p.read_run(runs / info_of(d).name) for d in ("audio", "late"))
    assert found["audio", "late"].difference == paired_difference(first, second)
    shown = text_of(runs, pairs=True)
    assert "after Holm's correction for 6 pairs" in " ".join(shown.split())
    assert re.search(r"^2 audio +- +-\.\d+", shown, flags=re.MULTILINE)
    content = json.loads(render([table], "json"))["tables"][0]["pairs"]
    assert content[-1]["p_holm"] == found["early", "late"].adjusted
    lines = list(csv.DictReader(io.StringIO(render([table], "csv"), newline="")))
    pairs = [line for line in lines if line["section"] == "pairs"]
    assert (pairs[-1]["design"], pairs[-1]["versus"]) == ("early", "late")
    assert float(pairs[-1]["p"]) == found["early", "late"].p


@pytest.mark.parametrize("format", ["text", "markdown", "latex"])
def test_split_shows_the_factors_of_the_ccc(runs, format):
    (table,) = collect(runs, ReportContents(split=True))
    row = next(row for row in table.rows if row.design == "early")
    part = row.sections["all"].parts["valence"]
    cell = f"{part.scale:.2f}".lstrip("0")
    found = render([table], format)
    lines = [line for line in found.splitlines() if "early" in line]
    assert any(cell in re.split(r"[ |&]+", line) for line in lines)
    assert "V Cb" in found
    assert "V Cb" not in render(collect(runs), format)


def test_a_footnote_names_the_unit_and_utterances_without_one(runs, tmp_path):
    assert "jackknife over 20 dialogues and seeds" in text_of(runs)
    assert "jackknife over 40 utterances" in text_of(runs, unit="utterance")
    assert "has only one speaker" in text_of(runs, unit="speaker")
    save(tmp_path / "b", info_of("text"), speakers=dict.fromkeys(SPEAKERS, ""))
    found = text_of(tmp_path / "b", unit="speaker")
    assert "The unit is the utterance, because no speaker is known" in " ".join(
        found.split()
    )


def test_footnotes_warn_of_few_dialogues_and_a_single_seed(tmp_path):
    for design in ("text", "early"):
        save(tmp_path, info_of(design), n=8, seeds=1, known=False)
    found = " ".join(text_of(tmp_path).split())
    assert "Only 4 dialogues in a fold: the intervals are wide" in found
    assert (
        "4 dialogues allow no p much below .125. So after Holm's correction for"
        in found
    )
    assert "One seed: intervals and p are of the trained models" in found
    save(tmp_path / "b", info_of("ridge"), seeds=1)
    assert "One seed" not in text_of(tmp_path / "b")


def test_by_scores_groups_separately(runs):
    folder = runs / info_of("early").name
    rows = [
        dataclasses.replace(row, sex="FM"[k % 2], session="1")
        for k, row in enumerate(fold_table.read_folds(folder))
    ]
    fold_table.write_folds(folder, rows)
    (table,) = collect(runs, ReportContents(by="gender"))
    row = next(row for row in table.rows if row.design == "early")
    assert list(row.sections)[-2:] == ["gender F", "gender M"]
    wanted = subset(p.read_run(folder), lambda row: row.sex == "F")
    assert row.sections["gender F"] == estimate(wanted)
    assert "gender F" not in row.versus
    assert text_of(runs, by="speaker").count("\nspeaker 5F: 40 test utterances") == 1
    with pytest.raises(ValueError, match="no groups by 'age': choose from gender, sp"):
        collect(runs, ReportContents(by="age"))


def test_a_footnote_says_that_groups_are_unknown(runs):
    assert "No session is known, so there are no groups by session" in text_of(
        runs, by="session"
    )


def test_new_sentences_are_a_section_if_the_run_records_them(runs):
    assert "new sentences" not in text_of(runs)
    run = p.read_run(runs / info_of("early").name)
    ids = sorted(set(run.predictions.id.tolist()))
    lines = [f"5,{id_},{k % 4 // 3}\n" for k, id_ in enumerate(ids)]
    path = run.path / "sentences.csv"
    path.write_text("fold,id,seen\n" + "".join(lines), encoding="utf-8")
    assert "\nnew sentences: 30 test utterances" in text_of(runs)
    path.write_text("fold,id,seen\n5,a,yes\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"sentences.csv, line 2: seen must be 1 or 0"):
        sections(run)


def test_a_section_of_few_utterances_is_neither_scored_nor_compared(runs):
    before = {r.design: len(r.versus) for r in collect(runs)[0].rows}
    for design in ("early", "late", "audio", "text"):
        run = p.read_run(runs / info_of(design).name)
        ids = sorted(set(run.predictions.id.tolist()))
        lines = [f"5,{id_},{int(k > 1)}\n" for k, id_ in enumerate(ids)]
        path = run.path / "sentences.csv"
        path.write_text("fold,id,seen\n" + "".join(lines), encoding="utf-8")
    (table,) = collect(runs)
    assert all("new sentences" not in row.sections for row in table.rows)
    assert {r.design: len(r.versus) for r in table.rows} == before
    note = (
        "Not scored separately, because a fold has fewer than 10 such test utterances: "
        "new sentences (2 in fold '5')"
    )
    assert table.notes.count(note) == 1
    (recurring,) = [n for n in table.notes if n.startswith("Sentences: those of")]
    assert f"{len(ids) - 2} of {len(ids)} test utterances are in training" in recurring


def test_recurring_sentences_are_named_if_none_is_new(runs):
    run = p.read_run(runs / info_of("early").name)
    ids = sorted(set(run.predictions.id.tolist()))
    path = run.path / "sentences.csv"
    path.write_text(
        "fold,id,seen\n" + "".join(f"5,{id_},1\n" for id_ in ids), encoding="utf-8"
    )
    assert f"Sentences: those of {len(ids)} of {len(ids)} test" in text_of(runs)


def test_few_recurring_sentences_in_small_folds_have_no_footnote(runs):
    run = p.read_run(runs / info_of("early").name)
    rows = [row for row in run.folds if row.part == "test"]
    lines = [f"{row.fold},{row.id},{int(k == 0)}\n" for k, row in enumerate(rows[:9])]
    lines += [f"{row.fold},other {row.id},0\n" for row in rows[9:]]
    path = run.path / "sentences.csv"
    path.write_text("fold,id,seen\n" + "".join(lines), encoding="utf-8")
    assert len(rows) > 10
    assert "Sentences: those of" not in text_of(runs)


def test_a_damaged_run_is_named_and_the_others_are_shown(runs):
    damaged = []
    path = runs / info_of("late").name / "predictions.csv"
    path.write_text("id\n", encoding="utf-8")
    (runs / info_of("audio").name / "folds.csv").unlink()
    (table,) = collect(runs, damaged=damaged.append)
    assert [row.design for row in table.rows if row.info] == ["text", "early"]
    assert len(damaged) == 2
    assert re.match(r"damaged, so not shown: .*audio.*folds.csv not found", damaged[0])
    assert re.match(r"damaged, so not shown: .*late.*has columns 'id'", damaged[1])


@pytest.mark.parametrize("format", ["text", "markdown", "json", "latex"])
def test_a_footnote_names_a_run_that_fails_the_linter(runs, format):
    facts = {"speakers": {"status": "FAILS"}, "ids": {"status": "ok"}}
    for design, found in {"late": facts, "early": {"ids": facts["ids"]}}.items():
        path = runs / info_of(design).name / RunFolder.leaks
        path.write_text(json.dumps(found), encoding="utf-8")
    said = " ".join(render(collect(runs), format).split())
    assert "Leak: late fails the linter (speakers) and is not" in said
    assert said.count("Leak: ") == 1


@pytest.mark.parametrize("content", ["{", "[]", '{"speakers": 1}'])
def test_a_damaged_lint_file_is_named(runs, content):
    path = runs / info_of("late").name / RunFolder.leaks
    path.write_text(content, encoding="utf-8")
    damaged = []
    collect(runs, damaged=damaged.append)
    assert f"{path} is damaged: " in damaged[0]
    assert damaged[0].endswith("; delete it and repeat the train command")


def test_the_exit_status_is_1_if_a_run_is_damaged(runs):
    words = ["report", "--runs", str(runs)]
    assert CliRunner().invoke(cli.main, words).exit_code == 0
    (runs / info_of("late").name / "run.json").write_text("{")
    result = CliRunner().invoke(cli.main, [*words, "--unit", "dialogue", "--pairs"])
    assert result.exit_code == 1
    assert "\nearly " in result.stdout
    assert "late" in result.stderr


def test_a_report_without_any_readable_run_is_an_error(tmp_path):
    save(tmp_path, info_of("late"))
    (tmp_path / info_of("late").name / "run.json").write_text("{")
    with pytest.raises(ValueError, match="run.json is damaged: it ends too early"):
        collect(tmp_path)


def test_fusion_without_single_modalities_has_a_hint_to_train_them(tmp_path):
    save(tmp_path, info_of("early"))
    said = " ".join(text_of(tmp_path).split())
    assert "Train audio and text on the same cache: python cli.py train" in said
    (table,) = collect(tmp_path)
    (hint,) = (c for c in table.comparisons if "No row of a single" in c)
    words = shlex.split(hint.partition("train ")[2])
    made = Train(**cli.train.make_context("train", words).params)
    assert (made.designs, made.corpus) == (("audio", "text"), "iemocap")
    assert (made.audio, made.text, made.runs) == (("hub/w2v2",), ("bert",), tmp_path)


def test_rows_on_different_utterances_are_named_and_not_compared(runs):
    save(runs, info_of("early"), n=39)
    found = text_of(runs)
    assert "early - text: not compared, because they were scored on other" in found
    assert "Not on the same utterances: audio 40, text 40, early 39, late 40" in found
    assert re.search(r"^early .* 39$", found, flags=re.MULTILINE)


def test_rows_on_other_ratings_of_the_same_utterances_are_named(runs):
    assert "Not on the same ratings" not in text_of(runs)
    path = RunFolder(runs / info_of("early").name).predictions
    done = p.read_predictions(path, RATINGS)
    truth = done.truth.copy()
    truth[done.id == "d00_00", 0] *= -1
    remove_from_manifests(path)
    p.write_predictions(path, dataclasses.replace(done, truth=truth), info_of("early"))
    found = " ".join(text_of(runs).split())
    assert (
        "Not on the same ratings as audio: early (valence of 1 utterance); do" in found
    )


def test_published_rows_are_added_for_human_ratings_of_iemocap_only(runs):
    found = text_of(runs)
    assert "Messaoudi, Boughrara, Lachiri" in found
    assert "\npublished\n" in found
    content = json.loads(render(collect(runs), "json"))["tables"][0]
    rows = [row for row in content["rows"] if row["published"]]
    assert len(rows) == len(TABLE)
    best = rows[3]["sections"]["published"]["ccc"]
    assert [best[name]["value"] for name in RATINGS] == [0.808, 0.719, 0.635]
    assert best["mean"]["low"] is None


@pytest.mark.parametrize("format", plugins.names(FORMAT_KIND))
@pytest.mark.parametrize(
    ("corpus", "nature"),
    [("iemocap", "synthetic"), ("emodb", "proxy"), ("msp_podcast", "human")],
)
def test_every_format_names_the_kind_of_ratings(tmp_path, format, corpus, nature):
    save(tmp_path, info_of("early", corpus=corpus, nature=nature))
    found = render(collect(tmp_path), format)
    assert nature in found
    assert "Messaoudi" not in found
    assert ".808" not in found
    assert found.endswith("\n")


@pytest.mark.parametrize("format", plugins.names(FORMAT_KIND))
def test_every_format_names_corpus_protocol_encoders_and_speakers(runs, format):
    found = render(collect(runs), format)
    for words in ("iemocap", "session5", "hub/w2v2", "bert", "mean+std"):
        assert words in found
    assert re.search("no speaker is in two parts|shared_speakers", found)


def test_each_kind_of_ratings_has_a_separate_table(tmp_path):
    save(tmp_path, info_of("early"))
    save(tmp_path, info_of("late", nature="synthetic"))
    assert [table.nature for table in collect(tmp_path)] == ["human", "synthetic"]


@pytest.mark.parametrize(
    ("speakers", "sentence"),
    [
        (SPEAKERS, "no speaker is in two parts of a fold"),
        ({**SPEAKERS, "validation": "1F"}, "shared between training and validation\n"),
        ({**SPEAKERS, "test": "1F"}, "training and test; not a speaker-independent"),
        (dict.fromkeys(SPEAKERS, ""), "unknown, so parts may share speakers"),
    ],
)
def test_a_footnote_names_parts_that_share_speakers(tmp_path, speakers, sentence):
    save(tmp_path, info_of("text"), speakers=speakers)
    assert sentence in text_of(tmp_path)


def test_labels_of_one_design_name_the_settings_that_differ(tmp_path):
    def one(digest, label="", **settings):
        name = f"iemocap-early-session5-{digest}"
        found = {"latent": 128, "optimiser": {"rate": 0.001}, **settings}
        save(tmp_path, info_of("early", name=name, label=label, settings=found))

    one("a0", seeds=[0])
    one("b0", latent=64, seeds=[0, 1])
    one("c0", optimiser={"rate": 1e-4}, device="cuda")
    one("d0", label="paper")
    (table,) = collect(tmp_path)
    names = [row.name for row in table.rows if row.info]
    assert names == [
        "early (latent=64, optimiser.rate=0.001)",
        "early (latent=128, optimiser.rate=0.0001)",
        "early (latent=128, optimiser.rate=0.001)",
        "early (paper, latent=128, optimiser.rate=0.001)",
    ]


@pytest.mark.parametrize("format", plugins.names(FORMAT_KIND))
@pytest.mark.parametrize(
    ("checkpoint", "caution"),
    [("mini", "no substitute for the default checkpoints"), ("tiny", "mean nothing")],
)
def test_footnotes_warn_of_small_and_random_encoders(
    tmp_path, format, checkpoint, caution
):
    info = info_of("text", encoders={"text": {**TEXT, "checkpoint": checkpoint}})
    save(tmp_path, info)
    shown = " ".join(render(collect(tmp_path), format).split())
    assert checkpoint in shown
    assert format == "csv" or caution in shown  # CSV has no footnotes
    save(tmp_path, info_of("text"))
    others = collect(tmp_path, ReportContents(corpus="iemocap"))
    assert (
        len([note for table in others for note in table.notes if caution in note]) == 0
    )


def test_labels_name_encoders_that_differ():
    def one(digest, **encoder):
        info = info_of("early", name=f"x-{digest}")
        both = {"audio": {**AUDIO, **encoder}, "text": TEXT}
        return p.Run(None, dataclasses.replace(info, encoders=both), None, ())

    found = row_details([one("a"), one("b", checkpoint="hub/large", layers=[1, 2, 3])])
    assert found == ["w2v2, audio layer 12", "large, audio layers 1-3"]
    assert row_details([one("a"), one("b")]) == [
        "a",
        "b",
    ]  # the digest, as a last resort
    assert row_details([one("a")]) == [""]


def test_labels_of_baselines_name_their_modalities_if_they_differ():
    both = info_of("ridge", name="x-a")
    one = dataclasses.replace(both, name="x-b", encoders={"text": TEXT})
    found = row_details([p.Run(None, info, None, ()) for info in (both, one)])
    assert found == ["audio+text", "text"]


def test_an_encoder_is_described_in_words():
    found = describe("audio", {**AUDIO, "layers": [3, 6]})
    assert found == "audio: hub/w2v2, layers 3, 6, mean pooling"


def test_a_rating_the_corpus_lacks_has_no_column(tmp_path):
    save(tmp_path, info_of("early", corpus="toy", targets=RATINGS[:2]))
    found = text_of(tmp_path)
    assert re.search(r"^design +V +A +mean$", found, flags=re.MULTILINE)


def test_scripted_and_improvised_are_no_sections_if_unknown(tmp_path):
    save(tmp_path, info_of("early", corpus="toy"), known=False)
    (table,) = collect(tmp_path)
    assert list(table.rows[0].sections) == ["all"]


def test_an_unknown_interval_is_left_out(tmp_path):
    save(tmp_path, info_of("early", corpus="toy"), n=2)
    found = text_of(tmp_path)
    assert "Intervals: unknown, because a fold has only one dialogue" in found
    assert "[" not in found


def test_corpus_and_protocol_select_tables(runs):
    save(runs, info_of("early", name="a", corpus="toy", protocol="loso"))
    assert len(collect(runs)) == 2
    assert [t.corpus for t in collect(runs, ReportContents(corpus="toy"))] == ["toy"]
    assert [t.corpus for t in collect(runs, ReportContents(protocol="session5"))] == [
        "iemocap"
    ]
    with pytest.raises(ValueError, match=r"there are iemocap \(session5\), toy \(loso"):
        collect(runs, ReportContents(corpus="iemocap", protocol="loso"))


def test_without_a_run_the_error_names_a_training_command(tmp_path):
    with pytest.raises(ValueError, match="python cli.py train --fusion early"):
        collect(tmp_path / "runs")


def test_an_unknown_format_lists_the_choices(runs):
    with pytest.raises(ValueError, match="csv, html, json, latex, markdown, text"):
        render(collect(runs), "docx")


def test_text_format_of_an_example():
    expected = """\
CCC on iemocap (synthetic data), protocol session5
==================================================

all: 2,170 test utterances, 1 fold
----------------------------------------------------------------------------------------
design        V                 A                  D              mean             seeds
ridge      .204 [.17, .23]  -.010 [-.04, .02]   .442 [.41, .47]   .396 [.36, .42]      1
early (a)  .732 [.70, .76]   .730 [.70, .76]   1.000 [.97, 1.03]  .691 [.66, .72]      5

scripted: 1,000 test utterances, 1 fold
----------------------------------------------------------------------------------------
design        V                 A                  D              mean             seeds
early (a)  .800 [.77, .83]   .700 [.67, .73]    .600 [.57, .63]   .700 [.67, .73]      5

early - text: +.043 [+.020, +.066], better

text: bert, layer 6, mean pooling

Speakers: shared between training and validation
"""
    assert render([example("a")], "text") == expected


def test_the_detail_of_a_long_name_is_on_a_separate_line():
    lines = render([example("a detail of more than twenty letters")], "text")
    assert "\nearly  .732 [.70, .76]" in lines
    assert "\n  (a detail of more than twenty letters)\n" in lines


def test_text_lines_fit_the_default_width(runs):
    for line in text_of(runs).splitlines():
        assert len(line) <= WIDTH
        assert line == line.rstrip()


def test_csv_holds_figures_and_comparisons_of_each_row(runs):
    tables = collect(runs)
    content = render(tables, "csv")
    lines = list(csv.DictReader(io.StringIO(content, newline="")))
    assert content.count("\r\n") == content.count("\n") == len(lines) + 1
    found = {(line["design"], line["section"]): line for line in lines}
    row = next(row for row in tables[0].rows if row.design == "early")
    line = found["early", "all"]
    assert float(line["valence_low"]) == row.sections["all"].ratings["valence"].low
    assert float(line["difference"]) == row.versus["all"].difference.value
    assert (line["versus"], line["utterances"], line["nature"]) == (
        "text",
        "40",
        "human",
    )
    assert line["shared_speakers"] == "none"
    assert found["DistilBERT", "published"]["valence_low"] == ""
    assert found["early", "scripted"]["versus"] == "text"
    assert found["text", "all"]["versus"] == ""


def test_csv_contains_no_formula():
    content = render([example("=HYPERLINK(1)")], "csv")
    lines = list(csv.DictReader(io.StringIO(content, newline="")))
    assert lines[1]["detail"] == "'=HYPERLINK(1)"
    assert float(lines[0]["arousal"]) == -0.01  # negative numbers are not quoted


def test_markdown_has_as_many_cells_in_every_row():
    found = render([example("a|b_c")], "markdown")
    rows = [line for line in found.splitlines() if line.startswith("|")]
    assert len({len(re.findall(r"(?<!\\)\|", row)) for row in rows}) == 1
    assert r"early (a\|b\_c)" in found


def test_latex_has_equal_numbers_of_cells_and_escaped_commands():
    found = render([example("50% & $x_1^2$ \\input{a}")], "latex")
    body = found.split(r"\toprule")[1].split(r"\bottomrule")[0]
    rows = [line for line in body.splitlines() if line.endswith(r"\\")]
    cells = [len(re.findall(r"(?<!\\)&", row)) for row in rows if "multi" not in row]
    assert set(cells) == {5}
    assert r"50\% \& \$x\_1\textasciicircum{}2\$ \textbackslash{}input\{a\}" in found
    assert r"$-$.010 {\scriptsize [$-$.04, .02]}" in found
    assert found.count(r"\begin") == found.count(r"\end")


def test_sections_of_the_same_utterances_are_tested_once(runs):
    for folder in runs.iterdir():
        rows = [
            dataclasses.replace(row, scripted=False)
            for row in fold_table.read_folds(folder)
        ]
        fold_table.write_folds(folder, rows)
    (table,) = collect(runs)
    row = next(row for row in table.rows if row.design == "early")
    assert row.versus["all"] is row.versus["improvised"]
    compared = [r for r in table.rows if r.versus]
    words = f"adjusted by Holm over {len(compared)} comparisons"
    assert words in " ".join(table.notes)
