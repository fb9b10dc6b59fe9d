"""The bench of reading inputs: what it measures and prints, not how fast it is."""

from pathlib import Path

import numpy as np
import pytest
from cli_calls import call

from affuse.extract.audio import decoder_pool
from affuse.extract.bench import feed_inputs, feed_table, processor_time
from affuse.extract.bench.feed_table import FeedSpeed


def test_the_table_has_ratios_to_the_loop_of_the_same_inputs():
    speeds = [
        FeedSpeed("short wav", "audio-s", 100.0, 1, 1.0, 0.9, "loop of soundfile.read"),
        FeedSpeed("short wav", "audio-s", 100.0, 1, 1.6, 1.5, "its steps"),
        FeedSpeed("short wav", "audio-s", 100.0, 1, wall=2.0, processor=3.0),
        FeedSpeed("short wav", "audio-s", 100.0, 2, wall=1.0, processor=3.6),
    ]
    _, loop, steps, one, two = feed_table.table(speeds)
    assert loop.startswith("short wav, loop of soundfile.read")
    assert loop.split()[-3:] == ["0.90", "100", "audio-s/s"]
    assert steps.startswith("short wav, its steps")
    assert steps.split()[-5:] == ["62", "audio-s/s", "0.62", "0.62", "0.60"]
    assert one.split()[-6:] == ["50", "audio-s/s", "0.50", "0.50", "0.30", "1.00"]
    assert two.split()[-6:-4] == ["100", "audio-s/s"]
    assert two.split()[-1] == "2.00"
    assert two.split()[-4] == "1.00"


@pytest.mark.parametrize("form", ["wav", "flac", "ogg", "mp3"])
def test_recordings_differ_and_have_their_lengths(tmp_path, form):
    lengths = np.array([0.7, 1.3])
    made = feed_inputs.recordings(tmp_path / form, form, lengths, 0, "short")
    seconds = [decoder_pool.probe(Path(u.audio)).seconds for u in made.utterances]
    assert seconds == pytest.approx([0.7, 1.3])
    assert made.amount == pytest.approx(2.0)
    first, second = (Path(u.audio).read_bytes() for u in made.utterances)
    assert first[-400:-100] != second[-400:-100]


def test_texts_are_distinct_and_repeatable():
    made = [u.text for u in feed_inputs.texts(500, seed=1).utterances]
    assert len(set(made)) == 500
    assert made == [u.text for u in feed_inputs.texts(500, seed=1).utterances]


def test_processor_time_counts_the_decoding_processes(tmp_path):
    (u,) = feed_inputs.recordings(
        tmp_path / "a", "flac", np.array([120.0]), 0, "long"
    ).utterances
    decoder_pool.probe(u.audio)
    spent = processor_time.measure(lambda: decoder_pool.load(u.audio, longest=200.0))
    alone = processor_time.measure(lambda: sum(range(1000)))
    assert spent.processor > 0.02  # seconds; decoding in another process
    assert alone.processor < spent.processor


def test_the_command():
    done = call(
        *("bench", "feed", "--count", 3, "--long", 0, "--texts", 20),
        *("--format", "wav", "--rounds", 1, "--threads", 1),
    )
    assert done.exit_code == 0, done.output
    first, title, *rows = done.output.splitlines()
    assert "an encoder that returns zeros" in first
    assert title.split()[0] == "inputs"
    kinds = [row.split("  ")[0] for row in rows]
    assert kinds == [
        "short wav, loop of soundfile.read",
        "short wav, its steps in one process",
        "short wav",
        "texts, one call of the tokenizer",
        "texts",
    ]
