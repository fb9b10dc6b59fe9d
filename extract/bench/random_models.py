"""Benchmark tasks: encoders of usual sizes with random weights, and random inputs."""

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import (
    BertTokenizer,
    DistilBertConfig,
    DistilBertModel,
    Wav2Vec2Config,
    Wav2Vec2FeatureExtractor,
    Wav2Vec2Model,
)

from affuse.extract.audio.waveform_standardisation import standardise
from affuse.extract.bench import encoder_flops, random_inputs
from affuse.extract.bench.encoding_ways import EncodingTask
from affuse.extract.caching.part_building import Builder
from affuse.extract.checkpoints.checkpoint_files import Checkpoint
from affuse.extract.encoders import distilbert, wav2vec2
from affuse.extract.encoding.choices import Choice, Machine
from affuse.extract.encoding.encoder_loading import make_recipe
from affuse.extract.encoding.protocol import Encoder

LARGE = {
    "hidden_size": 1024,
    "num_attention_heads": 16,
    "intermediate_size": 4096,
    "feat_extract_norm": "layer",
    "do_stable_layer_norm": True,
    "conv_bias": True,
}
# audEERING's checkpoint has 12 of the large model's 24 layers.
SPEECH: dict[str, dict[str, Any]] = {
    "large12": {**LARGE, "num_hidden_layers": 12},
    "large24": {**LARGE, "num_hidden_layers": 24},
    "base": {},
    "small": {
        **LARGE,
        "hidden_size": 192,
        "num_attention_heads": 4,
        "intermediate_size": 768,
        "num_hidden_layers": 2,
        "conv_dim": (64,) * 7,
    },
    "tiny": {
        **LARGE,
        "hidden_size": 32,
        "num_attention_heads": 2,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "conv_dim": (16,) * 7,
        "num_conv_pos_embeddings": 16,
        "num_conv_pos_embedding_groups": 4,
    },
}
TEXT: dict[str, dict[str, Any]] = {
    "base": {},
    "small": {"dim": 128, "n_layers": 2, "n_heads": 2, "hidden_dim": 512},
    "tiny": {"dim": 32, "n_layers": 2, "n_heads": 2, "hidden_dim": 64},
}
SIZES = {"audio": tuple(SPEECH), "text": tuple(TEXT)}


def speech(
    size: str, count: int, machine: Machine, dtype: str, seed: int
) -> EncodingTask:
    """Return the task of a Wav2Vec2 model, with noise of utterances' lengths.

    Args:
        size: key of `SPEECH`
        count: number of inputs
        machine: device and resources
        dtype: of the encoder
        seed: of weights and inputs
    """
    config = Wav2Vec2Config(**SPEECH[size])
    model, twin = _twins(Wav2Vec2Model, config, seed, machine.device, dtype)
    build = _speech(twin, machine, dtype, seed)
    compiled = None
    if build.encoder.packed:
        compiled = _speech(copy_of(model), machine, dtype, seed)
        compiled.encoder.compile()
    inputs = [standardise(x) for x in random_inputs.waves(count, seed)]
    return EncodingTask(
        model=model,
        build=build,
        compiled=compiled,
        processor={"feature_extractor": Wav2Vec2FeatureExtractor()},
        inputs=inputs,
        flops=sum(encoder_flops.speech(config, len(x)) for x in inputs),
        seed=seed,
    )


def _speech(model: Any, machine: Machine, dtype: str, seed: int) -> Builder:
    encoder = wav2vec2.Encoder(
        Checkpoint(model, "random", "", f"seed {seed}"),
        normalise=True,
        device=machine.device,
        dtype=dtype,
    )
    return _builder("audio", machine, dtype, encoder)


def text(
    size: str, count: int, machine: Machine, dtype: str, seed: int
) -> EncodingTask:
    """Return the task of a DistilBERT model, with texts of transcripts' lengths.

    Args:
        size: key of `TEXT`
        count: number of inputs
        machine: device and resources
        dtype: of the encoder
        seed: of weights and inputs
    """
    config = DistilBertConfig(**TEXT[size])
    model, twin = _twins(DistilBertModel, config, seed, machine.device, dtype)
    encoder = distilbert.Encoder(
        Checkpoint(twin, "random", "", f"seed {seed}"),
        tokenise=_numbers,
        vocabulary="numbers",
        device=machine.device,
        dtype=dtype,
    )
    inputs = random_inputs.tokens(count, config.vocab_size, seed)
    return EncodingTask(
        model=model,
        build=_builder("text", machine, dtype, encoder),
        compiled=None,
        processor={"tokenizer": BertTokenizer(vocab={"[PAD]": 0, "[UNK]": 1})},
        inputs=inputs,
        flops=sum(encoder_flops.text(config, len(x)) for x in inputs),
        seed=seed,
    )


def _builder(modality: str, machine: Machine, dtype: str, encoder: Encoder) -> Builder:
    """Return the builder that stage one would use for an encoder."""
    choice = Choice(modality, checkpoint="random", dtype=dtype)
    return Builder(Path(), machine, encoder, make_recipe("bench", choice, encoder, ""))


MAKERS = {"audio": speech, "text": text}


def _twins(kind: Any, config: Any, seed: int, device: str, dtype: str) -> Sequence[Any]:
    """Return a random model and a copy of it, since our encoder changes its model."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = kind(config).eval()
    return model.to(device, getattr(torch, dtype)), copy_of(model)


def copy_of(model: Any) -> Any:
    """Return a new model with the same weights.

    A deepcopy would share the classes that parametrisations create.
    """
    copied = type(model)(copy.deepcopy(model.config)).eval()
    copied.load_state_dict(model.state_dict())
    return copied


def _numbers(words: str) -> list[int]:
    """Return the token ids in a text by `text_of`; 1 for other words."""
    return [int(word) if word.isdigit() else 1 for word in words.split()]


def text_of(tokens: np.ndarray) -> str:
    """Return token ids as a text that `_numbers` reads."""
    return " ".join(map(str, tokens))
