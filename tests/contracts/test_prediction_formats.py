"""Requirements for every format of predictions, built in or of a plug-in."""

import re

import pytest
from predicted_examples import CALIBRATED, FACTS, calibrated, failed, segment

from affuse.data import plugins
from affuse.data.errors import AffuseError
from affuse.data.plugin_kinds import PREDICTION_FORMAT_KIND
from affuse.data.terminal import ACTIVE
from affuse.extract.inference.prediction_columns import PredictionColumns
from affuse.extract.inference.prediction_format import load_prediction_format

COLUMNS = PredictionColumns(FACTS)


@pytest.fixture(params=plugins.names(PREDICTION_FORMAT_KIND))
def form(request):
    return load_prediction_format(request.param)


def rendered(form, recordings, columns=COLUMNS, width=80):
    """Return the whole output in a format."""
    return "".join(form.render(columns, recordings, width=width))


def test_built_in_formats_are_found():
    names = ["csv", "json", "jsonl", "table"]
    assert plugins.names(PREDICTION_FORMAT_KIND) == names


@pytest.mark.parametrize("count", [0, 1, 3])
def test_a_format_yields_one_text_for_each_recording(form, count):
    files = [f"{k}.wav" for k in range(count)]
    recordings = [[segment(file), segment(file, 8.0)] for file in files]
    _, *texts, _ = form.render(COLUMNS, recordings, width=80)
    assert len(texts) == count
    for file, text in zip(files, texts, strict=True):
        assert text.count(file) == 2


def test_a_recording_is_taken_when_its_text_is_needed(form):
    taken = []
    recordings = (taken.append(k) or [segment(f"{k}.wav")] for k in range(3))
    texts = form.render(COLUMNS, recordings, width=80)
    next(texts)
    assert taken == []
    next(texts)
    assert taken == [0]


def test_the_output_ends_with_one_line_break(form):
    found = rendered(form, [[segment()], [failed()]])
    assert found == found.rstrip("\n") + "\n"


def test_equal_predictions_give_equal_text(form):
    first, second = (rendered(form, [[segment()], [failed()]]) for _ in range(2))
    assert first == second


def test_a_format_states_the_kind_of_ratings_and_the_model(form):
    found = rendered(form, [[segment()]])
    assert "synthetic" in found
    assert "demo-early" in found


def test_a_format_names_a_failed_recording_with_its_reason(form):
    found = rendered(form, [[failed("bad.wav", "the file is empty")]])
    assert "bad.wav" in found
    assert "the file is empty" in found


def test_a_format_shows_a_value_on_the_scale_of_the_training_data(form):
    assert "4.0" in rendered(form, [[segment(values=(0.5, -0.25, 0.0))]])


def test_a_format_shows_the_calibrated_value_and_its_interval(form):
    columns = PredictionColumns(CALIBRATED)
    found = rendered(form, [[calibrated(values=(0.5, -0.25, 0.0))]], columns)
    assert "3.5" in found  # 3 + 2 * 0.25
    assert "4.5" in found  # 3 + 2 * 0.75


def test_a_format_escapes_control_characters(form):
    evil = "\x1b[2J\u202eevil\x9b"
    recordings = [[segment(evil, text=evil, notes=(evil,))], [failed(evil, evil)]]
    found = rendered(form, recordings)
    assert "evil" in found
    assert not ACTIVE.search(found)


def test_a_name_that_is_no_text_can_be_written(form):
    found = rendered(form, [[segment("caf\udce9.wav", text="\udcff")]])
    assert "caf\\udce9.wav" in found
    found.encode("utf-8")


def test_an_unknown_rating_and_a_text_alone_are_accepted(form):
    alone = segment("", text="I am fine.", start=None, end=None, channel=2)
    columns = PredictionColumns(FACTS, channels=True, words=True)
    found = rendered(form, [[alone], [segment(values=(0.5,))]], columns)
    assert "I am f" in found
    assert not re.search(r"\bnan\b", found, re.I)


def test_an_unknown_format_is_refused():
    with pytest.raises(AffuseError, match="no format of predictions 'word': choose"):
        load_prediction_format("word")


@pytest.mark.parametrize("name", ["json_lines", "table_cells", "_predictions", ""])
def test_helper_modules_are_no_formats(name):
    with pytest.raises(AffuseError, match="no format"):
        load_prediction_format(name)


def test_a_new_file_adds_a_format(tmp_path, monkeypatch):
    from affuse.extract.inference import formats

    (tmp_path / "short_predictions.py").write_text(
        "def render(columns, recordings, *, width):\n"
        "    yield from ('', *(f'{len(r)}\\n' for r in recordings), '')\n"
    )
    monkeypatch.setattr(formats, "__path__", [*formats.__path__, str(tmp_path)])
    monkeypatch.setattr(
        formats.__spec__, "submodule_search_locations", formats.__path__
    )
    assert "short" in plugins.names(PREDICTION_FORMAT_KIND)
    found = rendered(load_prediction_format("short"), [[segment()] * 2, [failed()]])
    assert found == "2\n1\n"
