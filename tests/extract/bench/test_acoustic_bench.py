"""The bench of the acoustic encoder: what it prints, not how fast it is."""

from cli_calls import call

from affuse.extract.acoustics.acoustic_functionals import NAMES
from affuse.extract.bench import acoustic_bench


def test_the_table():
    measured = {"pitch": (7, 0.1), acoustic_bench.SPEECH: (0, 0.2)}
    title, pitch, speech = acoustic_bench.table(measured, 10.0)
    assert "ms per audio-s" in title
    assert pitch.split() == ["pitch", "7", "10.00", "100", "2.00"]
    assert speech.split()[-3:] == ["20.00", "50", "1.00"]


def test_the_command():
    done = call("bench", "acoustic", "--count", 1, "--rounds", 1)
    assert done.exit_code == 0, done.output
    first, _, *rows = done.output.splitlines()
    assert first.startswith("demo corpus, utterances: 1, ")
    (total,) = (row for row in rows if row.startswith(acoustic_bench.TOTAL))
    assert f" {len(NAMES)} " in total
    assert rows[-1].startswith("mini")
