"""Schemas of a checkpoint's JSON files, which limit an untrusted configuration.

Families of models name their fields differently, so patterns of names select the kinds
of values. Fields without a pattern are left to transformers;
`affuse.extract.checkpoints.construction_bounds` limits the model that results.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import torch
from transformers.activations import ACT2FN

from affuse.data.system.mismatches import SHOWN, Mismatch
from affuse.data.system.schema import (
    Flag,
    Kind,
    ListOf,
    MapOf,
    Maybe,
    Number,
    OneOf,
    Plain,
    Record,
    Text,
    Whole,
)

LAYERS, HEADS = 512, 1_024
WIDTH = 2**20  # units of a layer
VOCABULARY = 2**26
POSITIONS = 2**24
LABELS = 100_000  # outputs of a head; transformers creates a name for each
CONVOLUTION = 2**15  # channels, or samples of a kernel or stride
FOURIER, BANDS = 2**15, 2**10  # samples and bands of a spectrogram
FIELDS = 10_000  # of one table of a configuration
ANYTHING = Plain(depth=24, most=4_000_000)
NAME = Text(1_000, least=1)
# Attention implementations that are part of transformers; others are downloaded.
ATTENTION = (
    *("eager", "sdpa", "flex_attention"),
    *("flash_attention_2", "flash_attention_3", "flash_attention_4"),
)
QUANTISED = "weights that are quantised cannot be encoded with; take the original ones"


@dataclass(frozen=True)
class ConfigurationSizes:
    """Whole number in a range, or nested lists of them for models with stages."""

    least: int
    most: int
    depth: int = 2  # of lists in lists

    def check(self, value: object) -> None:
        """See `affuse.data.system.schema.Kind`."""
        kind: Kind = Whole(self.least, self.most)
        if isinstance(value, list) and self.depth:
            inner = ConfigurationSizes(self.least, self.most, self.depth - 1)
            kind = ListOf(inner, most=LAYERS)
        kind.check(value)


@dataclass(frozen=True)
class NoField:
    """Field that must not be present."""

    why: str

    def check(self, value: object) -> None:
        """See `affuse.data.system.schema.Kind`."""
        raise Mismatch(value, f"left out: {self.why}")


@dataclass(frozen=True)
class RegisteredName:
    """Name that torch or transformers defines."""

    names: Callable[[], frozenset[str]]
    what: str

    def check(self, value: object) -> None:
        """See `affuse.data.system.schema.Kind`."""
        if not isinstance(value, str) or value not in self.names():
            raise Mismatch(value, f"a known {self.what}")


@dataclass(frozen=True)
class FileName:
    """Name of a file in the same folder."""

    def check(self, value: object) -> None:
        """See `affuse.data.system.schema.Kind`."""
        NAME.check(value)
        if re.search(r"[/\\\0]", str(value)) or value in (".", ".."):
            raise Mismatch(value, "a file of the folder")


@dataclass(frozen=True)
class Labels:
    """Names of a head's outputs, by their numbers as strings."""

    def check(self, value: object) -> None:
        """See `affuse.data.system.schema.Kind`."""
        MapOf(Plain(0), most=LABELS).check(value)
        assert isinstance(value, dict)
        for name in value:
            if not re.fullmatch("[0-9]{1,9}", name):
                raise Mismatch(name, "a whole number, as names of outputs are")


@dataclass(frozen=True)
class Fields:
    """Table, with tables in it, whose field names determine the kinds of values."""

    kinds: tuple[tuple[str, Kind], ...]  # pattern of a name; the first match counts
    depth: int = 8  # of tables in tables

    def check(self, value: object) -> None:
        """See `affuse.data.system.schema.Kind`."""
        if not isinstance(value, dict) or len(value) > FIELDS:
            raise Mismatch(value, f"a table of at most {FIELDS} fields")
        for name, item in value.items():
            try:
                Maybe(self._kind(name, item)).check(item)
            except Mismatch as error:
                raise error.within(f".{name[:SHOWN]}") from None

    def _kind(self, name: str, item: object) -> Kind:
        kinds = (kind for form, kind in self.kinds if re.fullmatch(form, name))
        kind = next(kinds, ANYTHING)
        is_closed = isinstance(kind, MapOf | Labels | OneOf | NoField | Fields)
        if isinstance(item, dict) and self.depth and not is_closed:
            return Fields(self.kinds, self.depth - 1)  # a table of a part of the model
        return kind


@lru_cache(maxsize=1)
def _dtypes() -> frozenset[str]:
    """Return the names of torch's dtypes, and ``auto``."""
    names = (n for n in dir(torch) if isinstance(getattr(torch, n), torch.dtype))
    return frozenset((*names, "auto"))


def _activations() -> frozenset[str]:
    return frozenset(ACT2FN)


ACTIVATION = RegisteredName(_activations, "activation")
BLOCKS = r"num_hidden_layers|n_layers?|num_layers|encoder_layers"
MORE = r"(num|n|encoder|decoder)_(\w+_)?"  # beginning of names of counts
WIDTHS = (
    r"hidden_size|d_model|dim|n_embd|embedding_size|intermediate_size|hidden_dim|d_ff"
    r"|n_inner|(\w+_)?ffn_dim|output_hidden_size"
)
ACTIVATIONS = (
    r"hidden_act(ivation)?|activation|activation_function|feat_extract_activation"
)
SHARES = (
    r"((attention|hidden|activation|feat_proj|final|classifier|qa|seq_classif)_)?dropout"
    r"|(hidden|attention_probs)_dropout_prob|((encoder|decoder)_)?layerdrop"
)
CONFIG = Fields(
    (
        ("quantization_config|compression_config", NoField(QUANTISED)),
        ("transformers_weights", NoField("the weights have their usual names here")),
        ("fusion_config", NoField("it changes how the model computes; remove it")),
        ("model_type", Text(200)),
        ("architectures", ListOf(NAME, most=100)),
        ("_?(attn|experts)_implementation(_internal)?", OneOf(ATTENTION)),
        ("(torch_)?dtype", RegisteredName(_dtypes, "dtype")),
        (ACTIVATIONS, ACTIVATION),
        ("num_labels", Whole(0, LABELS)),
        ("id2label", Labels()),
        ("label2id", MapOf(Plain(0), most=LABELS)),
        (BLOCKS, ConfigurationSizes(1, LAYERS)),
        (f"{MORE}layers?", ConfigurationSizes(0, LAYERS)),
        (f"{MORE}heads?", ConfigurationSizes(1, HEADS)),
        (WIDTHS, ConfigurationSizes(1, WIDTH)),
        (r"\w*vocab_size", ConfigurationSizes(0, VOCABULARY)),
        (
            r"max_position_embeddings|n_positions|max_(source|target)_positions",
            Number(1, POSITIONS),
        ),
        (
            "conv_(dim|kernel|stride)|conv_pos_kernel_size",
            ConfigurationSizes(1, CONVOLUTION),
        ),
        (
            "(adapter|conv_depthwise)_kernel_size|adapter_stride",
            ConfigurationSizes(1, CONVOLUTION),
        ),
        ("feature_projection_input_dim", ConfigurationSizes(1, WIDTH)),
        ("(left|right)_max_position_embeddings", Whole(0, POSITIONS)),
        ("num_conv_pos_embedding(s|_groups)", ConfigurationSizes(1, CONVOLUTION)),
        ("conv_bias|do_stable_layer_norm|is_encoder_decoder|add_adapter", Flag()),
        (SHARES, Number(0, 1)),
        (r"\w*_eps(ilon)?", Number(0, 1)),
    )
)
EXTRACTOR = Fields(
    (
        ("feature_extractor_type|processor_class", NAME),
        ("sampling_rate", Whole(1, 1_000_000)),
        ("do_normalize|return_attention_mask", Flag()),
        ("n_fft|fft_length|win_length|frame_length|hop_length", Whole(1, FOURIER)),
        ("feature_size|num_mel_bins|n_mels", Whole(1, BANDS)),
        ("stride", Whole(1, BANDS)),  # mel frames that are joined
        ("chunk_length|max_length_s", Number(0, 3600)),
        ("n_samples|nb_max_frames|nb_max_samples", Whole(1, 2**24)),
    )
)
PROCESSOR = Fields((("feature_extractor|audio_processor", EXTRACTOR),))
TOKENIZER = Fields(
    (
        ("tokenizer_class|processor_class", NAME),
        ("fast_tokenizer_files", ListOf(FileName())),
        ("(model_)?max_len(gth)?", Number(0)),  # often 1e30, written as a whole number
    )
)
TABLE = MapOf(ANYTHING, most=4_000_000)
INDEX = Record(
    {
        "metadata": MapOf(ANYTHING, most=FIELDS),
        "weight_map": MapOf(FileName(), most=1_000_000),
    },
    others=ANYTHING,
)
KINDS: tuple[tuple[str, Kind], ...] = (  # pattern of a file's name -> its content
    ("config.json", CONFIG),
    ("preprocessor_config.json", EXTRACTOR),
    ("processor_config.json", PROCESSOR),
    ("tokenizer_config.json", TOKENIZER),
    (r"(model\.safetensors|pytorch_model\.bin)\.index\.json", INDEX),
    (
        r"(tokenizer|vocab).*\.json|(special_tokens_map|added_tokens|tekken)\.json",
        TABLE,
    ),
)


def kind(file: str) -> Kind | None:
    """Return the schema of a checkpoint's JSON file, or None if it is never read."""
    return next((kind for form, kind in KINDS if re.fullmatch(form, file)), None)
