"""MSP-IMPROV: fields, counts, the direction of arousal, and odd copies."""

import csv
import shutil

import pytest
from cli_calls import call

from affuse.data.corpora import manifest, msp_improv
from affuse.data.corpora.msp_improv import arousal_sign, improv_grammar, improv_sample
from affuse.data.corpora.msp_podcast import msp_rater_lines
from affuse.data.records import Utterance

TURNS = {turn.id: turn for turn in improv_sample.plan()}
LINE = "UTD-IMPROV-S07H-M03-R-MF02.avi; H; A:2.333333; V:4.166667; D:NaN ; N:3.800000;"


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("improv") / "clean"
    msp_improv.sample(folder)
    return folder


@pytest.fixture(scope="module")
def clean(root):
    return msp_improv.read(root)


@pytest.fixture(scope="module")
def odd_root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("improv") / "hazards"
    msp_improv.sample_hazards(folder)
    return folder


@pytest.fixture(scope="module")
def odd(odd_root):
    return msp_improv.read(odd_root)


def reasons(corpus, name, *, fatal=True):
    return [p.reason for p in corpus.problems if p.id == name and p.fatal == fatal]


def test_an_utterance_has_all_fields_of_its_id_and_line(root, clean):
    (utterance,) = (u for u in clean.utterances if "S01H-M03-R" in u.id)
    turn = TURNS[utterance.id]
    assert utterance == Utterance(
        id="MSP-IMPROV-S01H-M03-R-MF01",
        audio=root / "Audio/session3/S01H/R/MSP-IMPROV-S01H-M03-R-MF01.wav",
        ratings=dict(
            zip(("arousal", "valence", "dominance"), turn.ratings, strict=True)
        ),
        speaker="M03",
        sex="M",
        session="3",
        dialogue="session3-S01H",
        scripted=True,
        columns={"emotion": "happy", "intended": "happy", "scenario": "target read"},
    )


def test_the_corpus_has_its_scale_and_its_published_counts(clean):
    assert (clean.scale, clean.protocol) == ((1.0, 5.0), "loso")
    counts = {c.what: (c.expected, c.found) for c in clean.counts}
    assert counts["utterances"] == (8_438, len(TURNS))
    assert counts["sessions"] == (6, 6)
    assert counts["speakers"] == (12, 12)
    assert counts["angry, happy, sad or neutral"] == (7_798, len(TURNS) - 2)
    assert counts["other improvised or natural"] == (7_166, len(TURNS) // 2)


def test_other_classes_and_missing_dominance_are_read(clean):
    by_id = {u.id: u for u in clean.utterances}
    emotions = {"O": "other", "X": "no agreement"}
    for name, letter in improv_sample.MORE_CLASSES.items():
        assert by_id[name].columns["emotion"] == emotions[letter]
        assert len(by_id[name].ratings) == 3
    ratings = by_id[improv_sample.NO_DOMINANCE].ratings
    assert ratings.keys() == {"arousal", "valence"}
    (note,) = clean.problems
    assert not note.fatal
    assert note.reason.startswith("there is no rating of dominance (rows: 1)")


def test_lines_of_raters_are_skipped_also_if_one_is_listed_twice(root):
    lines = (root / "Evaluation.txt").read_text().splitlines()
    raters = [line.partition(";")[0] for line in lines[1:4]]
    assert raters[0] == raters[2] != raters[1]
    assert msp_rater_lines.parse(lines[1]).ratings.keys() == set(
        msp_rater_lines.LETTERS.values()
    )


def test_the_order_of_the_numbers_is_arousal_valence_dominance():
    (turn,), problems = improv_grammar.parse(LINE, file="x")
    assert problems == []
    assert (turn.id, turn.emotion) == ("MSP-IMPROV-S07H-M03-R-MF02", "H")
    assert turn.ratings == {"arousal": 2.333333, "valence": 4.166667}


@pytest.mark.parametrize(
    "line",
    [
        LINE.replace("M03", "M07"),
        LINE.replace("; H;", "; Happy;"),
        LINE.replace("A:2.333333", "A:2,3"),
        LINE.partition("; A")[0],
        LINE.replace(".avi", ".wav"),
    ],
)
def test_a_damaged_line_is_a_problem_with_its_place(line):
    turns, (problem,) = improv_grammar.parse(f"\n{line}", file="x")
    assert turns == []
    assert (problem.line, problem.fatal) == (2, True)
    assert problem.reason.startswith(improv_grammar.DAMAGED)


# Direction of arousal


def test_arousal_that_rises_with_activity_is_reported_as_right(clean):
    texts, line = clean.reading
    assert texts == msp_improv.NO_TEXTS
    assert line.startswith("arousal rises with activity, as it should: its mean is 3.")


def test_reversed_arousal_is_a_note_and_is_kept_as_released(odd):
    (note,) = [p for p in odd.problems if "reversed" in p.reason]
    assert not note.fatal
    assert "its mean is 2.00 for angry and happy turns, and 3.79 for sad" in note.reason
    for u in odd.utterances:
        if u.id != improv_sample.CONTRADICTED:
            expected = 6 - TURNS[u.id].ratings[0]
            assert u.ratings["arousal"] == pytest.approx(expected, abs=1e-6)


def test_the_advice_on_reversed_arousal_works(odd_root, tmp_path):
    root = shutil.copytree(odd_root, tmp_path / "copy")
    table = root / "reversed.csv"
    call("utterances", "msp_improv", root, "--output", table)
    with table.open(newline="", encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    place = header.index("arousal")
    for row in rows:
        row[place] = str(6 - float(row[place]))
    with table.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *rows])
    again = manifest.read(table, scale=(1, 5), columns={"text": ""})
    assert len(again.utterances) == len(rows) == len(TURNS) - 2
    assert not any(p.fatal for p in again.problems)
    assert arousal_sign.judge(again.utterances)[0] is True


@pytest.mark.parametrize(
    ("arousals", "result"),
    [((4.0, 2.0), True), ((2.0, 4.0), False), ((3.0, 3.0), False)],
)
def test_the_direction_is_judged_by_the_means(arousals, result):
    utterances = [
        Utterance(
            f"{emotion}{n}",
            text="so",
            ratings={"arousal": level},
            columns={"emotion": emotion},
        )
        for emotion, level in zip(("angry", "sad"), arousals, strict=True)
        for n in range(arousal_sign.FEWEST)
    ]
    assert arousal_sign.judge(utterances)[0] is result
    few, sentence = arousal_sign.judge(utterances[1:])
    assert few is None
    assert sentence.startswith("too few turns")


# Odd copies


def test_the_hazards_lose_two_utterances_only(odd):
    lost = TURNS.keys() - {u.id for u in odd.utterances}
    assert lost == {improv_sample.NO_WAV, improv_sample.DAMAGED}


def test_every_irregularity_is_named(odd):
    assert reasons(odd, improv_sample.NO_WAV) == [msp_improv.NO_WAV]
    (same,) = reasons(odd, improv_sample.REPEATED, fatal=False)
    assert same.startswith("repeats an earlier line")
    (other,) = reasons(odd, improv_sample.CONTRADICTED)
    assert other.startswith("contradicts an earlier line")
    damaged = [p for p in odd.problems if "has another form" in p.reason]
    assert [p.fatal for p in damaged] == [True]
    (unrated,) = [p for p in odd.problems if "without a usable line" in p.reason]
    assert "(rows: 2)" in unrated.reason
    assert not unrated.fatal


@pytest.mark.parametrize("place", ["", "..", "Evaluation.txt"])
def test_root_may_name_the_corpus_or_its_evaluation_file(root, clean, place):
    corpus = msp_improv.read((root / place).resolve())
    assert corpus.root == root
    assert corpus.utterances == clean.utterances


def test_the_evaluation_file_may_be_misspelt_and_lie_in_another_folder(
    odd_root, odd, tmp_path
):
    root = shutil.copytree(odd_root, tmp_path / "copy")
    (root / "Labels").mkdir()
    (root / "Evalution.txt").rename(root / "Labels" / "EVALUTION.TXT")
    for place in (root, root / "Labels" / "EVALUTION.TXT"):
        assert len(msp_improv.read(place).utterances) == len(odd.utterances)


@pytest.mark.parametrize(
    ("lacking", "place", "said"),
    [
        (["Evaluation.txt"], "", "no MSP-IMPROV in .*Evaluation.txt; name the folder"),
        (["Audio"], "", "no MSP-IMPROV in .*folders session1 to session6"),
        (["Audio"], "Evaluation.txt", "no recording of MSP-IMPROV in"),
        ([], "affuse.json", "is not the evaluation file of MSP-IMPROV; name"),
    ],
)
def test_an_error_says_what_to_name(root, tmp_path, lacking, place, said):
    copy = shutil.copytree(root, tmp_path / "copy")
    for name in lacking:
        path = copy / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    with pytest.raises(FileNotFoundError, match=said):
        msp_improv.read(copy / place)


def test_another_copy_is_never_overwritten_by_a_sample(tmp_path):
    (tmp_path / "session1").mkdir()
    with pytest.raises(FileExistsError, match="holds other sessions"):
        msp_improv.sample(tmp_path)
