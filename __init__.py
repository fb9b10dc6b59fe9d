"""Prediction of valence, arousal and dominance from speech and transcripts.

The names in ``__all__`` are the public interface. Each is imported when it is first
used, so that ``import affuse`` imports neither torch nor transformers.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    __version__: str
    from affuse.data.errors import AffuseError
    from affuse.extract.commands.corpus_extraction import Extraction, extract_corpus
    from affuse.extract.inference.public_model import Model, load
    from affuse.fuse.commands.dataset_loading import Dataset, load_dataset
    from affuse.fuse.commands.table_training import (
        CCCTable,
        ccc_table,
        train_designs,
    )
    from affuse.fuse.inputs.feature_choice import FeatureChoice
    from affuse.fuse.scoring.metrics import ccc
    from affuse.fuse.sklearn.estimator import FusionRegressor

__all__ = [
    "AffuseError",
    "CCCTable",
    "Dataset",
    "Extraction",
    "FeatureChoice",
    "FusionRegressor",
    "Model",
    "ccc",
    "ccc_table",
    "extract_corpus",
    "load",
    "load_dataset",
    "train_designs",
]
_MODULES = {
    "AffuseError": "affuse.data.errors",
    "CCCTable": "affuse.fuse.commands.table_training",
    "Dataset": "affuse.fuse.commands.dataset_loading",
    "Extraction": "affuse.extract.commands.corpus_extraction",
    "FeatureChoice": "affuse.fuse.inputs.feature_choice",
    "FusionRegressor": "affuse.fuse.sklearn.estimator",
    "Model": "affuse.extract.inference.public_model",
    "ccc": "affuse.fuse.scoring.metrics",
    "ccc_table": "affuse.fuse.commands.table_training",
    "extract_corpus": "affuse.extract.commands.corpus_extraction",
    "load": "affuse.extract.inference.public_model",
    "load_dataset": "affuse.fuse.commands.dataset_loading",
    "train_designs": "affuse.fuse.commands.table_training",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used (PEP 562)."""
    if name == "__version__":
        environment = import_module("affuse.data.system.environment")
        return environment.version()
    if name not in _MODULES:
        raise AttributeError(f"module 'affuse' has no attribute {name!r}")
    return getattr(import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    """Return the public names, for completion in a notebook."""
    return sorted({*globals(), *__all__})
