"""Files of predictions: continuing, replacing, refusing."""

import dataclasses
import math
import os
from pathlib import Path

import pytest
from predicted_examples import (
    CALIBRATED,
    FACTS,
    calibrated,
    failed,
    recordings,
    segment,
)

from affuse.data import plugins
from affuse.data.errors import DamagedFileError, OptionError
from affuse.data.plugin_kinds import PREDICTION_FORMAT_KIND
from affuse.extract.inference.output_file import (
    OutputRequest,
    file_stamp,
    is_finished,
    open_output,
)
from affuse.extract.inference.predicted_segments import PredictedRating
from affuse.extract.inference.prediction_columns import PredictionColumns
from affuse.extract.inference.prediction_format import load_prediction_format

resource = pytest.importorskip("resource", reason="needs limits of a process")
FORMATS = plugins.names(PREDICTION_FORMAT_KIND)
COLUMNS = PredictionColumns(FACTS)


class Interrupted(Exception):
    """Substitute for the end of the process."""


def request(path, form="csv", columns=COLUMNS, **options):
    return OutputRequest(path, form, columns, options or {"window": 8.0})


def predict(wanted, results, *, stop=None):
    """Predict as a command does; return the predicted keys and the failures.

    Args:
        wanted: request for the file
        results: {key: segments}
        stop: number of predictions after which the command is interrupted
    """
    predicted = []
    with open_output(wanted) as output:
        for key, segments in results.items():
            if output.is_done(key):
                continue
            if len(predicted) == stop:
                raise Interrupted
            output.add(key, segments)
            predicted.append(key)
        return predicted, output.finish([*results])


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out.txt"


def journal(path):
    return path.with_name(f"{path.name}.progress")


@pytest.mark.parametrize("form", FORMATS)
def test_a_file_is_what_the_format_renders(out, form):
    results = recordings(6)
    assert predict(request(out, form), results) == ([*results], 1)
    texts = load_prediction_format(form).render(COLUMNS, results.values(), width=80)
    assert out.read_text(encoding="utf-8") == "".join(texts)


@pytest.mark.parametrize("form", FORMATS)
def test_an_interrupted_command_continues(out, form):
    results = recordings(3)
    with pytest.raises(Interrupted):
        predict(request(out, form), results, stop=2)
    assert not out.exists()
    assert predict(request(out, form), results) == (["folder/2.wav"], 0)
    complete = out.with_name("complete")
    predict(request(complete, form), results)
    assert out.read_bytes() == complete.read_bytes()
    assert not journal(out).exists()


def test_a_journal_that_was_cut_anywhere_gives_the_same_file(out):
    results = recordings(3)
    with pytest.raises(Interrupted):
        predict(request(out), results, stop=2)
    written = journal(out).read_bytes()
    complete = out.with_name("complete")
    predict(request(complete), results)
    expected = complete.read_bytes()
    ends = [k + 1 for k, byte in enumerate(written) if byte == ord("\n")]
    for size in {*range(0, len(written), 41), *ends, *(end - 1 for end in ends)}:
        journal(out).write_bytes(written[:size])
        predicted, _ = predict(request(out), results)
        assert len(predicted) == 3 - sum(end <= size for end in ends[1:])
        assert out.read_bytes() == expected
        out.unlink()


def test_a_damaged_line_is_predicted_again(out):
    results = recordings(3)
    with pytest.raises(Interrupted):
        predict(request(out), results, stop=2)
    lines = journal(out).read_bytes().splitlines(keepends=True)
    journal(out).write_bytes(lines[0] + lines[1] + b"\0" * 40 + b"\n")
    assert predict(request(out), results)[0] == ["folder/1.wav", "folder/2.wav"]


def test_only_failed_recordings_are_predicted_again(out):
    results = recordings(6)
    assert predict(request(out), results)[1] == 1
    assert journal(out).exists()
    results["folder/3.wav"] = [segment("folder/3.wav")]
    assert predict(request(out), results) == (["folder/3.wav"], 0)
    complete = out.with_name("complete")
    predict(request(complete), results)
    assert out.read_bytes() == complete.read_bytes()
    assert not journal(out).exists()


def test_a_recording_with_one_failed_segment_is_predicted_again(out):
    results = {"a.wav": [segment(), failed("a.wav", "the segment is too short")]}
    assert predict(request(out), results)[1] == 1
    assert predict(request(out), results) == (["a.wav"], 1)


def test_recordings_that_are_no_longer_asked_for_are_left_out(out):
    results = recordings(3)
    with pytest.raises(Interrupted):
        predict(request(out), results, stop=2)
    del results["folder/0.wav"]
    predict(request(out), results)
    assert "folder/0.wav" not in out.read_text()


def test_a_file_that_changed_is_predicted_again(out, tmp_path):
    sound = tmp_path / "a.wav"
    sound.write_bytes(b"1")
    first = file_stamp(sound)
    sound.write_bytes(b"22")
    with open_output(request(out)) as output:
        output.add("a.wav", [segment()], first)
        assert output.is_done("a.wav", first)
        assert not output.is_done("a.wav", file_stamp(sound))


def test_segments_are_read_as_they_were_added(out):
    rating = PredictedRating(1 / 3, math.inf)
    odd = segment("caf\udce9\n.wav", text='"\x00', channel=2, notes=("a", "b"))
    results = {
        "1": [calibrated(values=(1 / 3, -0.1, 1e-17)), odd],
        "2": [failed()],
        "3": [segment(ratings={"valence": rating})],
    }
    with open_output(request(out, columns=PredictionColumns(CALIBRATED))) as output:
        for key, segments in results.items():
            output.add(key, segments)
        assert [*output.segments(["2", "1"])] == [*results["2"], *results["1"]]
        (found,) = output.segments(["3"])
    assert found.valence == 1 / 3
    assert math.isnan(found.rating("valence").spread)


@pytest.mark.parametrize("form", FORMATS)
def test_a_finished_file_is_recognised_and_kept(out, form):
    wanted, results = request(out, form), recordings(2)
    assert not is_finished(wanted)
    predict(wanted, results)
    assert is_finished(wanted)
    content = out.read_bytes()
    with pytest.raises(OptionError, match="holds the finished predictions of demo-ea"):
        predict(wanted, results)
    assert out.read_bytes() == content
    assert os.listdir(out.parent) == [out.name]


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize(
    "facts",
    [
        dataclasses.replace(FACTS, digest="ff" * 32),
        dataclasses.replace(FACTS, name="x"),
    ],
)
def test_a_finished_file_of_another_model_is_refused(out, form, facts):
    predict(request(out, form), recordings(2))
    other = request(out, form, PredictionColumns(facts))
    assert not is_finished(other)
    with pytest.raises(OptionError, match="is no output of this model"):
        predict(other, recordings(2))


def test_a_foreign_file_is_never_replaced(out):
    out.write_bytes(b"RIFF\0\xff a recording")
    with pytest.raises(OptionError, match="out.txt exists"):
        predict(request(out), recordings(2))
    assert out.read_bytes().startswith(b"RIFF")


@pytest.mark.parametrize(
    ("changes", "difference"),
    [
        ({"window": 4.0}, "window was 8.0 and is 4.0"),
        ({"form": "json"}, "format was csv and is json"),
        ({"columns": PredictionColumns(FACTS, words=True)}, "columns was file start"),
        ({"window": 8.0, "hop": 2.0}, "hop was not given and is 2.0"),
    ],
)
def test_another_command_does_not_continue_a_journal(out, changes, difference):
    with pytest.raises(Interrupted):
        predict(request(out), recordings(3), stop=1)
    with pytest.raises(OptionError, match=difference):
        predict(request(out, **changes), recordings(3))
    assert predict(request(out), recordings(3))[0] == ["folder/1.wav", "folder/2.wav"]


def test_an_empty_file_is_replaced(out):
    out.touch()
    assert predict(request(out), recordings(1)) == (["folder/0.wav"], 0)
    assert "folder/0.wav" in out.read_text()


def test_a_file_with_the_name_of_a_journal_is_refused(out):
    journal(out).write_text("notes of my own\n")
    with pytest.raises(OptionError, match="no file of an interrupted prediction"):
        predict(request(out), recordings(1))
    assert journal(out).read_text() == "notes of my own\n"


def test_a_second_command_is_refused_while_the_first_writes(out):
    with open_output(request(out)) as first:
        first.add("a.wav", [segment()])
        with pytest.raises(OptionError, match="another command is writing"):
            predict(request(out), recordings(1))
        assert first.finish(["a.wav"]) == 0
    assert "a.wav" in out.read_text()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_is_refused(out):
    os.mkfifo(out)
    with pytest.raises(DamagedFileError, match="no regular file"):
        predict(request(out), recordings(1))


def test_a_link_stays_a_link(out):
    target = out.with_name("target.csv")
    predict(request(target), {})
    target.unlink()
    out.symlink_to(target)
    predict(request(out), recordings(1))
    assert out.is_symlink()
    assert "folder/0.wav" in target.read_text()


def test_an_interruption_while_the_file_is_written_leaves_the_journal(out, monkeypatch):
    results = recordings(2)
    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", lambda *_: (_ for _ in ()).throw(OSError("full")))
        with pytest.raises(OSError, match="full"):
            predict(request(out), results)
    assert os.listdir(out.parent) == [journal(out).name]
    assert predict(request(out), results) == ([], 0)


@pytest.mark.skipif(not os.path.isdir("/proc"), reason="needs the folder /proc")
def test_an_output_that_cannot_be_written_is_named_by_its_own_name():
    with pytest.raises(OSError, match="out.csv") as error:
        predict(request(Path("/proc/out.csv")), recordings(1))
    assert error.value.filename == "/proc/out.csv"


def test_a_full_disk_is_named_with_the_journal(out):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    with open_output(request(out)) as output:
        output.add("a.wav", [segment()])
    size = journal(out).stat().st_size
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 10, limits[1]))
    try:
        with pytest.raises(OSError, match="out.txt.progress"):
            predict(request(out), recordings(3))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
