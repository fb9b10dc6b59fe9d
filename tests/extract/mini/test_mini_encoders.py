"""Bundled encoders: they load, are small, name their licences, and are useful."""

import json
import subprocess
import sys

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModel, AutoTokenizer

from affuse.extract.audio.decoding import SAMPLE_RATE
from affuse.extract.checkpoints.checkpoint_files import BUNDLED, SHORT, find
from affuse.extract.encoders import distilbert, wav2vec2
from affuse.extract.encoding.encoder_loading import encoder_for_checkpoint
from affuse.extract.encoding.protocol import hidden

SIZES = {"audio": 6_000_000, "text": 8_000_000}  # bytes at most, of the whole folder
KINDS = {"audio": "Wav2Vec2Model", "text": "DistilBertModel"}


@pytest.fixture(params=["audio", "text"])
def modality(request):
    return request.param


def test_transformers_loads_the_bundled_encoder(modality):
    model, report = AutoModel.from_pretrained(
        BUNDLED / modality, output_loading_info=True
    )
    assert type(model).__name__ == KINDS[modality]
    assert not report["missing_keys"]
    assert not report["unexpected_keys"]


def test_the_bundled_folder_is_small(modality):
    files = [path for path in (BUNDLED / modality).rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) <= SIZES[modality]
    found = load_file(BUNDLED / modality / "model.safetensors")
    assert {tensor.dtype for tensor in found.values()} == {torch.float16}


def test_the_bundled_folder_names_its_sources_and_licences(modality):
    folder = BUNDLED / modality
    card = (folder / "README.md").read_text(encoding="utf-8")
    for words in ("license:", "## Data and licences", "python cli.py distil", "cannot"):
        assert words in card
    licence = (folder / "LICENSE").read_text(encoding="utf-8")
    assert {"audio": "OpenAI", "text": "Apache License"}[modality] in licence
    settings = json.loads((folder / "distil.json").read_text(encoding="utf-8"))
    assert settings["modality"] == modality


def test_the_bundled_encoder_is_loaded_by_the_name_mini(modality):
    assert find("mini", "", modality).name == "mini"
    module = {"audio": wav2vec2, "text": distilbert}[modality]
    assert module.Encoder.pretrained("mini").checkpoint.name == "mini"
    with pytest.raises(ValueError, match="--revision main does not apply"):
        find("mini", "main", modality)


def test_a_local_folder_called_mini_needs_a_path(tmp_path, monkeypatch):
    (tmp_path / "mini").mkdir()
    monkeypatch.chdir(tmp_path)
    assert find("mini", "", "audio").folder == BUNDLED / "audio"
    assert find("./mini", "", "audio").folder.resolve() == tmp_path / "mini"


def test_short_names_stand_for_names_on_the_hub(monkeypatch):
    asked = []

    def fetch(name, revision):
        asked.append(name)
        return BUNDLED / "audio"

    monkeypatch.setattr("affuse.extract.checkpoints.checkpoint_files._fetch", fetch)
    assert find("audeering", "", "audio").name == wav2vec2.CHECKPOINT
    assert find("distilbert", "", "text").name == distilbert.CHECKPOINT
    assert asked == list(SHORT.values())


def test_the_plug_in_is_found_by_the_kind_of_checkpoint(tmp_path):
    assert encoder_for_checkpoint("audio", "mini", "") == "wav2vec2"
    assert encoder_for_checkpoint("text", "mini", "") == "distilbert"
    assert encoder_for_checkpoint("audio", "", "") == "wav2vec2"
    (tmp_path / "config.json").write_text('{"model_type": "whisper"}')
    assert encoder_for_checkpoint("audio", str(tmp_path), "") == "whisper"


def mean(encoder, source):
    (block,) = encoder.prepare(source).blocks
    return hidden(encoder, block[None])[0, -1].mean(0).numpy()


def cosine(one, other):
    return float(one @ other / np.linalg.norm(one) / np.linalg.norm(other))


@pytest.mark.parametrize(
    ("sentence", "near", "far"),
    [
        ("I am so happy", "What a joyful day", "He died in terrible pain"),
        ("We buried my mother", "Her funeral was sad", "The trains run on time"),
        ("Stop shouting at me", "He was angry and yelled", "A calm and quiet lake"),
    ],
)
def test_texts_of_similar_meaning_have_similar_embeddings(sentence, near, far):
    encoder = distilbert.Encoder.pretrained("mini")
    centre = mean(encoder, "")
    vectors = [mean(encoder, text) - centre for text in (sentence, near, far)]
    assert cosine(vectors[0], vectors[1]) > cosine(vectors[0], vectors[2])


def test_embeddings_depend_on_pitch_and_not_on_level():
    encoder = wav2vec2.Encoder.pretrained("mini")
    time = np.arange(SAMPLE_RATE) / SAMPLE_RATE
    low, high = (
        sum(np.sin(2 * np.pi * base * k * time) / k for k in range(1, 12))
        for base in (110.0, 220.0)
    )
    voiced = [mean(encoder, (0.1 * s).astype(np.float32)) for s in (low, high)]
    softly = mean(encoder, (0.02 * low).astype(np.float32))
    assert np.linalg.norm(voiced[0] - softly) < 0.05 * np.linalg.norm(voiced[0])
    assert np.linalg.norm(voiced[0] - voiced[1]) > 0.1 * np.linalg.norm(voiced[0])


@pytest.mark.slow
def test_the_bundled_folder_works_without_this_project():
    """A program that imports only transformers loads both folders."""
    code = (
        "import sys; from transformers import AutoModel\n"
        "for folder in sys.argv[1:]:\n"
        "    print(type(AutoModel.from_pretrained(folder)).__name__)"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, *(BUNDLED / modality for modality in KINDS)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.split() == list(KINDS.values())


def test_the_tokenizer_is_lower_case_english():
    found = AutoTokenizer.from_pretrained(BUNDLED / "text")
    ids = found("I'm Furious, and you know it!")["input_ids"]
    assert found.unk_token_id not in ids
    assert found.decode(ids, skip_special_tokens=True).startswith("i ' m furious")
