"""Metadata of a model card, which the Hugging Face hub reads (YAML between ``---``).

Every value is written as JSON, which is also YAML, so that no name acts as markup.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from affuse.data.runs.bundle_information import BundleInfo
from affuse.fuse.reporting.table_records import kind_of_ratings
from affuse.fuse.scoring.statistics import Estimate

TAGS = ("affuse", "speech-emotion-recognition", "emotion-recognition")
NATURES = {  # kind of ratings, for the name of the data set on the hub
    "human": "human ratings",
    "synthetic": "SYNTHETIC data",
    "proxy": "PROXY ratings, by a program",
}
DECIMALS = 4  # of a figure
OTHER = "other"  # identifier of a licence that the hub has no name for


@dataclass(frozen=True)
class CardHeader:
    """Facts that the metadata of a model card state."""

    info: BundleInfo
    name: str  # of the model
    licence: str  # identifier of the hub
    estimate: Estimate | None  # on all test utterances; None: there is none

    def lines(self) -> Iterator[str]:
        """Yield the lines of the metadata, with the lines ``---`` around them."""
        yield "---"
        for name, value in self._values().items():
            yield f"{name}: {json.dumps(value)}"
        yield "---"

    def _values(self) -> Mapping[str, object]:
        """Return the metadata by name."""
        bases = dict.fromkeys(e.checkpoint for e in self.info.encoders if e.revision)
        members = self.info.members
        natures = sorted({member.nature for member in members} or {self.info.nature})
        values: dict[str, object] = {
            "library_name": "affuse",
            "license": self.licence,
            "tags": [*TAGS, *self.info.targets, *(f"ratings-{n}" for n in natures)],
            "metrics": ["ccc"],
        }
        if self.licence == OTHER:
            names = sorted({e.licence or "unknown" for e in self.info.encoders})
            values["license_name"] = "-and-".join(names)
        if bases:
            values["base_model"] = [*bases]
        if results := self._results():
            values["model-index"] = [{"name": self.name, "results": [results]}]
        return values

    def _kind(self) -> str:
        """Return the kind of ratings, of each corpus if there are several."""
        info = self.info
        if len({member.nature for member in info.members}) < 2:
            return NATURES[info.nature]
        return kind_of_ratings(info.nature, info.members)

    def _results(self) -> Mapping[str, object]:
        """Return the CCC of each rating and their mean; {} if none is defined."""
        if self.estimate is None:
            return {}
        figures = {**self.estimate.ratings, "mean": self.estimate.mean}
        metrics = [
            {"type": "ccc", "name": f"CCC, {name}", "value": round(f.value, DECIMALS)}
            for name, f in figures.items()
            if f.value == f.value
        ]
        if not metrics:
            return {}
        corpus, nature = self.info.corpus, self._kind()
        return {
            "task": {"type": "other", "name": "dimensional emotion recognition"},
            "dataset": {
                "type": corpus,
                "name": f"{corpus} ({nature}, protocol {self.info.protocol})",
            },
            "metrics": metrics,
        }
