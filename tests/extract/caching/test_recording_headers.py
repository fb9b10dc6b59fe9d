"""`check` opens the recordings of a table, and compares spans with their lengths."""

from dataclasses import replace

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner
from spoken_corpus import noise

from affuse.cli import main
from affuse.data.corpora import manifest
from affuse.extract.audio import decoding
from affuse.extract.caching import recording_headers

RATE = decoding.SAMPLE_RATE


def corpus(folder, *rows):
    """Write a table with rows of file, start and end; the file lasts one second."""
    soundfile.write(folder / "whole.wav", noise(RATE), RATE)
    lines = ["file,start,end,text", *(f"{row},hi" for row in rows)]
    (folder / "table.csv").write_text("\n".join(lines) + "\n")
    return manifest.read(folder)


def reasons(folder, *rows):
    return [p.reason for p in recording_headers.find_problems(corpus(folder, *rows))]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("whole.wav,,", ""),
        ("whole.wav,0.5,1.04", ""),  # times are rounded
        (
            "whole.wav,0,1000",
            "ends at 1.00 s, before 1000.00 s; if times are in "
            "milliseconds, write their unit, as in 1000ms",
        ),  # milliseconds
        ("whole.wav,0.5,1.2", "ends at 1.00 s, before 1.20 s"),
        ("whole.wav,5,", "has no samples there"),
    ],
)
def test_a_span_beyond_the_end_of_its_file_is_named(tmp_path, row, reason):
    assert reasons(tmp_path, row) == [reason] * bool(reason)


def test_a_channel_that_a_file_lacks_is_named(tmp_path):
    found = corpus(tmp_path, "whole.wav,,")
    (u,) = found.utterances
    found = replace(found, utterances=(replace(u, channel=2),))
    (problem,) = recording_headers.find_problems(found)
    assert problem.reason == "has only one channel, and no channel 2"


def write(path, kind):
    """Write an existing file that cannot be encoded."""
    if kind == "empty":
        soundfile.write(path, noise(0), RATE)
    elif kind == "slow":
        soundfile.write(path, noise(4), 2)
    elif kind == "wide":
        soundfile.write(path, np.zeros((9, 12)), RATE)
    elif kind == "cut":
        soundfile.write(path, noise(RATE), RATE)
        path.write_bytes(path.read_bytes()[:-4_000])
    else:
        path.write_text("404 not found")


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("empty", "has no samples"),
        ("slow", "has a sampling rate of 2 Hz"),
        ("wide", "has 12 channels, more than 8"),
        ("cut", "is cut off: the header promises more samples than there are"),
        ("text", "cannot be decoded: Format not recognised"),
    ],
)
def test_check_gives_the_reasons_of_extract(tmp_path, kind, reason):
    write(tmp_path / "odd.wav", kind)
    assert reasons(tmp_path, "odd.wav,,", "whole.wav,,") == [reason]
    with pytest.raises(decoding.Unusable, match=reason):
        decoding.load(tmp_path / "odd.wav", longest=60.0)


def test_a_damaged_file_is_not_called_absent(tmp_path):
    path = tmp_path / "cut.mp3"
    soundfile.write(path, noise(RATE), RATE)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(
        decoding.Unusable, match="decoded: its samples are damaged or cut"
    ):
        decoding.load(path, longest=60.0)


def test_a_recording_that_extract_refuses_as_too_long_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr("affuse.extract.audio.header_bounds.LONGEST", 0.5)
    (reason,) = reasons(tmp_path, "whole.wav,,", "whole.wav,0,0.5")
    assert reason.startswith("lasts 1 s, more than 0.5 s; cut it into utterances")


def test_a_corrected_file_is_noted_once(tmp_path):
    path = tmp_path / "odd.wav"
    soundfile.write(path, noise(RATE), RATE)
    image = path.read_bytes()
    at = image.index(b"data") + 4
    path.write_bytes(image[:at] + bytes(4) + image[at + 4 :])
    rows = ("odd.wav,0,0.5", "odd.wav,0.5,", "whole.wav,,")
    (note,) = recording_headers.find_problems(corpus(tmp_path, *rows))
    assert (note.file, note.fatal) == ("odd.wav", False)
    assert note.reason == "states no data size; read to the end of the file"


def test_check_fails_unless_recordings_are_skipped(tmp_path):
    corpus(tmp_path, "whole.wav,0,3", "whole.wav,0,1")
    words = ["check", "manifest", str(tmp_path)]
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 1
    assert "whole.wav (whole-0-3000): ends at 1.00 s, before 3.00 s" in done.output
    assert CliRunner().invoke(main, [*words, "--no-audio"]).exit_code == 0
