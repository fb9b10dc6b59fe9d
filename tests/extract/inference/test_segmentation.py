"""Division of recordings into windows, spans of texts and channels."""

import itertools
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from irregular_files import fail_if_slow, put_irregular_file
from sound_files import noise, write

from affuse.data.errors import OptionError
from affuse.extract.audio import decoder_pool, decoding, header_bounds
from affuse.extract.inference import segmentation
from affuse.extract.inference.predicted_segments import PredictedSegment
from affuse.extract.inference.segment_plan import SegmentPlan
from affuse.extract.inference.segmentation import segments
from affuse.extract.inference.segments import Recording, Segment, TimedText


@pytest.fixture
def probe(monkeypatch):
    """Function that sets the header of all files, which then need not exist."""

    def put(seconds, *, rate=1000, **options):
        header = {"channels": 1, "cut_off": False, **options}
        made = decoding.Probe("0" * 32, round(seconds * rate), rate, **header)
        # The rate is below those of real files, so that no time needs rounding.
        monkeypatch.setattr(header_bounds, "RATES", (1, 10**6))
        monkeypatch.setattr(decoder_pool, "probe", lambda path: made)

    return put


def divide(*texts, **plan):
    """Return the segments of one recording."""
    item = Recording("a.wav", Path("a.wav"), texts)
    return list(segments([item], SegmentPlan(**plan), threads=1))


def spans(**plan):
    return [s.span for s in divide(**plan)]


def only_reason(results):
    (result,) = results
    assert isinstance(result, PredictedSegment)
    return result.reason


# Windows


@pytest.mark.parametrize(("seconds", "count"), [(0.05, 1), (20.0, 1), (20.001, 5)])
def test_files_over_20_seconds_are_divided_by_default(probe, seconds, count):
    probe(seconds)
    found = divide()
    assert len(found) == count
    if count == 1:
        assert found[0].span is None
        assert found[0].seconds == seconds


def test_the_last_window_ends_where_the_recording_ends(probe):
    probe(21.5)
    assert spans() == [(0, 8), (4, 12), (8, 16), (12, 20), (13.5, 21.5)]
    probe(24.0)
    assert spans() == [(0, 8), (4, 12), (8, 16), (12, 20), (16, 24)]


@pytest.mark.parametrize("seconds", [20.5, 33.333, 100.0, 100.001, 999.9])
@pytest.mark.parametrize(("window", "hop"), [(8, 4), (0.3, 0.1), (5, 5), (7.7, 3.3)])
def test_windows_cover_a_recording_without_gaps(seconds, window, hop):
    found = list(SegmentPlan(window, hop).spans(seconds))
    begins, ends = np.array(found).T
    assert begins[0] == 0
    assert ends[-1] == pytest.approx(seconds, abs=1e-6)
    np.testing.assert_allclose(ends - begins, window, atol=2e-6)
    steps = np.diff(begins)
    np.testing.assert_allclose(steps[:-1], hop, atol=2e-6)
    assert 1e-5 < steps[-1] < hop + 2e-6


def test_window_0_leaves_a_recording_undivided(probe):
    probe(100.0)
    assert spans(window=0) == [None]


def test_a_recording_that_is_not_longer_than_a_window_is_one_segment(probe):
    probe(8.0)
    assert spans(window=8) == [None]
    assert spans(window=30, hop=30) == [None]
    assert spans(window=7.0) == [(0, 7), (1, 8)]


def test_three_hours_are_divided_in_constant_memory(probe):
    probe(3 * 3600)
    found = divide()
    assert len(found) == 2699
    assert found[-1].span == (10792.0, 10800.0)
    assert found[-1].seconds == 8.0


def test_an_undivided_recording_has_a_longest_duration(probe):
    probe(3601.0)
    assert only_reason(divide(window=0)) == (
        "lasts 3601 s, and a segment at most 3600 s; give --window"
    )
    reason = only_reason(divide(TimedText("hi")))
    assert reason.endswith("; state the start and the end of each text")


@pytest.mark.parametrize(
    ("plan", "flag"),
    [
        ({"window": -1.0}, "--window -1"),
        ({"window": 0.01}, "--window 0.01"),
        ({"window": 1e9}, "--window 1e.09"),
        ({"window": float("nan")}, "--window nan"),
        ({"window": float("inf")}, "--window inf"),
        ({"window": 0.0, "hop": 4.0}, "--hop 4 has no effect"),
        ({"window": 4.0, "hop": 5.0}, "--hop 5: .* gaps"),
        ({"hop": 9.0}, "--hop 9: .* gaps"),
        ({"hop": 0.0}, "--hop 0"),
        ({"hop": float("nan")}, "--hop nan"),
        ({"channels": "left"}, "--channels left: choose from mix, separate"),
    ],
)
def test_values_that_make_no_sense_are_refused(plan, flag):
    with pytest.raises(OptionError, match=flag):
        SegmentPlan(**plan)


# Texts


def test_a_text_alone_is_a_segment():
    items = [Recording("", texts=(TimedText(""),)), Recording("x")]
    found = list(segments(items, SegmentPlan(), threads=1))
    assert found == [
        Segment("", text=""),
        PredictedSegment("x", reason="has neither a recording nor a text"),
    ]


def test_texts_with_spans_are_the_segments(probe):
    probe(60.0)
    texts = TimedText("one", (0.5, 30.0)), TimedText(None, (50.0, None))
    found = divide(*texts, window=8)
    assert [(s.span, s.text, s.seconds) for s in found] == [
        ((0.5, 30.0), "one", 29.5),
        ((50.0, None), None, 10.0),
    ]


def test_a_span_outside_the_recording_has_a_reason_and_the_others_go_on(probe):
    probe(2.0)
    bad, good = divide(TimedText("x", (3.0, 4.0)), TimedText("y", (0.0, 1.0)))
    assert bad == PredictedSegment(
        "a.wav", 3.0, 4.0, "x", reason="ends at 2.00 s, before 4.00 s"
    )
    assert good.text == "y"


def test_a_text_of_a_long_recording_makes_it_one_segment_with_a_note(probe):
    probe(21.0)
    (found,) = divide(TimedText("hi"))
    assert (found.span, found.text) == (None, "hi")
    assert found.notes == (segmentation.UNDIVIDED_TEXT,)
    probe(20.0)
    assert divide(TimedText("hi"))[0].notes == ()


def test_a_text_cannot_be_divided_among_the_windows_that_are_asked_for(probe):
    probe(21.0)
    assert only_reason(divide(TimedText("hi"), window=8)) == (
        "has one text for 21.00 s, which cannot be divided among windows; state the "
        "start and the end of each text in the table of transcripts, or give "
        "--window 0"
    )
    assert divide(TimedText("hi"), window=30)[0].text == "hi"


def test_a_text_without_words_is_that_of_each_window(probe):
    probe(21.0)
    found = divide(TimedText(""))
    assert len(found) == 5
    assert {s.text for s in found} == {""}


# Channels


def test_each_channel_has_its_series_of_segments(probe):
    probe(21.0, channels=2)
    found = divide(channels="separate")
    assert [s.channel for s in found] == [1] * 5 + [2] * 5
    assert [s.span for s in found[:5]] == [s.span for s in found[5:]] == spans()
    assert {s.channel for s in divide()} == {None}


def test_a_mono_file_has_no_separate_channels(probe):
    probe(1.0)
    (found,) = divide(channels="separate")
    assert found.channel is None


def test_a_text_is_used_for_each_channel_with_a_note(probe):
    probe(1.0, channels=2)
    found = divide(TimedText("hi"), channels="separate")
    assert [(s.channel, s.text) for s in found] == [(1, "hi"), (2, "hi")]
    assert found[0].notes == ("the text is used for each of the 2 channels",)


# Files


def test_files_that_cannot_be_used_have_reasons_in_their_order(tmp_path):
    (tmp_path / "empty.wav").touch()
    (tmp_path / "text.wav").write_text("no sound\n" * 10)
    put_irregular_file(tmp_path / "pipe.wav", "pipe")
    write(tmp_path / "stereo.wav", np.stack([noise(), noise()], 1), 8000)
    write(tmp_path / "short.wav", noise(800))
    names = ("empty.wav", "text.wav", "pipe.wav", "gone.wav", "stereo.wav", "short.wav")
    items = [Recording(name, tmp_path / name) for name in names]
    passed_on = PredictedSegment("x", reason="there is no such file")
    with fail_if_slow():
        found = list(segments([passed_on, *items], SegmentPlan(), threads=2))
    assert found[0] is passed_on
    assert [s.file for s in found[1:]] == list(names)
    reasons = [getattr(s, "reason", "") for s in found[1:]]
    wanted = "is empty", "cannot be decoded", "not a regular", "No such file", "", ""
    assert all(part in why for part, why in zip(wanted, reasons, strict=True))
    stereo, short = found[-2:]
    assert (stereo.seconds, short.seconds) == (2.0, 0.05)
    assert stereo.digest == decoding.probe(stereo.path).digest


def test_a_file_that_is_cut_off_is_refused_unless_a_span_ends_before(probe):
    probe(30.0, cut_off=True)
    assert only_reason(divide()) == header_bounds.CUT_OFF
    whole, rest = divide(TimedText("x", (0.0, 1.0)), TimedText("y", (1.0, None)))
    assert isinstance(whole, Segment)
    assert rest.reason == header_bounds.CUT_OFF


@pytest.mark.parametrize(("options", "reason"), [({"channels": 9}, "has 9 channels")])
def test_a_header_outside_the_limits_is_one_reason(probe, options, reason):
    probe(100.0, **options)
    assert only_reason(divide(channels="separate")).startswith(reason)


def test_few_files_are_probed_ahead(probe):
    probe(1.0)
    taken = []

    def endless():
        for number in itertools.count():
            taken.append(number)
            yield Recording(f"{number}.wav", Path(f"{number}.wav"))

    found = segments(endless(), SegmentPlan(), threads=2)
    assert [next(found).file for _ in range(20)] == [f"{i}.wav" for i in range(20)]
    assert len(taken) <= 20 + 2 * segmentation.AHEAD
    found.close()


def test_the_memory_for_many_files_is_constant(probe):
    probe(1.0)
    items = (Recording("a.wav", Path("a.wav")) for _ in range(2000))
    found = segments(items, SegmentPlan(), threads=1)
    for _ in range(50):
        next(found)
    tracemalloc.start()
    for _ in range(1000):
        next(found)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    found.close()
    assert peak < 100_000  # bytes
