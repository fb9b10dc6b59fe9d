"""Records of what designs are trained on, and of how they are trained."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from affuse.data.cache.store import Embeddings
from affuse.data.records import Corpus
from affuse.fuse.inputs.fold_embeddings import Own
from affuse.fuse.inputs.tensors import Aligned
from affuse.fuse.settings import Settings


@dataclass(frozen=True)
class TrainingData:
    """What designs are trained on.

    Attributes:
        corpus: with ratings as released
        embeddings: {modality: rows of its cache}; an utterance must have them all,
            whatever a design needs, so that designs are compared on the same ones
        fold_embeddings: of each fold, if encoders were fine-tuned for each;
            `embeddings` are then those of any fold
        aligned: corpus and embeddings by fold, if they were joined before
    """

    corpus: Corpus
    embeddings: Mapping[str, Embeddings]
    fold_embeddings: Own = field(default_factory=dict)
    aligned: Mapping[str, Aligned] | None = None


@dataclass(frozen=True)
class TrainingSetup:
    """How designs are trained, and where their runs are written.

    Attributes:
        settings: everything that is trained with; without a protocol, the corpus's
        seeds: of initial weights, order and dropout; a baseline has one of its own
        runs: folder of all runs
        sized: settings of designs that are trained with other ones than `settings`
        device: "cpu" or "cuda"
        label: name of the experiment, for tables
        allow: rules of the linter that may fail
        progress: show a bar
    """

    settings: Settings
    seeds: Sequence[int]
    runs: Path
    sized: Mapping[str, Settings] = field(default_factory=dict)
    device: str = "cpu"
    label: str = ""
    allow: Sequence[str] = ()
    progress: bool = True

    def settings_of(self, fusion: str) -> Settings:
        """Return the settings of one design."""
        return self.sized.get(fusion, self.settings)
