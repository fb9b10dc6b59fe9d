"""Records of the data and the setup of a training command."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from affuse.data.cache.store import Embeddings
from affuse.data.records import Corpus
from affuse.fuse.inputs.fold_embeddings import FoldEmbeddings
from affuse.fuse.inputs.tensors import AlignedCorpus
from affuse.fuse.settings import Settings


@dataclass(frozen=True)
class TrainingData:
    """Data that designs are trained on.

    Attributes:
        corpus: with ratings as released
        embeddings: {modality: rows of its cache}; an utterance must have all of them,
            so that designs are compared on the same utterances
        fold_embeddings: {fold: {modality: rows}} if encoders were fine-tuned for each
            fold; `embeddings` are then those of any fold
        aligned: {fold: corpus and embeddings}, if they were joined before
    """

    corpus: Corpus
    embeddings: Mapping[str, Embeddings]
    fold_embeddings: FoldEmbeddings = field(default_factory=dict)
    aligned: Mapping[str, AlignedCorpus] | None = None


@dataclass(frozen=True)
class TrainingSetup:
    """Setup of a training command: settings, seeds, and the folder of runs.

    Attributes:
        settings: of all designs; without a protocol, that of the corpus applies
        seeds: of initial weights, order of rows and dropout; baselines use a fixed one
        runs: folder of all runs
        settings_by_design: {design: settings} for designs that do not use `settings`
        device: "cpu" or "cuda"
        label: name of the experiment, for tables
        allow: names of the linter's rules that may fail
        progress: show a progress bar
    """

    settings: Settings
    seeds: Sequence[int]
    runs: Path
    settings_by_design: Mapping[str, Settings] = field(default_factory=dict)
    device: str = "cpu"
    label: str = ""
    allow: Sequence[str] = ()
    progress: bool = True

    def settings_of(self, fusion: str) -> Settings:
        """Return the settings of one design.

        Args:
            fusion: name of the design
        """
        return self.settings_by_design.get(fusion, self.settings)
