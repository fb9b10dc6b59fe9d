"""Finished files of predictions: of the same inputs, or of others."""

import os

import pytest
from predicted_examples import FACTS, failed, segment

from affuse.data.errors import OptionError
from affuse.extract.inference.finished_output import demand_same_inputs
from affuse.extract.inference.output_file import (
    OutputRequest,
    is_finished,
    open_output,
)
from affuse.extract.inference.prediction_columns import PredictionColumns
from affuse.extract.inference.segments import Recording, TimedText

FORMATS = ("csv", "json", "jsonl")
ODD = '=a\r"b\u2028.wav'


@pytest.fixture(params=FORMATS)
def request_(request, tmp_path):
    """Return the request of a finished file of two recordings and a text."""
    columns = PredictionColumns(FACTS)
    wanted = OutputRequest(tmp_path / "out", request.param, columns, {})
    results = {
        "a.wav": [segment("a.wav", 4.0 * k, text=t) for k, t in enumerate("xy")],
        ODD: [segment(ODD)],
        "": [segment("", start=None, end=None, text="+1,\n\x1b[m")],
    }
    with open_output(wanted) as output:
        for key, segments in results.items():
            output.add(key, segments)
        output.finish([*results])
    assert is_finished(wanted)
    return wanted


def inputs(*, texts="xy", alone="+1,\n\x1b[m"):
    timed = tuple(TimedText(t, (k, k + 1.0)) for k, t in enumerate(texts))
    alone = Recording("", texts=(TimedText(alone),))
    return [Recording("a.wav", texts=timed), Recording(ODD), alone]


def test_the_same_inputs_are_accepted(request_):
    demand_same_inputs(request_, inputs())


@pytest.mark.parametrize(
    ("others", "difference"),
    [
        (inputs()[:2], "it has predictions of '', which is not among"),
        ([*inputs(), Recording("b.wav")], "it has no predictions of 'b.wav'"),
        ([*inputs(), failed()], "it has no predictions of 'bad.wav'"),
        (inputs(texts="xz"), "it has another text for 'a.wav'"),
        (inputs(texts=""), "it has another text for 'a.wav'"),
        (inputs(alone="1"), "it has another text for ''"),
    ],
)
def test_other_inputs_are_refused(request_, others, difference):
    with pytest.raises(OptionError, match=difference):
        demand_same_inputs(request_, others)


def test_a_recording_that_was_changed_later_is_refused(request_, tmp_path):
    path = tmp_path / "a.wav"
    path.touch()
    first, *others = inputs()
    changed = [Recording("a.wav", path, first.texts), *others]
    written = request_.path.stat().st_mtime_ns
    os.utime(path, ns=(written, written - 1))
    demand_same_inputs(request_, changed)
    os.utime(path, ns=(written, written + 1))
    with pytest.raises(OptionError, match="'a.wav' was changed since"):
        demand_same_inputs(request_, changed)


@pytest.mark.parametrize("form", FORMATS)
def test_a_file_in_another_format_is_refused(request_, form):
    other = OutputRequest(request_.path, form, request_.columns, {})
    if form != request_.form and is_finished(other):
        with pytest.raises(OptionError):
            demand_same_inputs(other, inputs())


def test_other_columns_are_refused(request_):
    columns = PredictionColumns(FACTS, words=True)
    other = OutputRequest(request_.path, request_.form, columns, {})
    with pytest.raises(OptionError, match="with these columns"):
        demand_same_inputs(other, inputs())


def test_a_format_that_is_not_read_back_is_refused(request_):
    other = OutputRequest(request_.path, "table", request_.columns, {})
    with pytest.raises(OptionError, match="may be of other recordings"):
        demand_same_inputs(other, inputs())
