"""Tiny checkpoints and a small synthetic corpus, for tests of fine-tuning."""

import csv
import json

import numpy as np
import torch
import transformers
from spoken_corpus import noise, record

RATINGS = ("valence", "arousal", "dominance")
LETTERS = "abcdefghijklmnopqrstuvwxyz"
WORDS = "good bad calm loud weak strong".split()
SPEECH = {
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "conv_dim": (8,) * 7,
    "num_conv_pos_embeddings": 16,
    "num_conv_pos_embedding_groups": 2,
}
FRONTS = {
    "layer": {"feat_extract_norm": "layer", "do_stable_layer_norm": True},
    "group": {"feat_extract_norm": "group"},
}

BERT = {
    "vocab_size": 70,
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
}
BLOCKS = {  # family: model, configuration, number of matrices in a block
    "wav2vec2": (transformers.Wav2Vec2Model, {**SPEECH, **FRONTS["group"]}, 6),
    "wav2vec2-stable": (transformers.Wav2Vec2Model, {**SPEECH, **FRONTS["layer"]}, 6),
    "hubert": (transformers.HubertModel, SPEECH, 6),
    "wavlm": (
        transformers.WavLMModel,
        SPEECH,
        2,
    ),  # see affuse.extract.finetune.adapters.NO_ATTENTION_ADAPTERS
    "data2vec": (transformers.Data2VecAudioModel, SPEECH, 6),
    "bert": (transformers.BertModel, BERT, 6),
    "distilbert": (
        transformers.DistilBertModel,
        {"vocab_size": 70, "dim": 16, "n_layers": 2, "n_heads": 2, "hidden_dim": 32},
        6,
    ),
}


def model(family):
    """Return a random model of `BLOCKS`, and the number of matrices in each block."""
    torch.manual_seed(0)
    kind, changes, matrices = BLOCKS[family]
    return kind(kind.config_class(**changes)).eval(), matrices


def speech(folder, front="layer"):
    """Write a Wav2Vec2 checkpoint of random weights."""
    torch.manual_seed(0)
    config = transformers.Wav2Vec2Config(**SPEECH, **FRONTS[front])
    transformers.Wav2Vec2Model(config).save_pretrained(folder)
    extractor = {"do_normalize": True, "sampling_rate": 16_000}
    kind = {"feature_extractor_type": "Wav2Vec2FeatureExtractor"}
    (folder / "preprocessor_config.json").write_text(json.dumps({**extractor, **kind}))
    return folder


def text(folder, **changes):
    """Write a DistilBERT checkpoint of random weights, with a tokenizer."""
    torch.manual_seed(0)
    marks = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tokens = [*marks, *WORDS, *LETTERS, *(f"##{letter}" for letter in LETTERS)]
    config = transformers.DistilBertConfig(
        vocab_size=len(tokens), dim=16, n_layers=2, n_heads=2, hidden_dim=32, **changes
    )
    transformers.DistilBertModel(config).save_pretrained(folder)
    (folder / "vocab.txt").write_text("\n".join(tokens) + "\n", encoding="utf-8")
    return folder


def table(folder, *, each=10, sessions=3, speech=True, texts=True, constant=(), seed=0):
    """Write a table of synthetic utterances whose ratings follow from their words.

    In the sessions in `constant`, arousal is the same in all utterances.
    """
    rng = np.random.default_rng(seed)
    rows = []
    for number in range(each * sessions):
        words = rng.choice(len(WORDS), size=rng.integers(1, 5))
        session = number % sessions + 1
        file = f"{number:03d}.wav"
        if speech:
            samples = int(rng.choice([2000, 3000, 5000]))
            record(folder / file, noise(samples, seed=number), subtype="FLOAT")
        ratings = 3 + np.tanh([(words == k).sum() - 0.5 for k in range(3)])
        if session in constant:
            ratings[1] = 3.0
        rows.append(
            {
                "id": f"u{number:03d}",
                **({"file": file} if speech else {}),
                **({"text": " ".join(WORDS[k] for k in words)} if texts else {}),
                "speaker": f"{session}{'FM'[number // sessions % 2]}",
                "session": str(session),
                **dict(zip(RATINGS, ratings.round(3), strict=True)),
            }
        )
    folder.mkdir(exist_ok=True)
    path = folder / "table.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        written = csv.DictWriter(file, rows[0])
        written.writeheader()
        written.writerows(rows)
    return path
