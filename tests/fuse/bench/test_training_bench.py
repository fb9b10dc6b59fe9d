"""Benchmark of stage two: equal models in all training loops, and the printed table."""

import pytest
import torch
from click.testing import CliRunner

from affuse import cli
from affuse.extract.encoding import gemm_throughput
from affuse.fuse.bench import (
    random_embeddings,
    table_timing,
    training_bench,
    training_loops,
)
from affuse.fuse.losses import SMALLEST_BATCH
from affuse.fuse.settings import Settings

SETTINGS = Settings(
    latent=4, autoencoder_hidden=8, hidden=8, batch=128, epochs=1, patience=1
)
SIZE = random_embeddings.BenchmarkSize(300, (12, 6), 2, "early", SETTINGS, seed=0)


def jobs():
    return random_embeddings.random_tasks(SIZE, "cpu")


def test_batches_may_be_as_small_as_the_loss_allows():
    (option,) = (p for p in cli.bench.commands["train"].params if p.name == "batch")
    assert option.type.min == SMALLEST_BATCH


def test_models_differ_in_their_seed_alone():
    one, two = jobs()
    assert (one.seed, two.seed) == (0, 1)
    assert one.rows is two.rows
    assert not set(one.train.tolist()) & set(one.validation.tolist())
    assert torch.equal(one.rows.truth, jobs()[0].rows.truth)


def test_files_and_tensors_hold_the_same(tmp_path):
    standard = training_loops.StandardisedModel(jobs()[0])
    files, tensors = standard.files(tmp_path), standard.tensors()
    assert len(files) == len(tensors) == 240
    for row in (0, 239):
        for one, other in zip(files[row], tensors[row], strict=True):
            assert torch.equal(one, other)


def test_counted_flops_are_those_of_the_layers():
    # forward and both gradients are three products; the first layers need two
    def products(*pairs):
        return sum(2 * a * b for a, b in pairs)

    first = products((12, 8), (6, 8))
    others = products((8, 4), (8, 4), (4, 8), (4, 8), (8, 12), (8, 6), (8, 8), (8, 3))
    unseen = first + products((8, 4), (8, 4), (8, 8), (8, 3))
    expected = 240 * (2 * first + 3 * others) + 60 * unseen
    assert training_bench.count_flops(jobs()) == pytest.approx(2 * expected)


def test_the_table_compares_the_speed_of_loops():
    lines = training_bench.table_lines(
        {"loop": 6.0, "affuse": 2.0}, 4, needed=8e9, limit=16e9
    )
    assert lines[1].split() == "loop 6.00 1500.0 3.0 x as fast 1.3 8%".split()
    assert lines[2].split() == "affuse 2.00 500.0 1.0 x as fast 4.0 25%".split()


SLOW = pytest.param(["--reduce", "none"], marks=pytest.mark.slow)


@pytest.mark.parametrize("options", [["--training", "pretrain"], SLOW])
def test_the_command_prints_a_table(options, monkeypatch):
    monkeypatch.setitem(gemm_throughput.SIZE, "cpu", 64)
    size = "--rows 300 --dims 8 6 --models 2 --epochs 1 --batch 128 --threads 1"
    small = "--hidden 8 --latent 4"
    found = CliRunner().invoke(
        cli.main, ["bench", "train", *size.split(), *small.split(), *options]
    )
    assert found.exit_code == 0, found.output
    assert "300 synthetic utterances of 8 + 6 features" in found.output
    ways = [line.split("  ")[0] for line in found.output.splitlines()[-3:]]
    assert ways == [
        "one HDF5 data set per utterance, DataLoader",
        "TensorDataset, DataLoader",
        "affuse",
    ]


def test_the_whole_table_tests_every_row_once_and_never_trains_on_it():
    found = table_timing.table_tasks(SIZE, "cpu")
    assert len(found) == 100
    assert len({(job.fusion, job.fold, job.seed) for job in found}) == 100
    rows, tested = set(range(300)), []
    for job in found[:: table_timing.SEEDS][: table_timing.FOLDS]:
        train, validation = set(job.train.tolist()), set(job.validation.tolist())
        assert not train & validation
        tested += rows - train - validation
    assert sorted(tested) == sorted(rows)


@pytest.mark.slow
def test_the_command_times_the_whole_table():
    size = "--rows 300 --dims 8 6 --epochs 1 --batch 128 --threads 1 --latent 4"
    words = ["bench", "train", "--table", "--training", "pretrain", *size.split()]
    found = CliRunner().invoke(cli.main, words)
    assert found.exit_code == 0, found.output
    said = found.stdout.splitlines()[-1]
    assert said.startswith("100 models (audio, text, early, late; 5 folds, 5 seeds)")
    assert said.endswith(": 100 epochs, and 50 epochs of 50 autoencoders before")
