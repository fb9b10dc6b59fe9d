"""Hidden layers that are passed on as soon as they are computed."""

import pytest
import torch
import transformers

from affuse.extract.networks.hidden_layers import Layers

SMALL = {"num_hidden_layers": 4, "hidden_size": 32, "num_attention_heads": 2}
SPEECH = {**SMALL, "intermediate_size": 64, "conv_dim": (16,) * 7}
TEXT = {**SMALL, "intermediate_size": 64, "vocab_size": 50}
EXACT = {"rtol": 0.0, "atol": 1e-6}


def speech():
    return {"input_values": torch.randn(2, 4000)}


def words():
    return {"input_ids": torch.randint(0, 50, (2, 7))}


MODELS = {
    "wav2vec2": (transformers.Wav2Vec2Config, SPEECH, speech),
    "wav2vec2-stable": (
        transformers.Wav2Vec2Config,
        {**SPEECH, "do_stable_layer_norm": True, "feat_extract_norm": "layer"},
        speech,
    ),
    "hubert": (transformers.HubertConfig, SPEECH, speech),
    "wavlm": (transformers.WavLMConfig, SPEECH, speech),
    "bert": (transformers.BertConfig, TEXT, words),
    "distilbert": (
        transformers.DistilBertConfig,
        {"n_layers": 4, "dim": 32, "n_heads": 2, "hidden_dim": 64, "vocab_size": 50},
        words,
    ),
    # its blocks are not found, so all hidden states are asked for
    "albert": (transformers.AlbertConfig, {**TEXT, "embedding_size": 16}, words),
}


def make(name):
    config, sizes, inputs = MODELS[name]
    torch.manual_seed(0)
    return transformers.AutoModel.from_config(config(**sizes)).eval(), inputs()


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("wanted", [(4,), (0,), (2,), (0, 1, 3), (0, 1, 2, 3, 4)])
@torch.inference_mode()
def test_layers_are_those_of_the_whole_model(name, wanted):
    whole, inputs = make(name)
    output = whole(**inputs, output_hidden_states=True)
    states = [*output.hidden_states[:-1], output.last_hidden_state]
    found = Layers(make(name)[0], wanted, 4)(lambda layer: layer, **inputs)
    assert len(found) == len(wanted)
    for layer, hidden in zip(wanted, found, strict=True):
        torch.testing.assert_close(hidden, states[layer], **EXACT)


def test_blocks_above_the_highest_layer_are_removed():
    model, inputs = make("wav2vec2")
    layers = Layers(model, (1, 2), 4)
    assert len(model.encoder.layers) == 2
    assert len(layers(lambda layer: layer.shape, **inputs)) == 2


def test_each_layer_is_reduced_before_the_next_is_computed():
    model, inputs = make("bert")
    passed = []
    for number, block in enumerate(model.encoder.layer, 1):
        block.register_forward_hook(lambda *_, n=number: passed.append(n))
    seen = []
    Layers(model, (0, 1, 2), 4)(lambda _: seen.append(len(passed)), **inputs)
    assert seen[:2] == [0, 1]


def test_layers_of_other_sizes_are_refused():
    _, sizes, inputs = MODELS["wav2vec2"]
    config = transformers.Wav2Vec2Config(**sizes, add_adapter=True)
    model = transformers.Wav2Vec2Model(config).eval()
    with pytest.raises(ValueError, match="differ in length or size; choose its la"):
        Layers(model, (1, 4), 4)(lambda layer: layer, **inputs())
