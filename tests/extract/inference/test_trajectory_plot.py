"""Plots of predictions."""

import dataclasses
import sys
from pathlib import Path

import pytest
from predicted_examples import CALIBRATED, FACTS, calibrated, failed, segment

from affuse.data.errors import AffuseError, OptionError
from affuse.extract.inference import trajectory_plot
from affuse.extract.inference.plot_panels import MOST_LINES
from affuse.extract.inference.plot_series import collect_series, plotted_point
from affuse.extract.inference.trajectory_plot import (
    check_plot_path,
    draw_figure,
    write_plot,
)


def talk(file="a.wav", count=3, hop=4.0, **changes):
    """Return overlapping segments of one recording."""
    return [
        segment(file, hop * k, (k / 10, 0.5, -0.5), **changes) for k in range(count)
    ]


def texts(facts, segments):
    """Return all texts of a plot, one on each line."""
    from matplotlib.text import Text

    found = draw_figure(facts, segments).findobj(Text)
    return "\n".join(text.get_text().replace("\n", " ") for text in found)


@pytest.fixture
def plot(tmp_path):
    return tmp_path / "out.svg"


@pytest.mark.parametrize(("ending", "start"), [("PNG", b"\x89PNG"), ("pdf", b"%PDF")])
def test_the_ending_is_the_format(tmp_path, ending, start):
    path = tmp_path / f"out.{ending}"
    write_plot(path, FACTS, talk("\u8a71.wav"))  # the font lacks this character
    assert path.read_bytes().startswith(start)


def test_equal_predictions_give_equal_files_whatever_the_settings_of_the_user(plot):
    import matplotlib

    segments = talk("$x_1$ {.wav")  # the dollar signs do not begin a formula
    write_plot(plot, FACTS, segments)
    expected = plot.read_bytes()
    with matplotlib.rc_context({"font.size": 30, "axes.facecolor": "red"}):
        write_plot(plot, FACTS, segments)
        assert matplotlib.rcParams["font.size"] == 30
    assert plot.read_bytes() == expected
    assert expected.startswith(b"<?xml")
    assert b"<dc:date>" not in expected
    assert b"$x_1$ {.wav" in expected


def test_a_plot_names_model_ratings_directions_and_scale():
    found = texts(FACTS, talk())
    for words in (
        "a.wav: predictions of demo-early, trained on synthetic ratings",
        "valence", "arousal", "dominance", "1 submissive", "5 in control",
        "5 excited", "time in seconds", "mean over 5 models", "standard deviation",
        "The model was trained on synthetic speech",
    ):  # fmt: skip
        assert words in found


def test_a_calibrated_plot_names_the_level_of_the_intervals():
    found = texts(CALIBRATED, [calibrated(begin=4.0 * k) for k in range(3)])
    assert "intervals made to hold 90 % of the ratings" in found
    assert "standard deviation" not in found


def test_human_ratings_need_no_caution():
    found = texts(dataclasses.replace(FACTS, nature="human"), talk())
    assert "trained on human ratings" in found
    assert "synthetic" not in found


def test_channels_and_recordings_have_a_legend():
    assert "channel 1" in texts(FACTS, [*talk(channel=1), *talk(channel=2)])
    found = texts(FACTS, [*talk("a.wav"), *talk("b.wav")])
    assert "2 recordings: predictions" in found
    assert "b.wav" in found


def test_many_recordings_are_drawn_in_the_plane_only():
    many = [s for k in range(MOST_LINES + 1) for s in talk(f"{k}.wav")]
    found = texts(FACTS, many)
    assert "dominance" not in found
    assert "time in" not in found
    assert "arousal" in found


def test_a_long_recording_has_an_axis_in_minutes():
    assert "time in minutes" in texts(FACTS, talk(hop=500.0))


def test_a_model_without_arousal_has_no_plane():
    facts = dataclasses.replace(FACTS, targets=("valence",))
    found = texts(facts, talk())
    assert "time in seconds" in found
    assert "arousal" not in found
    with pytest.raises(OptionError, match="does not predict valence and arousal"):
        draw_figure(facts, talk(count=1))


def test_control_characters_are_escaped():
    assert "x \\x1b.wav: pred" in texts(FACTS, talk("x \x1b.wav"))


def test_segments_without_prediction_are_left_out():
    with pytest.raises(OptionError, match="nothing was predicted"):
        draw_figure(FACTS, [failed()])
    assert "a.wav: pred" in texts(FACTS, [*talk(), failed("b.wav")])


def test_gaps_divide_a_line():
    gapped = [*talk(count=3), *talk(count=2, hop=200.0)[1:], failed("a.wav")]
    (series,) = collect_series(reversed(gapped))
    runs = [*series.runs("valence", (1.0, 5.0))]
    assert [len(run) for run in runs] == [3, 1]
    assert [point.start for point in runs[0]] == [0.0, 4.0, 8.0]


def test_points_are_on_the_scale_with_interval_or_deviation():
    point = plotted_point(calibrated(values=(0.5, 0.0, 0.0)), "valence", (1.0, 5.0))
    assert (point.value, point.low, point.high) == (3.5, 3.0, 4.5)
    point = plotted_point(segment(values=(0.5, 0.0, 0.0)), "valence", (1.0, 5.0))
    assert (point.value, point.low, point.high) == (4.0, 3.75, 4.25)
    assert (point.start, point.middle, point.end) == (0.0, 4.0, 8.0)


def test_another_ending_is_refused():
    with pytest.raises(OptionError, match=r"must end in one of \.svg, \.png, \.pdf"):
        check_plot_path(Path("recording.wav"))


def test_a_missing_package_is_named_with_the_command_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(AffuseError, match="needs the package matplotlib") as caught:
        check_plot_path(Path("out.svg"))
    assert str(caught.value).endswith("[plot]'")


def test_no_display_is_needed():
    source = Path(trajectory_plot.__file__).read_text(encoding="utf-8")
    assert "pyplot" not in source


def test_each_speaker_has_a_line_with_a_name():
    found = [*talk(speaker="Ann"), *talk(speaker="Bob"), *talk()]
    names = ["Ann", "Bob", "speaker not known"]
    assert [one.name for one in collect_series(found)] == names
    assert "Ann" in texts(FACTS, found)
    several = collect_series([*found, *talk("b.wav", speaker="Ann")])
    assert [one.name for one in several][::3] == ["a.wav, Ann", "b.wav, Ann"]
    channel = collect_series(talk(channel=2, speaker="Ann"))
    assert [one.name for one in channel] == ["channel 2, Ann"]


def test_values_outside_the_scale_are_within_the_axes():
    segments = [segment("a.wav", 4.0 * k, (1.5, -1.25, 0.0)) for k in range(2)]
    axes = draw_figure(FACTS, segments).axes
    panels = {each.get_ylabel(): each for each in axes if not each.get_xlabel()}
    # the band of a deviation of 0.125 too, on the scale from 1 to 5
    assert panels["valence"].get_ylim()[1] > 3 + 2 * (1.5 + 0.125)
    assert panels["arousal"].get_ylim()[0] < 3 - 2 * (1.25 + 0.125)
    (plane,) = (each for each in axes if each.get_xlabel() == "valence")
    assert plane.get_xlim()[1] > 3 + 2 * 1.5
    assert plane.get_ylim()[0] < 3 - 2 * 1.25
