"""Benchmark of stage one: FLOPs, random inputs, and the table that it prints."""

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from torch.utils.flop_counter import FlopCounterMode
from transformers import (
    DistilBertConfig,
    DistilBertModel,
    Wav2Vec2Config,
    Wav2Vec2Model,
)

from affuse import cli
from affuse.extract.bench import encoder_bench, encoder_flops, random_inputs
from affuse.extract.bench.encoding_ways import ways
from affuse.extract.bench.random_models import MAKERS, SPEECH
from affuse.extract.encoding import gemm_throughput
from affuse.extract.encoding.choices import Machine
from affuse.extract.encoding.gemm_throughput import choose_dtype

CPU = Machine(threads=1, progress=False)

MODALITIES = [pytest.param("audio", marks=pytest.mark.slow), "text"]


def count_flops(model, given):
    """Return the FLOPs that torch counts, with attention as matrix products."""
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(given)
    return counter.get_total_flops()


@pytest.mark.parametrize("samples", [400, 16_000, 40_001])
@pytest.mark.parametrize("kernel", [127, 128])
def test_flops_of_speech_equal_the_count_of_torch(samples, kernel):
    config = Wav2Vec2Config(
        **{**SPEECH["small"], "num_conv_pos_embeddings": kernel},
        attn_implementation="eager",
    )
    model = Wav2Vec2Model(config).eval()
    wanted = count_flops(model, torch.randn(1, samples))
    assert encoder_flops.speech(config, samples) == pytest.approx(wanted, rel=1e-3)


@pytest.mark.parametrize("tokens", [3, 77])
def test_flops_of_text_equal_the_count_of_torch(tokens):
    sizes = {"dim": 64, "n_heads": 4, "hidden_dim": 128, "n_layers": 3}
    config = DistilBertConfig(**sizes, attn_implementation="eager")
    model = DistilBertModel(config).eval()
    wanted = count_flops(model, torch.ones(1, tokens, dtype=torch.long))
    assert encoder_flops.text(config, tokens) == pytest.approx(wanted, rel=1e-3)


def test_random_lengths_agree_with_published_lengths():
    seconds = np.array([len(w) / 16_000 for w in random_inputs.waves(1_000, seed=0)])
    assert 4.2 < seconds.mean() < 4.8  # IEMOCAP: 4.5
    assert seconds.min() >= 0.6
    assert seconds.max() <= 34.0


def test_equal_seeds_give_equal_inputs():
    one, two, other = (random_inputs.tokens(9, 100, seed) for seed in (1, 1, 2))
    assert all(map(np.array_equal, one, two))
    assert not all(map(np.array_equal, one, other))


@pytest.mark.parametrize("modality", MODALITIES)
def test_all_implementations_give_equal_embeddings(modality):
    task = MAKERS[modality]("small", 12, CPU, "float32", seed=0)
    found = {name: way.run() for name, way in ways(task).items()}
    for vectors in found.values():
        assert vectors.shape == (12, found["one by one"].shape[1])
        # float32 sums in another order
        np.testing.assert_allclose(vectors, found["one by one"], atol=1e-4)
    assert len(found) == 4


def test_the_useful_share_excludes_padding():
    task = MAKERS["text"]("small", 8, CPU, "float32", seed=0)
    lengths = [len(x) for x in task.inputs]
    way = ways(task)["transformers pipeline, batches of 8"]
    assert way.useful == pytest.approx(sum(lengths) / (8 * max(lengths)))


def test_the_table_lists_speeds_relative_to_affuse():
    measured = {
        "one by one": encoder_bench.EncodingSpeed(6.0, 1.0, 0.0),
        "affuse": encoder_bench.EncodingSpeed(2.0, 1.0, 1e-6),
    }
    title, other, ours = encoder_bench.table(measured, 30.0, "audio-s", shortest=1.5)
    assert "audio-s/s" in title
    assert other.split() == "one by one 6.00 5.0 3.00 x as fast 100% 25% 0e+00".split()
    assert ours.split() == "affuse 2.00 15.0 1.00 x as fast 100% 75% 1e-06".split()


@pytest.mark.parametrize("modality", MODALITIES)
def test_the_command_prints_the_table(modality, monkeypatch):
    monkeypatch.setitem(gemm_throughput.SIZE, "cpu", 64)
    options = ["--size", "small", "--count", "5", "--rounds", "1", "--threads", "1"]
    found = CliRunner().invoke(
        cli.main, ["bench", "extract", "--modality", modality, *options]
    )
    assert found.exit_code == 0, found.output
    assert "5 generated inputs" in found.output
    assert "affuse, from files into the cache" in found.output


def test_an_unknown_size_is_refused():
    found = CliRunner().invoke(
        cli.main, ["bench", "extract", "--modality", "text", "--size", "large24"]
    )
    assert found.exit_code == 1
    assert "Error: --size large24: text has base, small" in found.output


def test_auto_chooses_bfloat16_on_a_cpu_with_matrix_units_only(monkeypatch):
    assert choose_dtype("float16", "cpu") == "float16"
    for supported, dtype in ((lambda: False, "float32"), (lambda: True, "bfloat16")):
        monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", supported)
        assert choose_dtype("auto", "cpu") == dtype


def test_auto_does_not_depend_on_the_load_of_the_machine(monkeypatch):
    def measured(*_):
        raise AssertionError("a speed was measured")

    name = "affuse.extract.encoding.gemm_throughput.measure_throughput"
    monkeypatch.setattr(name, measured)
    assert choose_dtype("auto", "cpu") == choose_dtype("auto", "cpu")
