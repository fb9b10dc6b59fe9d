"""Examination of checkpoint folders, and conversion of library errors."""

import json

import pytest
import torch
from torch import nn
from transformers import CONFIG_MAPPING

from affuse.data.errors import AffuseError
from affuse.data.system.mismatches import Mismatch
from affuse.extract.checkpoints import (
    configuration_schemas,
    construction_bounds,
    folder_examination,
)
from affuse.extract.checkpoints.construction_bounds import bounded
from affuse.extract.checkpoints.library_failures import LONGEST, told
from affuse.extract.networks import hidden_layers

TEXT = (
    *("albert", "bert", "bert-generation", "big_bird", "camembert", "canine"),
    *("convbert", "data2vec-text", "deberta", "deberta-v2", "distilbert", "electra"),
    *("ernie", "esm", "flaubert", "fnet", "funnel", "gpt2", "ibert", "layoutlm"),
    *(
        "longformer",
        "luke",
        "mobilebert",
        "modernbert",
        "mpnet",
        "mra",
    ),
    *("nystromformer", "qwen2", "qwen3", "reformer", "rembert", "roberta"),
    *("roberta-prelayernorm", "roformer", "squeezebert", "xlm", "xlm-roberta"),
    *("xlm-roberta-xl", "xlnet", "xmod", "yoso"),
)
SPEECH = (
    *("data2vec-audio", "hubert", "sew", "sew-d", "unispeech", "unispeech-sat"),
    *("wav2vec2", "wav2vec2-bert", "wav2vec2-conformer", "wavlm", "whisper"),
)


@pytest.mark.parametrize("family", [*TEXT, *SPEECH])
def test_the_default_configuration_of_each_family_is_accepted(family):
    if family not in CONFIG_MAPPING:
        pytest.skip(f"this transformers does not know {family}")
    made = CONFIG_MAPPING[family]().to_json_string(use_diff=False)
    configuration_schemas.CONFIG.check(json.loads(made))


@pytest.mark.parametrize(
    ("file", "found"),
    [
        (
            "config.json",
            {"dtype": "bfloat16", "torch_dtype": "auto", "hidden_act": None},
        ),
        ("config.json", {"text_config": {"hidden_size": 8}, "dtype": {"x": "float16"}}),
        ("config.json", {"intermediate_size": [8, 16], "id2label": {"0": 5}}),
        ("tokenizer_config.json", {"model_max_length": 10**30, "added": {"0": {}}}),
        ("preprocessor_config.json", {"sampling_rate": 16_000, "mean": [0.5]}),
        ("model.safetensors.index.json", {"metadata": {}, "weight_map": {"a": "b"}}),
    ],
)
def test_values_of_real_checkpoints_are_accepted(file, found):
    configuration_schemas.kind(file).check(found)


@pytest.mark.parametrize("file", ["trainer_state.json", "distil.json", "x.index.json"])
def test_files_that_no_library_reads_have_no_schema(file):
    assert configuration_schemas.kind(file) is None


@pytest.mark.parametrize(
    ("found", "sentence"),
    [
        ({"a": {"n_layers": 513}}, "a.n_layers is 513, not a whole number from 1 to"),
        ({"hidden_size": [8, [16, [32]]]}, r"hidden_size\[1\]\[1\] is \[32\], not a"),
        ({"hidden_size": {"x": {}, "dim": 0}}, "hidden_size.dim is 0, not a whole num"),
        ({"x": [[[[[{"y": 1e400}]]]]]}, "x is inf, not a finite number"),
        ({"x": 2**70}, "x is 11805.*, not a number of at most 64 bits"),
        ({"id2label": {"-1": "a"}}, "id2label is '-1', not a whole number"),
        ({"id2label": {"²": "a"}}, "id2label is '²', not a whole number"),
        ({f"x{i}": 0 for i in range(10_001)}, "not a table of at most 10000 fields"),
    ],
)
def test_the_error_names_the_wrong_field_of_a_configuration(found, sentence):
    with pytest.raises(Mismatch, match=sentence):
        configuration_schemas.CONFIG.check(found)


@pytest.mark.parametrize(
    "name", ["..", ".", "", "a/b", "/a", "..\\a", "a\0", "x" * 1_001, 5, None]
)
def test_file_names_with_a_path_are_refused(name):
    with pytest.raises(Mismatch):
        configuration_schemas.FileName().check(name)


# Conversion of errors to one sentence


def test_an_error_of_a_library_becomes_one_sentence():
    with (
        pytest.raises(AffuseError, match="^it failed: TypeError: ") as caught,
        told("it failed"),
    ):
        nn.Linear("a", 2)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (ValueError("one\ntwo"), "x: one"),
        (RuntimeError("one:\n  two\nthree"), "x: one: two"),
        (KeyError("one"), "x: KeyError: 'one'"),
        (MemoryError(), "x: MemoryError"),
        (OSError(2, "gone", "a"), r"x: [Errno 2] gone: 'a'"),
        (ValueError("a" * 1_000), f"x: {'a' * LONGEST}…"),
        (ValueError("\x1b[2J"), r"x: \x1b[2J"),
    ],
)
def test_the_sentence_is_the_beginning_of_the_message(error, sentence):
    with pytest.raises(AffuseError) as caught, told("x"):
        raise error
    assert str(caught.value) == sentence


def test_an_error_of_our_own_code_is_not_hidden():
    with pytest.raises(AttributeError), told("it failed"):
        hidden_layers.blocks(None)  # this is a bug of the caller


def test_a_keyboard_interrupt_is_not_converted():
    with pytest.raises(KeyboardInterrupt), told("it failed"):
        raise KeyboardInterrupt


# Limits on a model while it is constructed


def test_parameters_are_counted_before_there_is_memory_for_them():
    with torch.device("meta"), bounded(stored=1_000):
        nn.Linear(10, 90)
        with pytest.raises(
            AffuseError, match=r"asks for 1,990 parameters or more.* 1,0"
        ):
            nn.Linear(10, 100, bias=False)


def test_loaded_weights_do_not_count_as_constructed():
    with bounded(stored=10):
        nn.Linear(100, 100)


def test_counting_ends_with_the_construction():
    with bounded(stored=10):
        pass
    with torch.device("meta"):
        nn.Linear(100, 100)


def test_buffers_may_exceed_the_files_only_by_a_limit():
    with torch.device("meta"), bounded(stored=0):
        module = nn.Module()
        module.register_buffer("some", torch.empty(construction_bounds.SPARE))
        with pytest.raises(AffuseError, match="asks for buffers of 67,108,865 numbers"):
            module.register_buffer("more", torch.empty(1))


def test_too_many_modules_are_refused(monkeypatch):
    monkeypatch.setattr(construction_bounds, "MODULES", 100)
    with bounded(stored=10), pytest.raises(AffuseError, match="more than 100 modules"):
        nn.ModuleList(nn.Identity() for _ in range(10**6))


def test_a_model_larger_than_the_memory_is_refused(monkeypatch):
    monkeypatch.setattr(construction_bounds, "machine_memory", lambda: 2**30)
    with torch.device("meta"), bounded(stored=2**40):
        with pytest.raises(
            AffuseError, match="asks for 2 GiB of memory or more, and th"
        ):
            nn.Linear(2**15, 2**14, bias=False)


def test_a_large_vocabulary_is_read(tmp_path, monkeypatch):
    """The vocabulary has a tenth of the largest in use; its merges are pairs."""
    monkeypatch.setattr(folder_examination, "VALUES", folder_examination.VALUES // 10)
    words = {f"word{i}": i for i in range(26_000)}
    merges = [[f"a{i}", f"b{i}"] for i in range(52_000)]
    found = {"model": {"vocab": words, "merges": merges}, "added_tokens": []}
    path = tmp_path / "tokenizer.json"
    path.write_text(json.dumps(found))
    assert folder_examination._read(path)["model"]["vocab"]["word7"] == 7
    path.write_text(json.dumps([merges] * 6))
    with pytest.raises(AffuseError, match="tokenizer.json holds more than 600,000 val"):
        folder_examination._read(path)
