"""Random checkpoints with the configuration and tensor names of audEERING.

``audeering/wav2vec2-large-robust-12-ft-emotion-msp-dim``: 234 tensors, 165,336,707
parameters; or the same with smaller sizes.
"""

import json

import torch
import transformers
from safetensors.torch import save_file

PUBLISHED = {
    "architectures": ["Wav2Vec2ForSpeechClassification"],
    "conv_bias": True,
    "do_stable_layer_norm": True,
    "feat_extract_norm": "layer",
    "finetuning_task": "wav2vec2_reg",
    "hidden_size": 1024,
    "id2label": {"0": "arousal", "1": "dominance", "2": "valence"},
    "intermediate_size": 4096,
    "label2id": {"arousal": 0, "dominance": 1, "valence": 2},
    "mask_time_prob": 0.05,
    "model_type": "wav2vec2",
    "num_attention_heads": 16,
    "num_hidden_layers": 12,
    "pooling_mode": "mean",
    "problem_type": "regression",
    "vocab_size": None,
}
REDUCED = {
    "conv_dim": [16] * 7,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_attention_heads": 4,
    "num_hidden_layers": 3,
}
EXTRACTOR = {
    "do_normalize": True,
    "feature_extractor_type": "Wav2Vec2FeatureExtractor",
    "feature_size": 1,
    "padding_side": "right",
    "padding_value": 0.0,
    "return_attention_mask": True,
    "sampling_rate": 16_000,
}
SPELLINGS = {
    "old": ("weight_g", "weight_v"),
    "new": ("parametrizations.weight.original0", "parametrizations.weight.original1"),
}


def publish(
    folder, *, sizes, spelling, form, labels=("arousal", "dominance", "valence")
):
    """Write a random checkpoint in the format of audEERING; return its tensors."""
    config = {**PUBLISHED, **sizes, "id2label": dict(enumerate(labels))}
    torch.manual_seed(0)
    model = transformers.Wav2Vec2Model(transformers.Wav2Vec2Config(**config))
    tensors = {f"wav2vec2.{k}": t for k, t in model.state_dict().items()}
    dim = config["hidden_size"]
    for name, rows in (("dense", dim), ("out_proj", len(labels))):
        tensors[f"classifier.{name}.weight"] = torch.randn(rows, dim) / dim**0.5
        tensors[f"classifier.{name}.bias"] = torch.randn(rows)
    spelt = dict(zip(SPELLINGS["new"], SPELLINGS[spelling], strict=True))
    named = {}
    for key, tensor in tensors.items():
        for ours, theirs in spelt.items():
            key = key.replace(ours, theirs)
        named[key] = tensor.contiguous()
    if form == "bin":
        torch.save(named, folder / "pytorch_model.bin")
    else:
        save_file(named, folder / "model.safetensors", {"format": "pt"})
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "preprocessor_config.json").write_text(json.dumps(EXTRACTOR))
    (folder / "vocab.json").write_text("{}")  # the published file is empty
    return tensors
