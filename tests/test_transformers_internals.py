"""Every used part of another library that is not public is listed here, and exists.

A new use fails these tests. Before a part is added to a list, check that every version
that setup.cfg allows has it. transformers 5.6.0 and 5.24.0 have all parts listed here.
"""

import ast
import re
from importlib import import_module
from operator import attrgetter

import pytest
import transformers
from locations import ROOT
from requirement_lists import REQUIREMENTS

from affuse.extract.finetune.trainer import FineTuner

FILES = [ROOT / "cli.py", ROOT / "__init__.py"] + sorted(
    path
    for layer in ("data", "extract", "fuse")
    for path in (ROOT / layer).rglob("*.py")
)
# Libraries of Hugging Face, whose submodules may change between versions.
DEEP = {"accelerate", "huggingface_hub", "peft", "tokenizers", "transformers"}
OURS = "affuse"
SUSPECT = re.compile(r"(?<!self)(?<!cls)\._[a-z]|externals|" + "|".join(DEEP))
IMPORTS = {
    "accelerate.utils.gather_object",
    "huggingface_hub.errors.EntryNotFoundError",
    "huggingface_hub.errors.HFValidationError",
    "huggingface_hub.errors.LocalEntryNotFoundError",
    "huggingface_hub.errors.RepositoryNotFoundError",
    "huggingface_hub.utils.validate_repo_id",
    "joblib._dask.DaskDistributedBackend",
    "joblib.externals.loky.get_reusable_executor",
    "joblib.externals.loky.process_executor.TerminatedWorkerError",
    "transformers.CONFIG_MAPPING",
    "transformers.activations.ACT2FN",
    "transformers.models.whisper.modeling_whisper.WhisperEncoder",
    "transformers.utils.is_protobuf_available",
    "transformers.utils.is_sentencepiece_available",
    "transformers.utils.logging",
}
ATTRIBUTES = {  # whose names begin with an underscore
    "_freeze_parameters": "the front end of transformers' speech encoders",
    "_get_feat_extract_output_lengths": "transformers' speech encoders",
    "_n_gpu": "transformers.TrainingArguments",
    "_validate_data": "scikit-learn's estimators before 1.6",
}
OVERRIDDEN = {  # methods of transformers.Trainer
    "create_optimizer",
    "evaluate",
    "get_train_dataloader",
    "log",
    "training_step",
}
SMALL = {
    "hidden_size": 8,
    "num_hidden_layers": 1,
    "num_attention_heads": 1,
    "intermediate_size": 8,
}
SPEECH = {
    **SMALL,
    "conv_dim": (4, 4),
    "conv_kernel": (4, 2),
    "conv_stride": (2, 2),
    "num_feat_extract_layers": 2,
    "num_conv_pos_embeddings": 4,
    "num_conv_pos_embedding_groups": 1,
}
TEXT = {**SMALL, "vocab_size": 8}
LINE = (  # submodules that `affuse.extract.networks.packing` and `convolutions` use
    "feature_extractor.conv_layers.0.conv",
    "feature_extractor.conv_layers.0.activation",
    "feature_extractor._freeze_parameters",
    "encoder.pos_conv_embed.conv",
    "encoder.pos_conv_embed.padding",
    *(f"encoder.layers.0.attention.{part}_proj" for part in ("q", "k", "v", "out")),
    "_get_feat_extract_output_lengths",
)
MODULES = {  # class of a model: its configuration, and paths of submodules
    "Wav2Vec2Model": (SPEECH, LINE),
    "HubertModel": (SPEECH, LINE),
    "Wav2Vec2ConformerModel": (SPEECH, ("encoder.embed_positions", "encoder.layers")),
    "Wav2Vec2BertModel": (
        {**SMALL, "feature_projection_input_dim": 8},
        tuple(
            f"encoder.layers.0.self_attn.{part}"
            for part in (
                "linear_q",
                "linear_k",
                "linear_v",
                "linear_out",
                "num_heads",
                "distance_embedding",
                "left_max_position_embeddings",
                "right_max_position_embeddings",
            )
        ),
    ),
    "DistilBertModel": (
        {"vocab_size": 8, "dim": 8, "n_layers": 1, "n_heads": 1, "hidden_dim": 8},
        tuple(
            f"transformer.layer.0.attention.{part}_lin"
            for part in ("q", "k", "v", "out")
        ),
    ),
    "BertModel": (TEXT, ("encoder.layer", "pooler")),
}


def parts(source):
    """Yield imports of submodules, and private attributes of any object but self."""
    if not SUSPECT.search(source):
        return  # most modules; parsing all of them would take seconds
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.module:
            first, *rest = node.module.split(".")
            hidden = "externals" in rest or any(part[0] == "_" for part in rest)
            for name in node.names:
                mapping = first == "transformers" and name.name.isupper()
                deep = first in DEEP and rest
                if first != OURS and (mapping or hidden or deep):
                    yield f"{node.module}.{name.name}"
        elif isinstance(node, ast.Import):
            names = (name.name for name in node.names)
            yield from (n for n in names if "." in n and n.split(".")[0] in DEEP)
        elif isinstance(node, ast.Attribute) and node.attr[:1] == "_" != node.attr[1:2]:
            if getattr(node.value, "id", "") not in ("self", "cls"):
                yield f".{node.attr}"


def test_all_used_internals_of_other_libraries_are_listed():
    sources = [path.read_text(encoding="utf-8") for path in FILES]
    found = {part for source in sources for part in parts(source)}
    ours = re.compile(r"(?:def |self\.)(_\w+)")
    found -= {f".{name}" for source in sources for name in ours.findall(source)}
    assert {part for part in found if part[0] != "."} == IMPORTS
    assert {part[1:] for part in found if part[0] == "."} == ATTRIBUTES.keys()


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("from transformers import AutoModel", []),
        ("from transformers import MODEL_MAPPING", ["transformers.MODEL_MAPPING"]),
        (
            "from transformers.cache_utils import Cache",
            ["transformers.cache_utils.Cache"],
        ),
        ("import transformers.trainer", ["transformers.trainer"]),
        ("from torch.nn import functional", []),
        ("from joblib._dask import DaskBackend", ["joblib._dask.DaskBackend"]),
        ("model._init_weights(self._layer)", ["._init_weights"]),
    ],
)
def test_use_of_internals_is_detected(source, found):
    assert list(parts(source)) == found


# The import from joblib._dask is slow; `test_cluster` uses it.
@pytest.mark.parametrize("path", sorted(p for p in IMPORTS if "_dask" not in p))
def test_a_listed_import_exists(path):
    module, name = path.rsplit(".", 1)
    assert hasattr(import_module(module), name)


@pytest.mark.parametrize("name", MODULES)
def test_models_have_the_submodules_that_are_used(name):
    values, places = MODULES[name]
    kind = getattr(transformers, name)
    model = kind(kind.config_class(**values))
    for place in places:
        found, *path = model, *place.split(".")
        for step in path:
            found = found[int(step)] if step.isdigit() else attrgetter(step)(found)


def test_training_arguments_have_the_private_attribute_that_is_set():
    assert hasattr(transformers.TrainingArguments, "_n_gpu") or "_n_gpu" in vars(
        transformers.TrainingArguments(output_dir="out", use_cpu=True)
    )


def test_overridden_methods_exist_in_the_trainer_of_transformers():
    inherited = vars(transformers.Trainer).keys() & vars(FineTuner).keys()
    assert {name for name in inherited if not name.startswith("__")} == OVERRIDDEN


@pytest.mark.parametrize("name", ["joblib", "transformers"])
def test_libraries_whose_internals_are_used_have_an_upper_bound(name):
    (found,) = (part for part in REQUIREMENTS[""] if part.name == name)
    assert any(bound.operator == "<" for bound in found.specifier)
