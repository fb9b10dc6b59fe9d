"""Forged checkpoint folders for `test_hostile_checkpoints`.

A case starts from a small valid checkpoint of one kind, ``text``, ``audio`` or
``whisper``. An edit makes it hostile. Forged code would write a marker file.
"""

import json
import os
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import torch
import transformers
import tunable_checkpoints
from published_checkpoints import REDUCED, publish
from safetensors.torch import load_file, save_file

from affuse.data.system import digests

KINDS = ("text", "audio", "headed", "whisper")
HUGE = 2**30
MARKER = "sprung"  # file in the working folder that executed code would write
EVIL = f"import pathlib; pathlib.Path({MARKER!r}).touch()\n"
WHISPER = {
    "d_model": 16,
    "encoder_layers": 2,
    "encoder_attention_heads": 2,
    "encoder_ffn_dim": 32,
    "decoder_layers": 1,
    "decoder_attention_heads": 2,
    "decoder_ffn_dim": 32,
    "vocab_size": 70,
    "max_target_positions": 8,
    **dict.fromkeys(("pad_token_id", "bos_token_id", "eos_token_id"), 1),
    "decoder_start_token_id": 1,
    "begin_suppress_tokens": None,
}
Edit = Callable[[Path], object]


@dataclass(frozen=True)
class Case:
    """Forged checkpoint folder, and the error that is expected."""

    start: str  # kind of the valid checkpoint
    edit: Edit
    sentence: str = ""  # regular expression for the error message
    options: dict[str, object] = field(default_factory=dict)  # of the encoder choice


def make(folder: Path, kind: str) -> Path:
    """Write a small valid checkpoint."""
    if kind == "text":
        tunable_checkpoints.text(folder)
    elif kind == "audio":
        tunable_checkpoints.speech(folder)
    elif kind == "headed":
        folder.mkdir()
        publish(folder, sizes=REDUCED, spelling="new", form="safetensors")
    else:
        torch.manual_seed(0)
        config = transformers.WhisperConfig(**WHISPER)
        transformers.WhisperModel(config).save_pretrained(folder)
        transformers.WhisperFeatureExtractor().save_pretrained(folder)
    return folder


# Edits


def config(**changes):
    return change_json("config.json", **changes)


def change_json(name, **changes):
    """Return an edit that changes values of a JSON file; `...` removes a name."""

    def edit(folder):
        path = folder / name
        found = json.loads(path.read_text()) if path.is_file() else {}
        found.update(changes)
        kept = {name: value for name, value in found.items() if value is not ...}
        path.write_text(json.dumps(kept))

    return edit


def write_file(name, content):
    def edit(folder):
        (folder / name).unlink(missing_ok=True)
        data = content if isinstance(content, bytes) else content.encode()
        (folder / name).write_bytes(data)

    return edit


def remove_file(name):
    return lambda folder: (folder / name).unlink()


def pipe(name):
    def edit(folder):
        (folder / name).unlink(missing_ok=True)
        os.mkfifo(folder / name)

    return edit


def endless(name):
    def edit(folder):
        (folder / name).unlink(missing_ok=True)
        (folder / name).symlink_to("/dev/zero")

    return edit


def directory(name):
    def edit(folder):
        (folder / name).unlink(missing_ok=True)
        (folder / name).mkdir()

    return edit


def sparse(name, size=HUGE):
    def edit(folder):
        (folder / name).unlink(missing_ok=True)
        with (folder / name).open("wb") as file:
            file.truncate(size)

    return edit


def combine(*edits):
    def edit(folder):
        for each in edits:
            each(folder)

    return edit


def header(content, *, length=None, size=4096):
    """Return an edit that writes safetensors weights with this header."""
    text = content if isinstance(content, bytes) else json.dumps(content).encode()
    count = len(text) if length is None else length
    return write_file(
        "model.safetensors", struct.pack("<Q", count) + text + bytes(size)
    )


def tensor(begin, end, *, shape=(4,), dtype="F32"):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": [begin, end]}


def change_tensors(change):
    """Return an edit that changes each tensor."""

    def edit(folder):
        path = folder / "model.safetensors"
        found = {name: change(t) for name, t in load_file(path).items()}
        save_file(found, path, {"format": "pt"})

    return edit


def saved_with(**changes):
    """Return an edit that writes the checkpoint of another configuration."""

    def edit(folder):
        found = json.loads((folder / "config.json").read_text())
        kind = transformers.CONFIG_MAPPING[found["model_type"]]
        torch.manual_seed(0)
        model = transformers.AutoModel.from_config(kind(**{**found, **changes}))
        model.save_pretrained(folder)

    return edit


class Trap:
    """Object that executes code when it is unpickled."""

    def __reduce__(self):
        return Path.touch, (Path(MARKER),)


def pickle_weights(legacy=False):
    def edit(folder):
        (folder / "model.safetensors").unlink()
        trap = {"weight": Trap(), "rest": torch.zeros(100_000)}
        torch.save(
            trap,
            folder / "pytorch_model.bin",
            _use_new_zipfile_serialization=not legacy,
        )

    return edit


def index(weight_map, *, metadata=(), **more):
    """Return an edit that writes an index of shards, and the first shard."""
    found = {"metadata": dict(metadata), "weight_map": weight_map, **more}
    return combine(
        lambda folder: (folder / "model.safetensors").rename(
            folder / "one.safetensors"
        ),
        write_file("model.safetensors.index.json", json.dumps(found)),
    )


def link_file(name, target):
    return lambda folder: (folder / name).symlink_to(target)


def code(file="evil.py", **files):
    """Return an edit that writes Python code, and JSON files that name it."""
    named = (change_json(f"{name}.json", **values) for name, values in files.items())
    return combine(write_file(file, EVIL), *named)


def fast(change):
    """Return an edit that writes a changed tokenizer.json from the vocabulary."""

    def edit(folder):
        made = transformers.AutoTokenizer.from_pretrained(folder)
        made.save_pretrained(folder)
        path = folder / "tokenizer.json"
        found = json.loads(path.read_text())
        change(found)
        path.write_text(json.dumps(found))

    return edit


def strict(change):
    """Return the same edit for a tokenizer that uses all of tokenizer.json."""
    return combine(
        fast(change), change_json(TOKENS, tokenizer_class="TokenizersBackend")
    )


def put(*keys, value):
    """Return a function that changes one value in nested JSON."""

    def change(found):
        *outer, last = keys
        for key in outer:
            found = found[key]
        found[last] = value

    return change


def sealed_then(edit):
    return combine(lambda folder: digests.list_files(folder, os.listdir(folder)), edit)


NESTED = "[" * 100_000
TABLES = '{"a": ' * 2_000 + "1" + "}" * 2_000
EXTRACTOR, TOKENS = "preprocessor_config.json", "tokenizer_config.json"
MAP = {"AutoConfig": "evil.Evil", "AutoModel": "evil.Evil"}
HEAD = {"head": True}

CASES: dict[str, Case] = {}


def add(start, sentence="", options=None, /, **edits):
    for name, edit in edits.items():
        CASES[f"{start} {name.replace('_', ' ')}"] = Case(
            start, edit, sentence, options or {}
        )


NO_FILE = "is no regular file|more than the"
for start in ("text", "audio"):
    add(
        start,
        NO_FILE,
        config_is_a_pipe=pipe("config.json"),
        config_is_endless=endless("config.json"),
        config_is_a_folder=directory("config.json"),
        config_is_sparse=sparse("config.json"),
        weights_are_a_pipe=pipe("model.safetensors"),
        weights_are_endless=endless("model.safetensors"),
        weights_are_a_folder=directory("model.safetensors"),
    )
    add(start, "there is no config", config_is_missing=remove_file("config.json"))
    add(
        start,
        "config.json: (it (is|ends|has) |.*not a table|.*(NaN|Infinity).*)",
        config_is_empty=write_file("config.json", ""),
        config_is_null=write_file("config.json", "null"),
        config_is_a_list=write_file("config.json", "[]"),
        config_is_a_number=write_file("config.json", "5"),
        config_is_nested=write_file("config.json", NESTED),
        config_has_nested_tables=write_file("config.json", TABLES),
        config_is_no_utf8=write_file("config.json", b"\xff\xfe{\x00}\x00"),
        config_has_a_mark=write_file("config.json", "\ufeff{}"),
        config_has_a_nan=write_file("config.json", '{"model_type": "bert", "x": NaN}'),
        config_has_infinity=write_file("config.json", '{"x": [{"y": -Infinity}]}'),
        config_has_30_digits=write_file("config.json", f'{{"x": {"9" * 30}}}'),
    )
    add(
        start,
        "cannot load the ch.*(a known|whole number|one of|list of|model type)",
        model_type_unknown=config(model_type="unheard-of"),
        activation_unknown=config(activation="loud", hidden_act="loud"),
        activation_a_number=config(activation=5, hidden_act=5),
        activation_a_list=config(activation=["gelu"], hidden_act=["gelu"]),
        dtype_unknown=config(dtype="float99"),
        dtype_a_function=config(dtype="load"),
        dtype_a_number=config(torch_dtype=5),
        layers_negative=config(n_layers=-1, num_hidden_layers=-1),
        layers_none=config(n_layers=0, num_hidden_layers=0),
        layers_huge=config(n_layers=10**7, num_hidden_layers=10**7),
        layers_by_another_name=config(num_hidden_layers=10**7),
        layers_a_text=config(n_layers="2", num_hidden_layers="2"),
        layers_half=config(n_layers=2.5, num_hidden_layers=2.5),
        layers_true=config(n_layers=True, num_hidden_layers=True),
        heads_none=config(n_heads=0, num_attention_heads=0),
        heads_a_text=config(n_heads="two", num_attention_heads="two"),
        width_a_text=config(dim="16", hidden_size="16"),
        width_none=config(dim=0, hidden_size=0),
        width_huge=config(dim=10**9, hidden_size=10**9),
        vocabulary_huge=config(vocab_size=10**9),
        vocabulary_a_text=config(vocab_size="64"),
        labels_huge=config(num_labels=10**9),
        architectures_a_text=config(architectures="Model"),
        attention_from_the_hub=config(attn_implementation="someone/kernel"),
    )
    add(
        start,
        "cannot load the checkpoint ",
        model_type_a_number=config(model_type=5),
        model_type_missing=config(model_type=...),
        heads_that_do_not_divide=config(n_heads=3, num_attention_heads=3),
        dropout_a_text=config(dropout="0.1", hidden_dropout="0.1"),
        dropout_of_five=config(attention_dropout=5),
        labels_a_list=config(id2label=["a", "b"]),
        labels_by_words=config(id2label={"first": "a"}),
        labels_of_long_numbers=config(id2label={"9" * 5_000: "a"}),
        quantised=config(quantization_config={"quant_method": "fp8"}),
        weights_elsewhere=config(transformers_weights="../x.safetensors"),
        adapters=write_file("adapter_config.json", '{"peft_type": "LORA"}'),
        weights_missing=remove_file("model.safetensors"),
        weights_empty=write_file("model.safetensors", b""),
        weights_are_sparse=sparse("model.safetensors"),
        pickle_that_is_sparse=combine(
            remove_file("model.safetensors"), sparse("pytorch_model.bin")
        ),
        weights_without_a_header=write_file("model.safetensors", b"\xff" * 40_000),
        header_of_2_to_40=header(b"{", length=2**40, size=40_000),
        header_of_nothing=header(b"{}", size=40_000),
        header_nested=header(NESTED.encode(), size=40_000),
        header_of_a_number=header(5, size=40_000),
        tensors_that_overlap=header(
            {"a": tensor(0, 16), "b": tensor(8, 24)}, size=40_000
        ),
        tensors_before_the_file=header({"a": tensor(-16, 0)}, size=40_000),
        tensors_behind_the_file=header({"a": tensor(2**40, 2**40 + 16)}, size=40_000),
        tensors_of_huge_shapes=header(
            {"a": tensor(0, 16, shape=(2**62, 2**62))}, size=40_000
        ),
        tensors_of_no_dtype=header({"a": tensor(0, 16, dtype="F99")}, size=40_000),
        pickle_that_runs_code=pickle_weights(),
        old_pickle_that_runs_code=pickle_weights(legacy=True),
        pickle_that_is_none=combine(
            remove_file("model.safetensors"),
            write_file("pytorch_model.bin", b"x" * 90_000),
        ),
        pickle_that_is_a_pipe=combine(
            remove_file("model.safetensors"), pipe("pytorch_model.bin")
        ),
        index_that_leads_out=index({"a": "../one.safetensors"}),
        index_of_absolute_paths=index({"a": "/dev/zero"}),
        index_of_numbers=index({"a": 5}),
        index_that_is_a_list=index(["one.safetensors"]),
        index_of_nothing=index({}),
        index_nested=combine(
            remove_file("model.safetensors"),
            write_file("model.safetensors.index.json", NESTED),
        ),
        index_is_a_pipe=combine(
            remove_file("model.safetensors"), pipe("model.safetensors.index.json")
        ),
        index_without_metadata=combine(
            remove_file("model.safetensors"),
            write_file("model.safetensors.index.json", '{"weight_map": {"a": "b"}}'),
        ),
        shard_missing=index({"a": "two.safetensors"}),
        shard_is_a_pipe=combine(
            index({"a": "two.safetensors"}), pipe("two.safetensors")
        ),
        shard_is_endless=combine(
            index({"a": "two.safetensors"}), endless("two.safetensors")
        ),
        shard_is_another_file=combine(
            index({"a": "two.safetensors"}), link_file("two.safetensors", "/etc/passwd")
        ),
        shards_of_a_distributed_model=write_file(
            "shard-00000-model-00001-of-00001.safetensors", b"x"
        ),
        code_of_its_own=code(
            config={"model_type": "evil", "auto_map": MAP}, tokenizer_config={}
        ),
        manifest_of_other_files=sealed_then(config(initializer_range=0.03)),
        manifest_is_a_pipe=pipe("SHA256SUMS"),
        manifest_damaged=write_file("SHA256SUMS", "# affuse digests 1\n"),
    )
    add(
        start,
        "seen.json",
        seen_is_a_pipe=pipe("seen.json"),
        seen_is_endless=endless("seen.json"),
        seen_is_nested=write_file("seen.json", NESTED),
        seen_is_a_number=write_file("seen.json", "9" * 5_000),
    )

LARGER = "asks for .* parameters or more, but the files of its weights have [0-9,]+ byt"
add(
    "text",
    LARGER,
    width_of_a_million=config(hidden_dim=2**20),
    vocabulary_of_millions=config(vocab_size=2**26),
    positions_of_millions=config(max_position_embeddings=2**24),
    five_hundred_layers=config(n_layers=512),
    weights_of_another_model=config(model_type="bert"),
)
add(
    "text",
    "",
    positions_none=config(max_position_embeddings=0),
    positions_huge=config(max_position_embeddings=10**9),
    positions_for_seven_tokens=saved_with(max_position_embeddings=7),
    outputs_without_names=config(return_dict=False),
    duplicate_names=write_file(
        "config.json", '{"model_type": "distilbert", "n_layers": 2, "n_layers": 9999}'
    ),
    speech_for_text=lambda folder: make(folder, "audio"),
    weights_of_other_sizes=change_tensors(lambda t: torch.ones(2 * t.numel())),
    tokenizer_is_a_pipe=pipe("tokenizer.json"),
    tokenizer_is_endless=endless("tokenizer.json"),
    tokenizer_is_sparse=sparse("tokenizer.json"),
    tokenizer_is_nested=write_file("tokenizer.json", NESTED),
    tokenizer_of_many_lists=write_file("tokenizer.json", f"[{'[],' * 4_000_000}[]]"),
    tokenizer_of_one_brace=write_file("tokenizer.json", "{"),
    tokenizer_of_nothing=write_file("tokenizer.json", "{}"),
    tokenizer_without_a_model=fast(put("model", value=None)),
    tokenizer_of_no_kind=fast(put("model", "type", value="Evil")),
    tokenizer_of_no_words=fast(put("model", "vocab", value={})),
    tokenizer_of_negative_numbers=fast(put("model", "vocab", "a", value=-5)),
    tokenizer_of_huge_numbers=fast(put("model", "vocab", "a", value=2**40)),
    tokenizer_of_more_words=fast(put("model", "vocab", "zz", value=4_000)),
    tokenizer_with_a_bad_pattern=fast(
        put(
            "normalizer",
            value={"type": "Replace", "pattern": {"Regex": "(("}, "content": ""},
        )
    ),
    tokenizer_with_a_bad_map=strict(
        put(
            "normalizer",
            value={"type": "Precompiled", "precompiled_charsmap": "//////8="},
        )
    ),
    tokenizer_with_an_empty_map=strict(
        put(
            "normalizer",
            value={"type": "Precompiled", "precompiled_charsmap": "AAAAAAAA"},
        )
    ),
    tokenizer_with_a_mark_that_is_none=strict(
        put(
            "post_processor",
            value={
                "type": "TemplateProcessing",
                "single": [{"SpecialToken": {"id": "[X]", "type_id": 0}}],
                "pair": [],
                "special_tokens": {},
            },
        )
    ),
    tokenizer_that_cuts_backwards=strict(
        put(
            "truncation",
            value={
                "direction": "Right",
                "max_length": 2,
                "stride": 9,
                "strategy": "LongestFirst",
            },
        )
    ),
    tokenizer_of_pairs_that_are_none=strict(
        put("model", value={"type": "BPE", "vocab": {"a": 0}, "merges": ["a b"]})
    ),
    tokenizer_whose_unknown_is_none=strict(
        put("model", value={"type": "Unigram", "vocab": [["a", 1]], "unk_id": 77})
    ),
    tokenizer_with_a_far_addition=strict(
        lambda found: found["added_tokens"].append(
            {**found["added_tokens"][0], "id": 10**9, "content": "<z>"}
        )
    ),
    words_are_a_pipe=pipe("vocab.txt"),
    words_are_endless=endless("vocab.txt"),
    words_are_missing=remove_file("vocab.txt"),
    words_are_none=write_file("vocab.txt", ""),
    words_are_no_text=write_file("vocab.txt", b"\xff\xfe\x00" * 100),
    words_are_too_many=write_file("vocab.txt", "\n".join(map(str, range(5_000)))),
    tokenizer_class_a_number=change_json(TOKENS, tokenizer_class=5),
    tokenizer_code_by_a_number=change_json(TOKENS, auto_map=5),
    tokenizer_files_that_lead_out=change_json(
        TOKENS, fast_tokenizer_files=["../tokenizer.4.0.0.json"]
    ),
    tokenizer_length_a_text=change_json(TOKENS, model_max_length="many"),
    tokenizer_with_odd_additions=change_json(TOKENS, added_tokens_decoder={"x": 5}),
    tokenizer_with_arguments=change_json(TOKENS, init_inputs=["/etc/passwd", 1, 2, 3]),
    tokenizer_config_nested=write_file(TOKENS, NESTED),
    tokenizer_config_a_list=write_file(TOKENS, "[]"),
    tokenizer_config_is_a_pipe=pipe(TOKENS),
    marks_are_a_list=write_file("special_tokens_map.json", "[1, 2]"),
    additions_are_nested=write_file("added_tokens.json", NESTED),
    additions_by_words=write_file("added_tokens.json", '{"<a>": "b"}'),
)
add(
    "audio",
    LARGER,
    width_of_a_million=config(intermediate_size=2**20),
    channels_of_a_thousand=config(conv_dim=[4096] * 7),
)
add(
    "audio",
    "",
    channels_huge=config(conv_dim=[2**31] * 7),
    channels_none=config(conv_dim=[0] * 7),
    channels_a_text=config(conv_dim="16"),
    channels_of_texts=config(conv_dim=["16"] * 7),
    channels_of_too_few=config(conv_dim=[8, 8]),
    kernels_of_too_few=config(conv_kernel=[10, 3]),
    kernels_none=config(conv_kernel=[], conv_stride=[], conv_dim=[]),
    kernels_of_seconds=saved_with(conv_kernel=[30_000, 3, 3, 3, 3, 2, 2]),
    convolutions_by_the_thousand=config(
        conv_kernel=[1] * 2_000, conv_stride=[1] * 2_000, conv_dim=[8] * 2_000
    ),
    steps_of_none=config(conv_stride=[0] * 7),
    groups_none=config(num_conv_pos_embedding_groups=0),
    groups_that_do_not_divide=config(num_conv_pos_embedding_groups=3),
    norm_unknown=config(feat_extract_norm="banana"),
    norm_a_list=config(feat_extract_norm=["layer"]),
    front_activation_unknown=config(feat_extract_activation="loud"),
    adapter_layers_huge=config(add_adapter=True, num_adapter_layers=10**7),
    outputs_without_names=config(return_dict=False),
    text_for_speech=lambda folder: make(folder, "text"),
    rate_a_list=change_json(EXTRACTOR, sampling_rate=[16_000]),
    rate_a_text=change_json(EXTRACTOR, sampling_rate="16000"),
    rate_of_none=change_json(EXTRACTOR, sampling_rate=0),
    rate_of_another=change_json(EXTRACTOR, sampling_rate=8_000),
    normalise_a_text=change_json(EXTRACTOR, do_normalize="no"),
    extractor_unknown=change_json(EXTRACTOR, feature_extractor_type="Evil"),
    extractor_a_number=change_json(EXTRACTOR, feature_extractor_type=5),
    extractor_of_pictures=change_json(
        EXTRACTOR, feature_extractor_type="ViTFeatureExtractor", sampling_rate=...
    ),
    extractor_of_huge_spectra=change_json(
        EXTRACTOR,
        feature_extractor_type="ClapFeatureExtractor",
        fft_window_size=2**22,
        feature_size=2**22,
    ),
    extractor_is_a_pipe=pipe(EXTRACTOR),
    extractor_is_endless=endless(EXTRACTOR),
    extractor_is_nested=write_file(EXTRACTOR, NESTED),
    extractor_is_a_list=write_file(EXTRACTOR, "[]"),
    extractor_code_of_its_own=code(
        preprocessor_config={
            "auto_map": {"AutoFeatureExtractor": "evil.Evil"},
            "feature_extractor_type": "Evil",
        }
    ),
    processor_nested=write_file("processor_config.json", NESTED),
    processor_of_a_number=change_json("processor_config.json", feature_extractor=5),
)
LABELS = {"0": "arousal", "1": "dominance", "2": "valence"}
add("audio", "lacks 4 tensors", HEAD, head_that_is_none=config())
add(
    "headed",
    "the head of this checkpoint predicts .*; leave out --head",
    HEAD,
    one_rating_twice=config(id2label={**LABELS, "1": "arousal"}),
    numbers_that_lack=config(id2label={"0": "arousal", "1": "valence", "7": "x"}),
    rating_that_is_null=config(id2label={**LABELS, "1": None}),
    ratings_that_are_numbers=config(id2label={"0": 0, "1": 1, "2": 2}),
    ratings_of_control_characters=config(id2label={**LABELS, "1": "\x1b[2J"}),
)
add("headed", "lacks 2 tensors", HEAD, one_rating=config(id2label={"0": "arousal"}))
add(
    "whisper",
    "",
    layers_huge=config(encoder_layers=10**7),
    layers_negative=config(encoder_layers=-1),
    heads_none=config(encoder_attention_heads=0),
    width_a_text=config(d_model="16"),
    bands_of_another=config(num_mel_bins=128),
    positions_of_another=saved_with(max_source_positions=100),
    positions_huge=config(max_source_positions=2**23),
    architectures_null=config(architectures=None, encoder_layers=0),
    spectra_missing=remove_file(EXTRACTOR),
    spectra_of_huge_windows=change_json(EXTRACTOR, n_fft=2**30),
    spectra_of_huge_bands=change_json(EXTRACTOR, feature_size=2**30),
    spectra_without_end=change_json(EXTRACTOR, chunk_length=10**9),
    spectra_of_an_hour=change_json(EXTRACTOR, chunk_length=3_600),
    spectra_without_steps=change_json(EXTRACTOR, hop_length=0),
    spectra_of_other_steps=change_json(EXTRACTOR, hop_length=80),
    rate_a_list=change_json(EXTRACTOR, sampling_rate=[16_000]),
    rate_of_another=change_json(EXTRACTOR, sampling_rate=8_000),
)

# Unusual but harmless: these checkpoints load, and no code in them is executed.
HARMLESS: dict[str, tuple[str, Edit]] = {
    "code beside a known kind": ("text", code(config={"auto_map": MAP})),
    "code beside known speech": ("audio", code(config={"auto_map": MAP})),
    "code beside a known tokenizer": (
        "text",
        code(tokenizer_config={"auto_map": {"AutoTokenizer": ["evil.Evil"] * 2}}),
    ),
    "code that is imported as a package": ("text", write_file("__init__.py", EVIL)),
    "names of other scripts": ("text", config(**{"日本\u202e": "\u0000é"})),
    "a label that is null": ("text", config(id2label={"0": None})),
    "a pipe in another folder": (
        "text",
        combine(
            directory("more"), lambda folder: os.mkfifo(folder / "more" / "a.json")
        ),
    ),
    "JSON that nobody reads": ("text", write_file("trainer_state.json", '{"x": NaN}')),
    "a large file that nobody reads": ("text", sparse("model.onnx")),
    "a manifest of another program": (
        "text",
        write_file("SHA256SUMS", f"{'0' * 64}  x\n"),
    ),
}
