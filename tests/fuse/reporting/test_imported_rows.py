"""Predictions of other systems in a report: scores, tests, footnotes and errors."""

import csv
import json
import re

import numpy as np
import pytest
from cli_calls import call
from report_runs import info_of, save

from affuse.data.runs.run_predictions import read_run
from affuse.fuse.scoring.metrics import ccc
from affuse.fuse.wording import figure


@pytest.fixture
def runs(tmp_path):
    """A folder with runs of early, audio and text fusion on the same utterances."""
    folder = tmp_path / "runs"
    for design, gain in (("early", 0.6), ("audio", 0.3), ("text", 0.5)):
        info = info_of(design)
        save(folder, info, gain=gain)
    return folder


def first_run(runs):
    """Return the run of early fusion."""
    return read_run(next(runs.glob("*early*")))


def write_table(path, rows, heads=("id", "valence", "arousal", "dominance")):
    """Write a CSV table of another system, and return its path."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(heads)
        writer.writerows(rows)
    return path


def other_system(runs, *, low=-1.0, high=1.0):
    """Return rows with half of each rating, on a scale; and the expected CCC."""
    p = first_run(runs).predictions
    rows = {i: t for i, t in zip(p.id.tolist(), p.truth, strict=True)}
    shift = np.array([0.1, -0.2, 0.0])
    values = {i: 0.5 * t + shift for i, t in rows.items()}
    middle, half = (low + high) / 2, (high - low) / 2
    table = [[i, *(middle + half * v)] for i, v in values.items()]
    truth, predicted = (np.stack([*d.values()]) for d in (rows, values))
    return table, [ccc(truth[:, k], predicted[:, k]) for k in range(3)]


def report(runs, *words):
    """Return the report as JSON."""
    outcome = call("report", "--runs", runs, "--format", "json", *words)
    assert outcome.exit_code == 0, outcome.output
    (table,) = json.loads(outcome.stdout)["tables"]
    return table


def imported(table):
    """Return the rows of imported systems."""
    return [row for row in table["rows"] if row["imported"]]


@pytest.mark.parametrize("scale", [(), (1, 5), (0, 100)])
def test_an_imported_system_has_the_ccc_of_its_predictions(runs, tmp_path, scale):
    low, high = scale or (-1, 1)
    rows, expected = other_system(runs, low=low, high=high)
    path = write_table(tmp_path / "other.csv", rows)
    words = ("--scale", low, high) if scale else ()
    table = report(runs, "--import", path, "--label", "rival", *words)
    (row,) = imported(table)
    assert row["design"] == "rival"
    found = row["sections"]["all"]["ccc"]
    for name, value in zip(("valence", "arousal", "dominance"), expected, strict=True):
        assert found[name]["value"] == pytest.approx(value, abs=1e-9)
        assert found[name]["low"] < value < found[name]["high"]


def test_an_imported_system_is_tested_against_the_best_models(runs, tmp_path):
    rows, _ = other_system(runs)
    path = write_table(tmp_path / "rival.csv", rows)
    table = report(runs, "--import", path)
    (row,) = imported(table)
    versus = row["versus"]["all"]
    means = {
        r["design"]: r["sections"]["all"]["ccc"]["mean"]["value"]
        for r in table["rows"]
        if r["run"]
    }
    assert versus["versus"] == max(means, key=means.get)
    assert 0 < versus["p"] <= versus["p_holm"] <= 1
    (note,) = [n for n in table["notes"] if "adjusted by Holm" in n]
    # Early fusion and the system are tested in three sections each.
    assert "over 6 comparisons" in note


def test_rows_can_be_compared_against_an_imported_system(runs, tmp_path):
    rows, _ = other_system(runs)
    path = write_table(tmp_path / "rival.csv", rows)
    table = report(runs, "--import", path, "--against", "rival", "--pairs")
    others = [row for row in table["rows"] if row["run"]]
    assert {row["versus"]["all"]["versus"] for row in others} == {"rival (imported)"}
    pairs = [pair for pair in table["pairs"] if pair["versus"] == "rival (imported)"]
    assert len(pairs) == 3
    assert all(pair["p_holm"] is not None for pair in pairs)


def test_what_is_missing_not_used_or_not_known_is_a_footnote(runs, tmp_path):
    rows, _ = other_system(runs)
    kept = [[*row[:3], "x"] for row in rows[5:]] + [["elsewhere", 0, 0, "x"]]
    path = write_table(
        tmp_path / "rival.csv", kept, heads=("id", "valence", "arousal", "comment")
    )
    table = report(runs, "--import", path)
    notes = "\n".join(table["notes"])
    assert "rival: no prediction for 5 of 40 test utterances, for example" in notes
    assert "rival: 1 prediction for other utterances" in notes
    assert "rival: the file has no column dominance" in notes
    assert "rival: columns that are not read: comment" in notes
    assert "read as being on [-1, 1]" in notes
    assert "no leak rule was applied" in notes
    assert "not compared with rows that have all of them, because less than" in notes
    (sentence,) = [s for s in table["comparisons"] if s.startswith("rival")]
    assert "not compared, because they were scored on other utterances" in sentence
    (row,) = imported(table)
    assert row["sections"]["all"]["utterances"] == 35
    assert not row["versus"]


def mean_ccc(truth, predicted):
    """Return the mean CCC of three ratings."""
    return np.mean([ccc(truth[:, k], predicted[:, k]) for k in range(3)])


def expected_difference(rows, run):
    """Return the mean CCC of a table minus that of a run, on the ids of the table."""
    other, p = {row[0]: np.array(row[1:], float) for row in rows}, run.predictions
    each = []
    for seed in np.unique(p.seed):
        kept = (p.seed == seed) & np.isin(p.id, [*other])
        theirs = np.stack([other[i] for i in p.id[kept].tolist()])
        truth = p.truth[kept]
        each.append(mean_ccc(truth, theirs) - mean_ccc(truth, p.predicted[kept]))
    return np.mean(each)


@pytest.mark.parametrize("against", ["", "rival"])
def test_a_system_with_few_gaps_is_compared_on_the_common_utterances(
    runs, tmp_path, against
):
    rows, _ = other_system(runs)
    kept = [row for row in rows if row[0] not in (rows[3][0], rows[20][0])]
    path = write_table(tmp_path / "rival.csv", kept)
    words = ("--against", against) if against else ("--against", "early")
    table = report(runs, "--import", path, *words, "--pairs")
    by_design = {row["design"]: row for row in table["rows"]}
    assert by_design["rival"]["sections"]["all"]["utterances"] == 38
    assert by_design["early"]["sections"]["all"]["utterances"] == 40
    versus = by_design["early" if against else "rival"]["versus"]["all"]
    expected = (-1 if against else 1) * expected_difference(kept, first_run(runs))
    assert versus["difference"] == pytest.approx(expected, abs=1e-6)
    assert 0 < versus["p"] <= versus["p_holm"] <= 1
    assert versus["compared_utterances"] == 38
    pairs = [pair for pair in table["pairs"] if pair["versus"] == "rival (imported)"]
    assert [pair["compared_utterances"] for pair in pairs] == [38] * 3
    notes = "\n".join(table["notes"])
    assert "no prediction for 2 of 40 test utterances" in notes
    assert "differences to other rows are on the 38 that both have" in notes
    sentences = [s for s in table["comparisons"] if "rival (imp" in s and ":" in s]
    assert any("on the 38 of 40 utterances that both have" in s for s in sentences)


def test_a_system_with_too_many_gaps_is_not_compared(runs, tmp_path):
    rows, _ = other_system(runs)
    path = write_table(tmp_path / "rival.csv", rows[3:])
    table = report(runs, "--import", path, "--pairs")
    (row,) = imported(table)
    assert "all" not in row["versus"]
    pairs = [pair for pair in table["pairs"] if pair["versus"] == "rival (imported)"]
    assert [pair.get("difference") for pair in pairs] == [None] * 3
    sentence = "only 37 of 40 test utterances have predictions of both, and 95% are"
    assert sentence in "\n".join(table["comparisons"])


def test_a_section_with_too_many_gaps_is_not_compared(runs, tmp_path):
    rows, _ = other_system(runs)
    folds = first_run(runs).folds
    scripted = {row.id for row in folds if row.part == "test" and row.scripted}
    lacking = sorted(scripted)[:2]
    path = write_table(
        tmp_path / "rival.csv", [row for row in rows if row[0] not in lacking]
    )
    table = report(runs, "--import", path, "--against", "early")
    (row,) = imported(table)
    assert row["versus"]["all"]["compared_utterances"] == 38
    assert row["versus"]["improvised"]["compared_utterances"] is None
    assert "scripted" not in row["versus"]
    amount = f"only {len(scripted) - 2} of {len(scripted)} test utterances"
    assert f"scripted: rival (imported) - early: not compared, because {amount}" in (
        "\n".join(table["comparisons"])
    )


def test_gaps_do_not_change_the_comparisons_of_other_rows(runs, tmp_path):
    rows, _ = other_system(runs)
    path = write_table(tmp_path / "rival.csv", rows[1:])
    without = report(runs, "--pairs")
    table = report(runs, "--import", path, "--pairs")
    assert all(pair["compared_utterances"] is None for pair in without["pairs"])
    differences = [
        {
            (pair["design"], pair["versus"]): pair["difference"]
            for pair in each["pairs"]
            if "rival" not in pair["versus"]
        }
        for each in (without, table)
    ]
    assert differences[0] == differences[1]


def test_other_rows_do_not_change_if_a_system_is_imported(runs, tmp_path):
    rows, _ = other_system(runs)
    path = write_table(tmp_path / "rival.csv", rows)
    with_system = report(runs, "--import", path)
    without = report(runs)
    figures = [
        [(r["design"], r["detail"], r["sections"]) for r in t["rows"] if r["run"]]
        for t in (with_system, without)
    ]
    assert figures[0] == figures[1]
    assert "Not tried" not in "".join(set(with_system["notes"]) ^ {*without["notes"]})


@pytest.mark.parametrize("format", ["text", "markdown", "latex", "csv", "html"])
def test_every_format_shows_an_imported_system(runs, tmp_path, format):
    rows, expected = other_system(runs)
    path = write_table(tmp_path / "rival.csv", rows)
    words = ("--format", format, "--split", "--columns", "rmse")
    outcome = call("report", "--runs", runs, "--import", path, *words)
    assert outcome.exit_code == 0, outcome.output
    assert "rival" in outcome.stdout
    digits = figure(np.mean(expected))
    assert re.search(rf"[^.\d]0?{re.escape(digits)}", outcome.stdout)


def test_the_page_draws_an_imported_system(runs, tmp_path):
    rows, _ = other_system(runs)
    path = write_table(tmp_path / "rival.csv", rows)
    figures = tmp_path / "figures"
    words = ("--format", "html", "--output", tmp_path / "page.html")
    outcome = call(
        *("report", "--runs", runs, "--import", path, "--figures", figures), *words
    )
    assert outcome.exit_code == 0, outcome.output
    for name in ("forest-mean", "differences"):
        (found,) = figures.glob(f"table1-{name}.csv")
        assert "rival (imported)" in found.read_text()


@pytest.mark.parametrize(
    ("text", "words", "sentence"),
    [
        ("id,valence\nd00_00,3\nd00_01,4\n", (), "name the lowest and highest rating"),
        ("id,valence\nd00_00,30\n", ("--scale", 1, 5), "outside the scale 1 to 5"),
        ("id,valence\nd00_00,.3\n", ("--scale", 5, 1), "the lowest rating first"),
        ("id,valence\nd00_00,nan\n", (), "line 2"),
        ("id,valence\nd00_00,\n", (), "line 2: the cell of valence is empty"),
        ("id,valence\nd00_00,1e300\n", (), "'1e300' in valence is no finite number"),
        ("id;valence\nd00_00;0,1\n", (), "has semicolons between its columns"),
        ("id\tvalence\nd00_00\t.1\n", (), "has tabs between its columns"),
        ("id,valence\nd00_00,3\n", ("--scale", 1, "inf"), "names two numbers"),
        ("id,valence\nd00_00,.1\n", ("--label", " early "), "is the name of a design"),
        ("id,valence\nd00_00,.1\nd00_00,.2\n", (), "line 3: the id 'd00_00' is also"),
        ("id,valence\n", (), "no predictions below its header"),
        ("", (), "it needs id,valence,arousal,dominance"),
        ("file,valence\na,.1\n", (), "it needs id,valence,arousal,dominance"),
        ("id,valence,valence\na,.1,.2\n", (), "the column valence twice"),
        ("id,valence\nelsewhere,.1\n", (), "its first id is 'elsewhere'"),
        ("id,valence\nd00_00,.1\n", ("--label", "early"), "is the name of a design"),
        ("id,valence\nd00_00,.1\n", ("--label", "a", "--label", "b"), "one label"),
    ],
)
def test_a_bad_table_is_an_error_in_one_sentence(runs, tmp_path, text, words, sentence):
    path = tmp_path / "rival.csv"
    path.write_text(text)
    outcome = call("report", "--runs", runs, "--import", path, *words)
    assert outcome.exit_code != 0
    assert sentence in outcome.output
    assert "Traceback" not in outcome.output


def test_predictions_from_0_to_1_are_named_unless_their_scale_is(runs, tmp_path):
    rows, _ = other_system(runs, low=0.0, high=1.0)
    path = write_table(tmp_path / "rival.csv", rows)
    sentence = "if the system predicts from 0 to 1, its CCC is too low here: add"
    assert sentence in "\n".join(report(runs, "--import", path)["notes"])
    notes = "\n".join(report(runs, "--import", path, "--scale", 0, 1)["notes"])
    assert sentence not in notes
    assert "mapped from the scale 0 to 1, of which they take " in notes


def test_predictions_outside_the_scale_are_counted(runs, tmp_path):
    rows, _ = other_system(runs)
    rows[0][1], rows[1][2] = 1.7, -2.0
    path = write_table(tmp_path / "rival.csv", rows)
    notes = "\n".join(report(runs, "--import", path)["notes"])
    assert "rival: 2 of 120 predictions are outside the scale" in notes
    assert "of which they take -2 to 1.7" in notes


def test_spaces_around_the_names_of_columns_do_not_matter(runs, tmp_path):
    rows, _ = other_system(runs)
    heads = ("id", " valence", "arousal ", "dominance")
    path = write_table(tmp_path / "rival.csv", rows, heads=heads)
    notes = "\n".join(report(runs, "--import", path)["notes"])
    assert "not read" not in notes
    assert "has no column" not in notes


def test_a_scale_without_a_system_is_refused(runs):
    outcome = call("report", "--runs", runs, "--scale", 1, 5)
    assert outcome.exit_code != 0
    assert "name their table with --import" in outcome.output


def test_two_systems_need_different_names(runs, tmp_path):
    rows, _ = other_system(runs)
    path = write_table(tmp_path / "rival.csv", rows)
    words = ("--import", path, "--import", path)
    outcome = call("report", "--runs", runs, *words)
    assert outcome.exit_code == 2
    assert "two systems are called 'rival'" in outcome.output
    table = report(runs, *words, "--label", "a", "--label", "b")
    assert [row["design"] for row in imported(table)] == ["a", "b"]
