"""Rewritten convolutions, compared with those of transformers."""

import pytest
import torch
from transformers import HubertConfig, HubertModel, Wav2Vec2Config, Wav2Vec2Model
from transformers.models.wav2vec2 import modeling_wav2vec2

from affuse.extract.networks import convolutions

EXACT = {"rtol": 0.0, "atol": 1e-5}  # float32 sums in another order, of values about 1
SIZES = {
    "hidden_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "num_conv_pos_embeddings": 128,
    "num_conv_pos_embedding_groups": 4,
}
STACKS = {
    "layer": {"feat_extract_norm": "layer", "conv_bias": True},
    "no bias": {"feat_extract_norm": "layer", "conv_bias": False},
    "group": {"feat_extract_norm": "group", "conv_bias": False},
    "other strides": {
        "feat_extract_norm": "layer",
        "conv_kernel": (9, 5, 4, 1),
        "conv_stride": (4, 3, 4, 1),
    },
}


def model(kind=Wav2Vec2Model, config=Wav2Vec2Config, **changes):
    torch.manual_seed(0)
    width = len(changes.get("conv_kernel", range(7)))
    found = kind(config(**SIZES, **changes, conv_dim=(32,) * width)).eval()
    norms = [m for m in found.modules() if hasattr(m, "eps") and m.weight is not None]
    for norm in norms:  # else they are ones and zeros, and may be mistaken
        torch.nn.init.normal_(norm.weight, 1.0, 0.1)
        torch.nn.init.normal_(norm.bias, 0.0, 0.1)
    return found


@pytest.fixture(autouse=True)
def seed_waves():
    torch.manual_seed(0)


@pytest.fixture(scope="module", params=STACKS.values(), ids=STACKS)
def changes(request):
    return request.param


@pytest.fixture(scope="module")
def original(changes):
    return model(**changes)


@pytest.fixture(scope="module")
def rewritten(changes):
    found = model(**changes)
    convolutions.fold(found)
    convolutions.rewrite(found)
    return found.eval()


@pytest.fixture
def one_thread():
    """Use one thread for the reference, as folding does."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.mark.parametrize("samples", [500, 16_000, 16_123, 47_999])
@pytest.mark.parametrize("n", [1, 3])
@torch.inference_mode()
def test_the_rewritten_stack_equals_the_original(original, rewritten, samples, n):
    waves = torch.randn(n, samples)
    wanted = original.feature_extractor(waves)
    assert isinstance(rewritten.feature_extractor, convolutions.ConvolutionStack)
    torch.testing.assert_close(rewritten.feature_extractor(waves), wanted, **EXACT)


@pytest.mark.parametrize("tile", [1, 7, 1000])
@torch.inference_mode()
def test_tiles_do_not_change_results(original, rewritten, tile, monkeypatch):
    monkeypatch.setattr(rewritten.feature_extractor, "tile", tile)
    waves = torch.randn(2, 4_000)
    wanted = original.feature_extractor(waves)
    torch.testing.assert_close(rewritten.feature_extractor(waves), wanted, **EXACT)


@torch.inference_mode()
def test_a_strided_view_of_samples_is_read_correctly(original, rewritten):
    waves = torch.randn(2, 24_000)[:, 1000::2]
    wanted = original.feature_extractor(waves)
    torch.testing.assert_close(rewritten.feature_extractor(waves), wanted, **EXACT)


@pytest.mark.parametrize("kernel", [64, 100, 101, 128])
@pytest.mark.parametrize("steps", [1, 60, 128, 129, 400])
@torch.inference_mode()
def test_the_rewritten_positional_convolution_equals_the_original(kernel, steps):
    conv = torch.nn.Conv1d(64, 64, kernel, padding=kernel // 2, groups=4)
    x = torch.randn(2, 64, steps)
    found = convolutions.Spectral(conv)(x)
    torch.testing.assert_close(found, conv(x), **EXACT)


@torch.inference_mode()
def test_the_rewritten_model_equals_the_original(original, rewritten):
    waves = torch.randn(2, 16_000)
    wanted = original(waves).last_hidden_state
    assert isinstance(rewritten.encoder.pos_conv_embed.conv, convolutions.Spectral)
    torch.testing.assert_close(rewritten(waves).last_hidden_state, wanted, **EXACT)


@torch.inference_mode()
def test_folded_weight_norms_give_equal_bits(one_thread):
    found = model()
    waves = torch.randn(1, 8000)
    wanted = found(waves).last_hidden_state
    convolutions.fold(found)
    assert not any("parametrizations" in name for name, _ in found.named_parameters())
    assert torch.equal(found(waves).last_hidden_state, wanted)


@torch.inference_mode()
def test_hubert_is_rewritten_too():
    original, found = (model(HubertModel, HubertConfig) for _ in range(2))
    convolutions.rewrite(found)
    waves = torch.randn(1, 8000)
    wanted = original(waves).last_hidden_state
    assert isinstance(found.feature_extractor, convolutions.ConvolutionStack)
    torch.testing.assert_close(found.eval()(waves).last_hidden_state, wanted, **EXACT)


class Padded(modeling_wav2vec2.Wav2Vec2LayerNormConvLayer):
    """Convolution of a form that is not supported."""

    def __init__(self, config, layer_id):
        super().__init__(config, layer_id)
        self.conv.padding = (1,)


def test_unsupported_convolutions_are_not_replaced():
    found = model()
    found.feature_extractor.conv_layers[2] = Padded(found.config, 2)
    kept = found.feature_extractor
    convolutions.rewrite(found)
    assert found.feature_extractor is kept
