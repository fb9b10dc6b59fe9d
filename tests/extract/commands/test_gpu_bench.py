"""All benchmarks of a GPU: their goals, and a run of their smallest sizes on a CPU."""

import json

import pytest
import torch
from cli_calls import call

from affuse.data.system.text_columns import align_columns
from affuse.extract.bench import encoder_bench
from affuse.extract.commands import gpu_bench
from affuse.extract.commands.gpu_bench import BenchmarkResult

ROWS = [
    ("way", "seconds", "audio-s/s", "affuse is", "useful", "MFU", "differs"),
    ("affuse", "2.00", "100.0", "1.00 x as fast", "100%", "40%", "1e-07"),
    ("affuse --compile", "1.60", "125.0", "0.80 x as fast", "100%", "51%", "1e-03"),
    (encoder_bench.FROM_FILES, "2.50", "80.0", "1.25 x as fast", "", "32%", ""),
]
SPEECH = tuple(align_columns(ROWS))
JOINT = ("100 models (audio, text; 5 folds, 5 seeds) in 18.4 s: 900 epochs",)


def result(name, lines):
    return BenchmarkResult(name, "bench", 1.0, 0, lines)


def test_goals_have_the_values_of_the_tables():
    goals = gpu_bench.measured_goals(
        [result("speech", SPEECH), result("table, joint training", JOINT)]
    )
    measured = {goal.text: goal.measured for goal in goals}
    assert measured == {
        "speech from files at least 0.8 of the encoder alone": "0.80",
        "50 % MFU, speech, compiled": "51%",
        "25 % MFU, text": "open",
        "the joint table in under 20 s": "18.4 s",
    }


def test_a_missing_value_is_no_success():
    goals = gpu_bench.measured_goals([result("speech", ("out of memory",))])
    assert [goal.measured for goal in goals] == ["failed", "failed", "open", "open"]


@pytest.mark.skipif(torch.cuda.is_available(), reason="is for machines without a GPU")
def test_without_a_gpu_the_goals_are_open(tmp_path):
    path = tmp_path / "figures.json"
    done = call("bench", "gpu", "--output", path)
    assert done.exit_code == 0, done.output
    assert "there is no CUDA device" in done.output
    written = json.loads(path.read_text())
    assert {goal["measured"] for goal in written["goals"]} == {"open"}
    assert written["benchmarks"] == []


@pytest.mark.slow
def test_every_benchmark_runs_in_its_smallest_size(tmp_path):
    path = tmp_path / "figures.json"
    done = call("bench", "gpu", "--tiny", "--output", path)
    assert done.exit_code == 0, done.output
    written = json.loads(path.read_text())
    names = [each["name"] for each in written["benchmarks"]]
    assert names == list(gpu_bench.COMMANDS)
    assert all(each["lines"] for each in written["benchmarks"])
    assert {goal["measured"] for goal in written["goals"]} == {"open"}
