"""Small random checkpoints of each encoder family of transformers."""

import json

SPEECH = {
    "hidden_size": 32,
    "num_hidden_layers": 3,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "conv_dim": (16,) * 7,
    "num_conv_pos_embeddings": 16,
    "num_conv_pos_embedding_groups": 2,
}


LAYER_NORM = {
    "feat_extract_norm": "layer",
    "do_stable_layer_norm": True,
    "conv_bias": True,
}


TEXT = {
    "vocab_size": 64,
    "hidden_size": 32,
    "num_hidden_layers": 3,
    "num_attention_heads": 2,
    "intermediate_size": 64,
}


FAMILIES = {  # name: class in transformers, and changes of its configuration
    "wav2vec2": ("Wav2Vec2Model", SPEECH),
    "wav2vec2-large": ("Wav2Vec2Model", {**SPEECH, **LAYER_NORM}),
    "wav2vec2-ctc": ("Wav2Vec2ForCTC", {**SPEECH, **LAYER_NORM, "vocab_size": 40}),
    "short-front-end": (
        "Wav2Vec2Model",
        {
            **SPEECH,
            **LAYER_NORM,
            "conv_dim": (16, 16, 16),
            "conv_kernel": (400, 3, 3),
            "conv_stride": (80, 2, 2),
        },
    ),
    "hubert": ("HubertModel", SPEECH),
    "hubert-large": ("HubertModel", {**SPEECH, **LAYER_NORM}),
    "wavlm": ("WavLMModel", SPEECH),
    "wavlm-large": ("WavLMModel", {**SPEECH, **LAYER_NORM}),
    "data2vec": ("Data2VecAudioModel", SPEECH),
    "distilbert": (
        "DistilBertModel",
        {"vocab_size": 64, "dim": 32, "n_layers": 3, "n_heads": 2, "hidden_dim": 64},
    ),
    "bert": ("BertModel", TEXT),
    "bert-mlm": ("BertForMaskedLM", TEXT),  # has no pooler
    "roberta": ("RobertaModel", {**TEXT, "max_position_embeddings": 140}),
    "roberta-mlm": ("RobertaForMaskedLM", {**TEXT, "max_position_embeddings": 140}),
}


LETTERS = "abcdefghijklmnopqrstuvwxyz"


def vocabulary(folder, family):
    """Write a tokenizer in the files that original checkpoints of the family have."""
    if family == "roberta":
        marks = ["<s>", "<pad>", "</s>", "<unk>", "<mask>", "Ġ"]
        numbers = {token: i for i, token in enumerate([*marks, *LETTERS])}
        (folder / "vocab.json").write_text(json.dumps(numbers), encoding="utf-8")
        (folder / "merges.txt").write_text("#version: 0.2\n", encoding="utf-8")
        return
    marks = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "hello", "world"]
    tokens = [*marks, *LETTERS, *(f"##{letter}" for letter in LETTERS)]
    (folder / "vocab.txt").write_text("\n".join(tokens) + "\n", encoding="utf-8")
