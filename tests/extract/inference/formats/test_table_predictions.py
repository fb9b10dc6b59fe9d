import dataclasses

import pytest
from predicted_examples import CALIBRATED, FACTS, calibrated, failed, segment

from affuse.extract.inference.formats.table_predictions import MOST_NOTES, render
from affuse.extract.inference.prediction_columns import NATURES, PredictionColumns
from affuse.extract.inference.recording_names import RecordingNames

LONG = "interviews/2024/a_very_long_name_of_a_session_"


def lines(recordings, facts=FACTS, **columns):
    return "".join(
        render(PredictionColumns(facts, **columns), recordings, width=80)
    ).splitlines()


def prose(found):
    """Return the sentences of a table on one line."""
    return " ".join(found)


@pytest.mark.parametrize("facts", [FACTS, CALIBRATED])
@pytest.mark.parametrize("scale", [(1.0, 5.0), (1.0, 7.0), (0.0, 100.0), None])
def test_lines_fit_80_columns(facts, scale):
    make = calibrated if facts.level else segment
    recordings = [
        [make(f"{LONG}{k}.wav", 9000.5 + k, (-0.4, 0.7, -0.4)) for _ in range(2)]
        for k in range(12)
    ]
    found = lines(recordings, dataclasses.replace(facts, scale=scale))
    assert max(map(len, found)) <= 80


def test_a_line_shows_the_calibrated_value_with_its_interval():
    found = lines([[calibrated(values=(0.5, -0.25, 0.0))]], CALIBRATED)
    (row,) = (line for line in found if line.startswith("a.wav"))
    assert row.split()[:5] == ["a.wav", "0-8", "3.50", "[3.0,", "4.5]"]
    assert "made to hold 90 % of the ratings" in prose(found)


def test_a_line_of_several_models_shows_their_deviation():
    found = lines([[segment(values=(0.5, -0.25, 0.0))]])
    (row,) = (line for line in found if line.startswith("a.wav"))
    assert row.split()[2:4] == ["4.00", "±.25"]
    assert "standard deviation over 5 models" in prose(found)


def test_a_single_model_has_no_deviation():
    found = lines([[segment()]], dataclasses.replace(FACTS, models=1))
    assert "±" not in prose(found)


def test_the_heading_states_directions_and_the_scale():
    found = prose(lines([]))
    assert "valence from 1 (unpleasant) to 5 (pleasant)" in found
    assert "dominance from 1 (submissive) to 5 (in control)" in found


@pytest.mark.parametrize("nature", NATURES)
def test_a_footnote_says_that_people_did_not_rate(nature):
    found = prose(lines([], dataclasses.replace(FACTS, nature=nature)))
    assert f"trained on {nature} ratings of demo" in found
    assert NATURES[nature] in found


def test_footnotes_count_failures_and_notes_on_the_input():
    notes = {"notes": ("resampled from 8000 Hz",)}
    found = lines([[segment(**notes), segment(**notes)], [failed()]])
    assert "2 segments: resampled from 8000 Hz." in found
    assert "1 of 2 recordings could not be predicted" in prose(found)


def test_a_long_reason_fits_the_page():
    reason = "has no text; the model needs text: " + "give it with a table, or " * 8
    found = lines([[failed(reason=reason)], [segment()]])
    assert max(map(len, found)) <= 80
    (first,) = (k for k, line in enumerate(found) if "no prediction: has no" in line)
    assert found[first + 1].startswith("    ")
    assert " ".join(reason.split()) in " ".join(" ".join(found).split())


def test_the_list_of_notes_is_limited():
    recordings = [[segment(notes=(f"note {k}",))] for k in range(MOST_NOTES + 2)]
    found = lines(recordings)
    assert sum("1 segment: note" in line for line in found) == MOST_NOTES
    assert "2 more notes" in prose(found)


def test_words_are_marked_as_approximate():
    found = lines([[segment(values=(-0.5, 0.6, 0.3))]], words=True)
    assert "angry, enraged" in prose(found)
    assert "approximate" in prose(found)


def test_words_stand_below_a_row_that_they_would_make_too_long():
    rows = [[calibrated(values=(-0.5, 0.6, 0.3))]]
    found = lines(rows, CALIBRATED, words=True)
    assert max(map(len, found)) <= 80
    (row,) = (k for k, line in enumerate(found) if line.startswith("a.wav"))
    assert found[row + 1] == "    approximate words: skeptical, annoyed"
    wide = "".join(
        render(PredictionColumns(CALIBRATED, words=True), rows, width=120)
    ).splitlines()
    (line,) = (line for line in wide if line.startswith("a.wav"))
    assert line.endswith("  skeptical, annoyed")


def test_an_adaptation_is_stated():
    facts = dataclasses.replace(FACTS, adaptation="Adapted to 30 clips of yours.")
    assert "Adapted to 30 clips of yours." in lines([], facts)
    facts = dataclasses.replace(CALIBRATED, adaptation="adapted: valence")
    assert "Adapted: valence." in lines([], facts)
    found = prose(lines([], facts))
    assert "those of the training corpus, or of clips like those of the user." in found
    assert "of the user" not in prose(lines([], CALIBRATED))


def test_short_names_of_different_recordings_differ():
    names = RecordingNames(12)
    full = [f"{LONG}{k:03}_final.wav" for k in range(300)]
    short = [names.fit(name) for name in full]
    assert len(set(short)) == 300
    assert {len(name) for name in short} == {12}
    assert [names.fit(name) for name in full] == short
    assert names.shortened


def test_a_name_that_fits_is_kept_and_a_folder_is_left_out_first():
    names = RecordingNames(12)
    assert names.fit("a.wav") == "a.wav"
    assert not names.shortened
    assert names.fit("some/folder/b.wav") == "…/b.wav"
    assert names.fit("other/folder/b.wav") != "…/b.wav"


def test_names_that_differ_only_in_the_middle_differ_when_shortened():
    names = RecordingNames(8)
    full = [f"start-{'x' * k}-end.wav" for k in range(10, 60)]
    assert len({names.fit(name) for name in full}) == len(full)
