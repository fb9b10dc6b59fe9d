"""Everything that changes an embedding, in one record.

The recipe names the cache folder and stands in each of its parts, so rows of another
layer, pooling, revision or dtype can never be mistaken for the wanted ones.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from data.errors import AffuseError
from data.utterance import check_name

MODALITIES = ("audio", "text")
MOST_BRACKETS = 100  # of a recipe as JSON; usual are about five
LAYERS = (
    "0 is the input of the first transformer block, k the output of block k; the "
    "highest is the model's last hidden state, after its final layer norm if it has one"
)


@dataclass(frozen=True)
class Recipe:
    """What was encoded, with which weights, and how frames became vectors."""

    corpus: str
    content: str  # digest of ids and inputs (audio bytes and spans, or texts)
    modality: str  # one of MODALITIES
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

    def __post_init__(self) -> None:
        if self.modality not in MODALITIES:
            raise AffuseError(
                f"modality must be one of {', '.join(MODALITIES)}, "
                f"got {self.modality!r}"
            )
        check_name(self.corpus)

    def text(self) -> str:
        """One line of JSON, the same for equal recipes."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def parse(cls, text: str) -> "Recipe":
        """The recipe that `text()` wrote.

        Raises:
            AffuseError: if it is not one
        """
        try:
            if text.count("[") + text.count("{") > MOST_BRACKETS:
                raise AffuseError("it is nested too deeply")  # to be compared later
            found = json.loads(text)
            tuples = {name: tuple(found[name]) for name in ("layers", "head")}
            return cls(**{**found, **tuples})
        except (KeyError, TypeError, ValueError) as error:
            raise AffuseError(f"not a recipe: {str(text)[:80]!r}: {error}") from error

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
            if mine[name] != yours[name]:
                return f"{name}={mine[name]!r}, not {yours[name]!r}"
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
