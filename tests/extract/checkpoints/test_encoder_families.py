"""Families that the README lists: a random checkpoint of each through stage one.

Each row in the cache is compared with transformers itself: tokenizer or feature
extractor, model, and the mean over all real tokens or frames.
"""

import json
import re

import numpy as np
import pytest
import torch
import transformers
from locations import ROOT
from spoken_corpus import MACHINE, noise, record, rows
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from affuse.data.cache import store
from affuse.data.records import Corpus, Utterance
from affuse.extract.caching.extraction import extract
from affuse.extract.checkpoints.encoder_families import FAMILIES, advice
from affuse.extract.encoding.choices import Choice
from affuse.extract.encoding.encoder_loading import encoder_for_checkpoint

ROUNDING = {"rtol": 1e-3, "atol": 1e-4}  # float32, in another order of summation
LETTERS = "abcdefghijklmnopqrstuvwxyz"
CONFORMER = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 64,
}
SPEECH = {
    **CONFORMER,
    "conv_dim": (16,) * 7,
    "num_conv_pos_embeddings": 64,  # from here on they are Fourier transforms
    "num_conv_pos_embedding_groups": 2,
}
SEW = {**SPEECH, "conv_dim": (16,) * 13}
WHISPER = {
    **dict.fromkeys(("encoder_layers", "decoder_layers"), 1),
    **dict.fromkeys(("encoder_attention_heads", "decoder_attention_heads"), 2),
    **dict.fromkeys(("encoder_ffn_dim", "decoder_ffn_dim"), 32),
    **dict.fromkeys(("pad_token_id", "bos_token_id", "eos_token_id"), 1),
    "d_model": 16,
    "vocab_size": 70,
    "max_target_positions": 8,
    "max_source_positions": 50,  # a second
    "decoder_start_token_id": 1,
    "begin_suppress_tokens": None,
}
SPEECH_FAMILIES = {  # model and configuration
    "Wav2Vec2": ("Wav2Vec2Model", SPEECH),
    "HuBERT": ("HubertModel", SPEECH),
    "WavLM": ("WavLMModel", SPEECH),
    "Data2Vec audio": ("Data2VecAudioModel", SPEECH),
    "UniSpeech": ("UniSpeechModel", SPEECH),
    "UniSpeech-SAT": ("UniSpeechSatModel", SPEECH),
    "SEW": ("SEWModel", SEW),
    "SEW-D": ("SEWDModel", SEW),
    "Wav2Vec2-Conformer": ("Wav2Vec2ConformerModel", SPEECH),
    "w2v-BERT": ("Wav2Vec2BertModel", CONFORMER),
    "Whisper": ("WhisperModel", WHISPER),
}
POSITIONS = 16
TEXT = {**CONFORMER, "vocab_size": 64, "max_position_embeddings": POSITIONS}
SMALL = {**TEXT, "embedding_size": 16}
DISENTANGLED = {
    **TEXT,
    "relative_attention": True,
    "pos_att_type": ["p2c", "c2p"],
    "position_biased_input": False,
}
MARKS = {"bos_token_id": 0, "pad_token_id": 1, "eos_token_id": 2}
# Model, configuration, tokenizer, and the number of tokens to which a long text is cut.
TEXT_FAMILIES = {
    "DistilBERT": (
        "DistilBertModel",
        {
            **{"vocab_size": 64, "dim": 32, "n_layers": 2, "n_heads": 2},
            **{"hidden_dim": 64, "max_position_embeddings": POSITIONS},
        },
        "words",
        POSITIONS,
    ),
    "BERT": ("BertModel", TEXT, "words", POSITIONS),
    "RoBERTa": ("RobertaModel", TEXT, "letters", POSITIONS - 2),
    "XLM-RoBERTa": ("XLMRobertaModel", TEXT, "pieces", POSITIONS - 2),
    "XLM-RoBERTa-XL": ("XLMRobertaXLModel", TEXT, "pieces", POSITIONS - 2),
    "CamemBERT": ("CamembertModel", TEXT, "pieces", POSITIONS - 2),
    "DeBERTa": ("DebertaModel", DISENTANGLED, "letters", 128),
    "DeBERTa-v2": ("DebertaV2Model", DISENTANGLED, "pieces", 128),
    "ALBERT": ("AlbertModel", SMALL, "pieces", POSITIONS),
    "ELECTRA": ("ElectraModel", SMALL, "words", POSITIONS),
    "MPNet": ("MPNetModel", TEXT, "words", POSITIONS - 2),
    "ModernBERT": ("ModernBertModel", {**TEXT, **MARKS}, "letters", 128),
    "RemBERT": ("RemBertModel", {**TEXT, "input_embedding_size": 16}, "pieces", 16),
    "Data2Vec text": ("Data2VecTextModel", TEXT, "letters", POSITIONS - 2),
    "XLNet": (
        "XLNetModel",
        {"vocab_size": 64, "d_model": 32, "n_layer": 2, "n_head": 2, "d_inner": 64},
        "pieces",
        128,
    ),
}
LONG_TEXT = "hello world " * 8  # 16 words, 96 letters


def words(folder, kind):
    """Write the vocabulary of a WordPiece tokenizer."""
    marks = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "<s>", "</s>"]
    tokens = [*marks, "hello", "world", *LETTERS, *(f"##{x}" for x in LETTERS[:25])]
    (folder / "vocab.txt").write_text("\n".join(tokens) + "\n", encoding="utf-8")


def letters(folder, kind):
    """Write the vocabulary of a byte-level BPE tokenizer that merges nothing."""
    marks = ["<s>", "<pad>", "</s>", "<unk>", "<mask>", "[CLS]", "[SEP]", "[PAD]"]
    numbers = {x: i for i, x in enumerate([*marks, "[UNK]", "[MASK]", "Ġ", *LETTERS])}
    (folder / "vocab.json").write_text(json.dumps(numbers), encoding="utf-8")
    (folder / "merges.txt").write_text("#version: 0.2\n", encoding="utf-8")
    if kind == "ModernBert":  # its checkpoints have the other form only
        made = transformers.RobertaTokenizer.from_pretrained(folder)
        made.backend_tokenizer.save(str(folder / "tokenizer.json"))
        (folder / "vocab.json").unlink()
        (folder / "merges.txt").unlink()


def pieces(folder, kind):
    """Write tokenizer.json of a unigram tokenizer, as SentencePiece trains them."""
    marks = ["<s>", "<pad>", "</s>", "<unk>", "[CLS]", "[SEP]", "[PAD]", "[UNK]"]
    marks += ["[MASK]", "<mask>", "<cls>", "<sep>", "<eop>", "<eod>"]
    scores = [(mark, 0.0) for mark in marks]
    scores += [("▁hello", -1.0), ("▁world", -1.0), ("▁", -2.0)]
    made = Tokenizer(models.Unigram([*scores, *((x, -3.0) for x in LETTERS)], unk_id=3))
    made.pre_tokenizer = pre_tokenizers.Metaspace()
    made.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    made.add_special_tokens(marks)
    made.save(str(folder / "tokenizer.json"))
    named = json.dumps({"tokenizer_class": f"{kind}Tokenizer"})
    (folder / "tokenizer_config.json").write_text(named, encoding="utf-8")


TOKENIZERS = {"words": words, "letters": letters, "pieces": pieces}


def save(folder, kind, config):
    """Write a checkpoint of random weights; returns its model."""
    model = getattr(transformers, kind)
    torch.manual_seed(0)
    made = model(model.config_class(**config)).eval()
    made.save_pretrained(folder)
    return made


def encode_with_stage_one(folder, modality, *utterances, **options):
    """Return the rows of stage one by id, its problems, and the recipe."""
    found = Corpus("toy", folder, utterances, scale=None, protocol="")
    choice = Choice(
        modality,
        encoder_for_checkpoint(modality, str(folder), ""),
        checkpoint=str(folder),
        **options,
    )
    done = extract(found, choice, MACHINE, folder / "cache")
    return (
        rows(done),
        [p.reason for p in done.problems],
        store.read_headers(done.folder).recipe,
    )


@pytest.mark.parametrize("family", SPEECH_FAMILIES)
def test_speech_is_encoded_as_transformers_does(tmp_path, family):
    kind, config = SPEECH_FAMILIES[family]
    model = save(tmp_path, kind, config)
    extractor = {
        "w2v-BERT": transformers.SeamlessM4TFeatureExtractor(),
        "Whisper": transformers.WhisperFeatureExtractor(chunk_length=1),
    }.get(family, transformers.Wav2Vec2FeatureExtractor())
    extractor.save_pretrained(tmp_path)
    waves = {"one": noise(8_000, 1), "two": noise(5_003, 2)}  # 24 and 15 frames
    files = (
        Utterance(name, audio=record(tmp_path / f"{name}.wav", x, subtype="FLOAT"))
        for name, x in waves.items()
    )
    found, problems, _ = encode_with_stage_one(tmp_path, "audio", *files)
    assert problems == []
    for name, wave in waves.items():
        given = extractor(wave, sampling_rate=16_000, return_tensors="pt")
        whole = model.get_encoder() if family == "Whisper" else model
        with torch.inference_mode():
            wanted = whole(**given).last_hidden_state[0]
        if family == "w2v-BERT":
            wanted = wanted[given["attention_mask"][0].bool()]
        elif family == "Whisper":
            wanted = wanted[: -(-len(wave) // 320)]
        elif "SEW" in family:
            wanted = wanted[: len(wanted) // 2 * 2]  # an odd one is of zeros
        np.testing.assert_allclose(found[name][0], wanted.mean(dim=0), **ROUNDING)


@pytest.mark.parametrize("family", TEXT_FAMILIES)
def test_text_is_encoded_as_transformers_does(tmp_path, family):
    kind, config, vocabulary, most = TEXT_FAMILIES[family]
    model = save(tmp_path, kind, config)
    TOKENIZERS[vocabulary](tmp_path, kind.removesuffix("Model"))
    texts = {"one": "hello world", "two": LONG_TEXT}
    utterances = (Utterance(name, text=text) for name, text in texts.items())
    found, problems, recipe = encode_with_stage_one(tmp_path, "text", *utterances)
    assert recipe.inputs["max_tokens"] == most
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path)
    assert tokenizer.is_fast
    count = len(tokenizer(LONG_TEXT)["input_ids"])
    cut = [f"transcript cut from {count} to {most} tokens"] if count > most else []
    assert problems == cut
    for name, text in texts.items():
        given = tokenizer(text, truncation=True, max_length=most, return_tensors="pt")
        with torch.inference_mode():
            wanted = model(input_ids=given["input_ids"]).last_hidden_state[0]
        np.testing.assert_allclose(found[name][0], wanted.mean(dim=0), **ROUNDING)


# The lists say the same


def test_every_family_that_is_listed_is_tested():
    assert list(FAMILIES["audio"]) == list(SPEECH_FAMILIES)
    assert list(FAMILIES["text"]) == list(TEXT_FAMILIES)


@pytest.mark.parametrize("modality", FAMILIES)
def test_the_readme_lists_the_families_that_are_tested(modality):
    readme = (ROOT / "extract" / "README.md").read_text(encoding="utf-8")
    (row,) = re.findall(
        rf"^\| tested {modality} encoders \| (.*) \|$", readme, flags=re.MULTILINE
    )
    assert row == advice(modality).removeprefix("these families are tested: ")


# Refusals name the tested families


@pytest.mark.parametrize(
    ("modality", "config", "why"),
    [
        ("text", {"model_type": "t5"}, "it is a t5 model, whose encoder has a decoder"),
        ("text", {"model_type": "t5", "is_encoder_decoder": False}, "it is a t5 model"),
        ("text", {"model_type": "new"}, "transformers does not know its model type"),
        ("audio", {"model_type": "speecht5"}, "it is a speecht5 model, whose encoder"),
        ("audio", {"model_type": "new"}, "transformers does not know its model type"),
    ],
)
def test_model_types_that_are_no_encoders_are_refused(tmp_path, modality, config, why):
    (tmp_path / "config.json").write_text(json.dumps(config), encoding="utf-8")
    with pytest.raises(ValueError, match=f"{why}.*; these families are tested: ") as e:
        encode_with_stage_one(tmp_path, modality)
    assert str(e.value).endswith(advice(modality))


@pytest.mark.parametrize(
    ("modality", "kind", "config"),
    [
        ("audio", "ASTModel", CONFORMER),
        ("audio", "BertModel", TEXT),
        ("text", "Wav2Vec2Model", SPEECH),
        ("text", "Wav2Vec2BertModel", CONFORMER),
    ],
)
def test_models_of_other_inputs_are_refused(tmp_path, modality, kind, config):
    save(tmp_path, kind, config)
    with pytest.raises(ValueError, match="model, not .*; these families are tested: "):
        encode_with_stage_one(tmp_path, modality)


# Tokenizers


@pytest.mark.parametrize("file", ["spm.model", "sentencepiece.bpe.model"])
def test_a_tokenizer_that_needs_other_packages_says_which(tmp_path, monkeypatch, file):
    from affuse.extract.checkpoints import checkpoint_tokenizers

    save(tmp_path, "DebertaV2Model", DISENTANGLED)
    (tmp_path / file).write_bytes(b"\n")
    monkeypatch.setattr(checkpoint_tokenizers, "is_protobuf_available", lambda: False)
    with pytest.raises(
        ValueError, match=rf"is {file}, which needs two packages: pip i"
    ):
        encode_with_stage_one(tmp_path, "text")


def test_a_text_without_a_token_is_left_out(tmp_path):
    save(
        tmp_path,
        "GPT2Model",
        {"vocab_size": 64, "n_embd": 8, "n_layer": 1, "n_head": 1},
    )
    letters(tmp_path, "GPT2")
    whole, empty = Utterance("one", text="hello"), Utterance("two", text="")
    found, problems, _ = encode_with_stage_one(tmp_path, "text", whole, empty)
    assert list(found) == ["one"]
    (problem,) = problems
    assert problem.startswith("the tokenizer returns no token for its text")
