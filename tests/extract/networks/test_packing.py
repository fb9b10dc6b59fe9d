"""Packed inputs, compared with single inputs."""

from functools import partial

import numpy as np
import pytest
import torch
from transformers import HubertConfig, HubertModel, Wav2Vec2Config, Wav2Vec2Model

from affuse.extract.checkpoints.checkpoint_files import Checkpoint
from affuse.extract.encoders import distilbert, wav2vec2
from affuse.extract.encoding import pooling
from affuse.extract.encoding.protocol import hidden
from affuse.extract.networks import packed_attention, packing

RATE = 16_000
SECONDS = (2.31, 0.03, 0.4, 0.4, 1.007, 0.36)
MODELS = {
    "stable": (Wav2Vec2Config, Wav2Vec2Model, True),
    "normalised after each block": (Wav2Vec2Config, Wav2Vec2Model, False),
    "hubert": (HubertConfig, HubertModel, True),
}


def encoder(kind, *, device="cpu", dtype="float32", kernel=16, layers="all"):
    config, model, stable = MODELS[kind]
    torch.manual_seed(0)
    made = model(
        config(
            hidden_size=32,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=64,
            conv_dim=(16,) * 7,
            conv_bias=True,
            feat_extract_norm="layer",
            do_stable_layer_norm=stable,
            num_conv_pos_embeddings=kernel,
            num_conv_pos_embedding_groups=2,
        )
    )
    return wav2vec2.Encoder(
        Checkpoint(made, "random", "", "seed 0"),
        normalise=True,
        layers=layers,
        device=device,
        dtype=dtype,
    )


@pytest.fixture
def packed_encoder(monkeypatch):
    """Function that returns an encoder that packs its inputs on a CPU too."""

    def made(*args, **options):
        with monkeypatch.context() as patch:
            patch.setattr(packed_attention, "suits", lambda model: True)
            return encoder(*args, **options)

    return made


def inputs(found):
    rng = np.random.default_rng(0)
    waves = [rng.standard_normal(int(RATE * s), dtype=np.float32) for s in SECONDS]
    return [found.prepare(wave).blocks[0] for wave in waves]


def pieces(found, batch):
    """Return the hidden states of each input, (layers, steps, dim)."""
    layers = found.packed(batch, lambda hidden, counts: hidden[0].split(counts))
    return [torch.stack(each) for each in zip(*layers, strict=True)]


@pytest.mark.parametrize("kernel", [16, 15, 2, 3])
@pytest.mark.parametrize("kind", MODELS)
def test_packed_inputs_give_the_results_of_single_inputs(packed_encoder, kind, kernel):
    alone, packed = encoder(kind, kernel=kernel), packed_encoder(kind, kernel=kernel)
    batch = inputs(alone)
    for wave, found in zip(batch, pieces(packed, batch), strict=True):
        wanted = hidden(alone, wave[None])[0]
        torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("how", pooling.POOLINGS)
def test_packed_inputs_are_pooled_like_single_inputs(packed_encoder, how):
    alone, packed = encoder("stable"), packed_encoder("stable")
    batch = inputs(alone)
    layers = packed.packed(batch, partial(pooling.reduce, how=how))
    for wave, block in zip(batch, pooling.blocks(layers), strict=True):
        (wanted,) = pooling.blocks(alone(wave[None], partial(pooling.reduce, how=how)))
        assert block.steps == wanted.steps
        np.testing.assert_allclose(
            pooling.vector(block, how), pooling.vector(wanted, how), atol=1e-5
        )


def test_neighbours_in_a_pack_do_not_change_results(packed_encoder):
    found = packed_encoder("stable")
    batch = inputs(found)
    before = pieces(found, batch)
    other = [wave if i == 2 else 5 + 3 * wave for i, wave in enumerate(batch)]
    torch.testing.assert_close(pieces(found, other)[2], before[2], rtol=0, atol=1e-6)


def test_packed_texts_give_the_results_of_single_texts(monkeypatch):
    alone = distilbert.Encoder.tiny(layers="all")
    monkeypatch.setattr(packed_attention, "suits", lambda model: True)
    packed = distilbert.Encoder.tiny(layers="all")
    texts = ["", "I do not know", "Well", "a b c d e f g h i j k l m n o", "Well then"]
    batch = [alone.prepare(text).blocks[0] for text in texts]
    for tokens, found in zip(batch, pieces(packed, batch), strict=True):
        wanted = hidden(alone, tokens[None])[0]
        torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-5)


def test_inputs_are_not_packed_on_a_cpu():
    assert not packing.packs(encoder("stable").model)  # on a CPU
    assert encoder("stable").packed is None


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("kind", MODELS)
def test_packing_on_a_gpu_agrees_with_single_inputs(kind):
    alone = encoder(kind)
    packed = encoder(kind, device="cuda", dtype="bfloat16")
    assert packed.packed is not None
    batch = inputs(alone)
    for wave, found in zip(batch, pieces(packed, batch), strict=True):
        wanted = hidden(alone, wave[None])[0]
        difference = (found.float().cpu() - wanted).norm() / wanted.norm()
        assert difference < 0.03  # eight bits of bfloat16


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_packed_texts_on_a_gpu_agree_with_single_texts():
    alone = distilbert.Encoder.tiny(layers="all")
    packed = distilbert.Encoder.tiny(layers="all", device="cuda", dtype="bfloat16")
    texts = ["", "I do not know", "Well", "a b c d e f g h i j k l m n o", "Well then"]
    batch = [alone.prepare(text).blocks[0] for text in texts]
    for tokens, found in zip(batch, pieces(packed, batch), strict=True):
        wanted = hidden(alone, tokens[None])[0]
        difference = (found.float().cpu() - wanted).norm() / wanted.norm()
        assert difference < 0.03


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_compiled_models_on_a_gpu_agree_with_uncompiled_ones():
    plain, compiled = (
        encoder("stable", device="cuda", dtype="bfloat16") for _ in range(2)
    )
    compiled.compile()
    batch = inputs(plain)
    for found, wanted in zip(
        pieces(compiled, batch), pieces(plain, batch), strict=True
    ):
        assert (found - wanted).float().norm() / wanted.float().norm() < 0.03
