"""Everything that changes an embedding, in one record.

The recipe names the cache folder and stands in each of its parts, so rows of another
layer, pooling, revision or dtype can never be mistaken for the wanted ones.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from affuse.data.errors import AffuseError, DamagedFileError
from affuse.data.modality import is_modality, modality_names
from affuse.data.records import check_name
from affuse.data.system.documents import parse_json
from affuse.data.system.schema import ListOf, MapOf, OneOf, Plain, Record, Text, Whole
from affuse.data.terminal import printable

MOST_BRACKETS = 100  # of a recipe as JSON; usual are about five
LAYERS = (
    "0 is the input of the first transformer block, k the output of block k; the "
    "highest is the model's last hidden state, after its final layer norm if it has one"
)
WORD = Text(1_000)
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
        "code": WORD,
    },
)


@dataclass(frozen=True)
class Recipe:
    """What was encoded, with which weights, and how frames became vectors."""

    corpus: str
    content: str  # digest of ids and inputs (audio bytes and spans, or texts)
    modality: str  # plug-in in data/modalities
    encoder: str  # plug-in in extract/encoders
    checkpoint: str  # hub name, or the local folder's name
    revision: str  # commit that was loaded; "" for a local folder
    weights: str  # digest of the tensors that were loaded
    layers: tuple[int, ...]  # counted as `layer_meaning` says
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

    def __post_init__(self) -> None:
        if not is_modality(self.modality):
            raise AffuseError(
                f"modality must be one of {', '.join(modality_names())}, got "
                f"{self.modality[:40]!r}; another one needs its plug-in"
            )
        check_name(self.corpus)
        if not re.fullmatch(r"\w+", self.encoder):
            raise AffuseError(f"encoder {self.encoder[:40]!r} is no name of a plug-in")

    def text(self) -> str:
        """Return one line of JSON, the same for equal recipes.

        Code that is not recorded is left out, as in recipes of older versions.
        """
        found = asdict(self)
        if not self.code:
            del found["code"]
        return json.dumps(found, sort_keys=True)

    @classmethod
    def parse(cls, text: str) -> "Recipe":
        """Read the recipe that `text()` wrote.

        Raises:
            DamagedFileError: if it is not one
        """
        try:
            if text.count("[") + text.count("{") > MOST_BRACKETS:
                raise AffuseError("it is nested too deeply")  # to be compared later
            found = parse_json(text, KIND)
            tuples = {name: tuple(found.get(name, ())) for name in ("layers", "head")}
            return cls(**{**found, **tuples})
        except AffuseError as error:
            raise DamagedFileError(
                f"not a recipe: {printable(text[:80])!r}: {error}"
            ) from error

    def digest(self) -> str:
        """Twelve hexadecimal digits, the same for equal recipes."""
        return hashlib.sha256(self.text().encode()).hexdigest()[:12]

    def folder(self) -> str:
        """Name of the cache folder, ``<modality>-<encoder>-<digest>``."""
        return f"{self.modality}-{self.encoder}-{self.digest()}"

    def same_but_content(self, other: "Recipe") -> bool:
        """Whether only the inputs differ, so that rows of equal input carry over."""
        return replace(self, content="").text() == replace(other, content="").text()

    def kind(self) -> str:
        """Twelve hexadecimal digits, the same whatever the corpus holds."""
        return replace(self, content="").digest()

    def difference(self, other: "Recipe") -> str:
        """The first field that differs, in words; ``""`` if none does."""
        mine, yours = json.loads(self.text()), json.loads(other.text())
        for name in (f.name for f in fields(self)):
            one, other = mine.get(name, ""), yours.get(name, "")
            if one != other:
                return f"{name}={one!r}, not {other!r}"
        return ""

    def demand(self, wanted: "Recipe", path: Path) -> None:
        """Refuse what is of another recipe.

        Raises:
            AffuseError: naming the file and the first difference
        """
        if difference := self.difference(wanted):
            raise AffuseError(
                f"{path} was extracted with {difference} as wanted; extract again, or "
                f"name another cache"
            )
