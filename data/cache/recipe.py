"""Recipe of embeddings: all settings that change their values, in one record.

The name of a cache folder has the recipe's digest, and each part holds the recipe. So
rows of another layer, pooling, revision or dtype are never used by mistake.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, NamedTuple

from affuse.data.corpus_naming import check_training_set
from affuse.data.errors import AffuseError, DamagedFileError
from affuse.data.modality import is_modality, modality_names
from affuse.data.system.documents import parse_json
from affuse.data.system.schema import ListOf, MapOf, OneOf, Plain, Record, Text, Whole
from affuse.data.terminal import printable

MOST_BRACKETS = 100  # in a recipe as JSON; most recipes have about five
LAYERS = (
    "0 is the input of the first transformer block, k the output of block k; the "
    "highest is the model's last hidden state, after its final layer norm if it has one"
)
BUILT_IN_CHECKPOINTS = ("mini", "tiny")  # which come with this project
WITH_DEVIATION = "mean+std"  # pooling that stores the mean and standard deviation
WORD = Text(1_000)
# fields without an entry if they are empty
OMITTED = ("code", "transcripts", "degradation")
KIND = Record(
    {
        **dict.fromkeys(
            ("corpus", "content", "modality", "encoder", "checkpoint"), WORD
        ),
        **dict.fromkeys(("revision", "weights", "pooling", "dtype"), WORD),
        "layers": ListOf(Whole(most=1_000), most=1_001, least=1),
        "head": ListOf(WORD, most=100),
    },
    {
        "storage": OneOf(("float16", "float32")),
        "layer_meaning": WORD,
        "inputs": MapOf(Plain(depth=8), most=100),
        "training": MapOf(Plain(depth=8), most=100),
        **dict.fromkeys(OMITTED, WORD),
    },
)


class LayerBlock(NamedTuple):
    """Layers of one encoder, side by side in an embedding."""

    layers: int  # number of layers
    dim: int  # features of one layer


# an int is the number of layers of a single encoder, whatever their size is
LayerStructure = int | tuple[LayerBlock, ...]


@dataclass(frozen=True)
class Recipe:
    """Recipe: corpus, encoder with its weights, layers, pooling and dtypes."""

    corpus: str
    content: str  # digest of ids and inputs (audio bytes and spans, or texts)
    modality: str  # plug-in in data/modalities
    encoder: str  # plug-in in extract/encoders
    checkpoint: str  # name on the hub, or name of the local folder
    revision: str  # commit that was loaded; "" for a local folder
    weights: str  # digest of the tensors that were loaded
    layers: tuple[int, ...]  # numbered as `layer_meaning` explains
    pooling: str  # "mean", "mean+std" or "frames"
    dtype: str  # of the computation
    storage: str = "float32"
    layer_meaning: str = LAYERS
    inputs: Mapping[str, Any] = field(default_factory=dict)  # sampling rate, ...
    head: tuple[str, ...] = ()  # ratings that the checkpoint itself predicts
    training: Mapping[str, Any] = field(default_factory=dict)  # of fine-tuned encoders
    code: str = (
        ""  # identity of the encoder's code; "" for revision 1 of a built-in one
    )
    transcripts: str = ""  # label of recognised transcripts; "": those of the corpus
    degradation: str = ""  # condition of degraded inputs; "": inputs of the corpus

    def __post_init__(self) -> None:
        if not is_modality(self.modality):
            raise AffuseError(
                f"modality must be one of {', '.join(modality_names())}, got "
                f"{self.modality[:40]!r}; another one needs its plug-in"
            )
        check_training_set(self.corpus)
        if len({*self.layers}) != len(self.layers):
            raise AffuseError(f"layers {list(self.layers)} name a layer twice")
        if not re.fullmatch(r"\w+", self.encoder):
            raise AffuseError(f"encoder {self.encoder[:40]!r} is no name of a plug-in")

    def text(self) -> str:
        """Return the recipe as one line of JSON, equal for equal recipes.

        Fields in OMITTED are left out if they are empty, as in recipes of older
        versions.
        """
        values = asdict(self)
        kept = {n: v for n, v in values.items() if v or n not in OMITTED}
        return json.dumps(kept, sort_keys=True)

    @classmethod
    def parse(cls, text: str) -> "Recipe":
        """Return the recipe in a line of JSON.

        Args:
            text: as `Recipe.text` returned it

        Raises:
            DamagedFileError: if it is not a recipe
        """
        try:
            if text.count("[") + text.count("{") > MOST_BRACKETS:
                # Deep nesting would exceed the recursion limit in later comparisons.
                raise AffuseError("it is nested too deeply")
            values = parse_json(text, KIND)
            tuples = {name: tuple(values.get(name, ())) for name in ("layers", "head")}
            return cls(**{**values, **tuples})
        except AffuseError as error:
            raise DamagedFileError(
                f"not a recipe: {printable(text[:80])!r}: {error}"
            ) from error

    def digest(self) -> str:
        """Return 12 hexadecimal digits, equal for equal recipes."""
        return hashlib.sha256(self.text().encode()).hexdigest()[:12]

    def folder(self) -> str:
        """Return the name of the cache folder, ``<modality>-<encoder>-<digest>``."""
        return f"{self.modality}-{self.encoder}-{self.digest()}"

    @property
    def parts(self) -> tuple["Recipe", ...]:
        """Recipe of each cache: this one alone, or those that were joined."""
        return (self,)

    @property
    def is_descriptive(self) -> bool:
        """True for features that are computed without weights, such as acoustic ones.

        Such an encoder records the number of its features among its inputs.
        """
        return "features" in self.inputs

    @property
    def is_built_in(self) -> bool:
        """True if the encoder comes with this project, or needs no file."""
        return self.is_descriptive or self.checkpoint in BUILT_IN_CHECKPOINTS

    @property
    def layer_structure(self) -> "LayerStructure":
        """Structure of an embedding: its number of layers, which have equal sizes."""
        return len(self.layers)

    def of_corpus(self, corpus: str, content: str = "") -> "Recipe":
        """Return the recipe of the same encoder for the texts of another corpus."""
        return replace(
            self, corpus=corpus, content=content, transcripts="", degradation=""
        )

    def selected(self, layers: tuple[int, ...], pooling: str) -> "Recipe":
        """Return the recipe of some of these layers and statistics.

        Args:
            layers: numbers of layers
            pooling: of the selected embeddings
        """
        return replace(self, layers=layers, pooling=pooling)

    def same_but_content(self, other: "Recipe") -> bool:
        """Return True if only the content may differ, so that rows can be reused."""
        mine, others = (replace(r, content="").text() for r in (self, other))
        return mine == others

    def kind(self) -> str:
        """Return 12 hexadecimal digits that do not depend on the corpus's content."""
        return replace(self, content="").digest()

    def covers(self, other: "Recipe") -> bool:
        """Return True if embeddings of the other recipe can be selected from these.

        The layers and statistics of `other` must be among those of this recipe, and
        everything else must be equal. Corpus, content and transcripts are not compared.
        """
        has_layers = set(other.layers) <= set(self.layers)
        has_pooling = other.pooling == self.pooling or (
            (other.pooling, self.pooling) == ("mean", WITH_DEVIATION)
        )
        has_head = other.head in ((), self.head)
        alike = replace(
            self.selected(other.layers, other.pooling),
            corpus=other.corpus,
            content=other.content,
            transcripts=other.transcripts,
            head=other.head,
        )
        same = alike.text() == other.text()
        return has_layers and has_pooling and has_head and same

    def difference(self, other: "Recipe") -> str:
        """Return the first field that differs, with both values; ``""`` if none does.

        Args:
            other: recipe to compare with
        """
        if len(self.parts) != len(other.parts):
            return f"encoders={len(self.parts)}, not {len(other.parts)}"
        left, right = json.loads(self.text()), json.loads(other.text())
        for name in (f.name for f in fields(self)):
            value, other_value = left.get(name, ""), right.get(name, "")
            if value != other_value:
                return f"{name}={value!r}, not {other_value!r}"
        return ""

    def demand(self, required: "Recipe", path: Path) -> None:
        """Raise an error if this recipe of a file is not the required one.

        Args:
            required: recipe that the file must have
            path: of the file, for the message

        Raises:
            AffuseError: if the recipes differ, with the first difference
        """
        if difference := self.difference(required):
            raise AffuseError(
                f"{path} was extracted with {difference} as required; extract again, "
                f"or name another cache"
            )
