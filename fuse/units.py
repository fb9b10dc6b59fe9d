"""One trained model on disk: what it needs to predict, and how it came about.

=================== ===================================================================
``model.safetensors`` everything that was fitted: projections, encoders, design
``model.json``      `Description`
``history.csv``     validation CCC of each epoch
``pretraining.csv`` loss of each epoch of each autoencoder that was trained before
``layers.csv``      weights of layers, where they are learnt
``validation.csv``  predictions of the fold's validation part, to calibrate on
``predictions.csv`` of the fold's test part; put there last, so a unit that has it is
                    whole
=================== ===================================================================
"""

import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import safetensors.torch
from safetensors import SafetensorError
from torch import Tensor, nn

from data.errors import AffuseError
from data.files import publish
from data.predictions import PREDICTIONS, VALIDATION, read_predictions
from data.ratings import RATINGS
from data.recipe import Recipe
from data.rows import read_rows, write_rows
from fuse import layers
from fuse.decisions import DECISIONS
from fuse.fit import Fitted
from fuse.loop import Epoch
from fuse.mixing import layer_weights
from fuse.model import build
from fuse.reduce import Projection
from fuse.references import FITTED, Zeroshot, blank
from fuse.settings import Settings, change

log = logging.getLogger(__name__)

WEIGHTS, MODEL = "model.safetensors", "model.json"
HISTORY, PRETRAINING = "history.csv", "pretraining.csv"
HISTORY_COLUMNS = (
    *("fold", "seed", "epoch", "train_loss", "reconstruction"),
    *(f"validation_{name}" for name in RATINGS),
    "validation_mean",
)
UNREADABLE = (KeyError, TypeError, ValueError, RuntimeError, SafetensorError)
PRETRAINING_COLUMNS = (
    *("modality", "epoch", "train_reconstruction", "validation_reconstruction"),
)


@dataclass(frozen=True)
class Description:
    """What a model is, beside its weights."""

    fusion: str  # a design, or one of fuse.references.REFERENCES
    fold: str
    seed: int
    targets: tuple[str, ...]  # names of the columns that come out
    head: tuple[str, ...]  # ratings of the audio checkpoint's own head, if kept
    recipes: Mapping[str, Recipe]  # of each modality that the model takes
    settings: Settings
    parameters: int  # trainable


def place(run: Path, *, fold: str, seed: int) -> Path:
    """The folder of one unit."""
    return run / fold / f"seed-{seed}"


def save(folder: Path, fitted: Fitted, description: Description) -> None:
    """Publish weights, description and history; equal models give equal bytes."""
    state = {
        name: values.detach().cpu().contiguous()
        for name, values in fitted.module.state_dict().items()
    }
    facts = {
        **asdict(description),
        "recipes": {m: json.loads(r.text()) for m, r in description.recipes.items()},
    }
    publish(folder / WEIGHTS, safetensors.torch.save(state))
    publish(folder / MODEL, (json.dumps(facts, indent=1) + "\n").encode())
    rows = [_cells(epoch, description) for epoch in fitted.history]
    write_rows(folder / HISTORY, HISTORY_COLUMNS, rows)
    weights = {m: w.tolist() for m, w in layer_weights(fitted.module).items()}
    numbers = {m: recipe.layers for m, recipe in description.recipes.items()}
    layers.write(folder, weights, targets=description.targets, layers=numbers)
    if fitted.pretraining:
        losses = [
            (modality, e.number, f"{e.loss:.6g}", f"{-e.scores[0]:.6g}")
            for modality, history in fitted.pretraining.items()
            for e in history
        ]
        write_rows(folder / PRETRAINING, PRETRAINING_COLUMNS, losses)


def _cells(epoch: Epoch, description: Description) -> list[object]:
    """One line of history.csv; a rating that the corpus lacks is empty."""
    scores = dict(zip(description.targets, epoch.scores, strict=True))
    each = [f"{scores[name]:.6f}" if name in scores else "" for name in RATINGS]
    where = [description.fold, description.seed, epoch.number]
    lost = [f"{epoch.loss:.6g}", f"{epoch.reconstruction:.6g}"]
    return [*where, *lost, *each, f"{epoch.score:.6f}"]


def load(folder: Path) -> tuple[nn.Module, Description]:
    """A model as it was saved, in evaluation mode on the CPU.

    Raises:
        FileNotFoundError: if a file is missing
        AffuseError: if a file is damaged, or of another version of this project
    """
    path = folder / MODEL
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
        description = Description(
            **{
                **facts,
                "targets": tuple(facts["targets"]),
                "head": tuple(facts["head"]),
                "recipes": {
                    modality: Recipe.parse(json.dumps(recipe))
                    for modality, recipe in facts["recipes"].items()
                },
                "settings": change(Settings(), facts["settings"]),
            }
        )
        state = safetensors.torch.load((folder / WEIGHTS).read_bytes())
        module = _blank(description, state)
        module.load_state_dict(state)
    except UNREADABLE as error:
        raise AffuseError(
            f"{folder} holds no model of this version: {error}; train again into "
            f"another folder of runs"
        ) from error
    return module.eval(), description


def is_whole(folder: Path, targets: Sequence[str]) -> bool:
    """Whether a unit is finished, and all of it can be read; damage is said."""
    if not (folder / PREDICTIONS).is_file():
        return False
    try:
        load(folder)
        list(read_rows(folder / HISTORY, HISTORY_COLUMNS))
        for name in (VALIDATION, PREDICTIONS):
            read_predictions(folder / name, tuple(targets))
    except (OSError, AffuseError) as error:
        log.warning("%s; training this model anew", error)
        return False
    return True


def recipes(folders: Iterable[Path]) -> dict[str, Mapping[str, Recipe]]:
    """How the embeddings of each fold were made, by modality; by its first unit."""
    firsts: dict[str, Path] = {}
    for folder in folders:
        firsts.setdefault(folder.parent.name, folder)
    return {fold: load(folder)[1].recipes for fold, folder in firsts.items()}


def _blank(description: Description, state: Mapping[str, Tensor]) -> nn.Module:
    """A module of the right sizes, whatever its weights."""
    fusion, targets = description.fusion, description.targets
    if fusion == "zeroshot":
        return Zeroshot(description.head, targets=targets)
    projections = {}
    for modality in description.recipes:
        base = f"bases.{modality}." if fusion in DECISIONS else ""
        dim = len(state[f"{base}projections.{modality}.mean"])
        rotation = state.get(f"{base}projections.{modality}.rotation")
        components = None if rotation is None else rotation.shape[1]
        projections[modality] = Projection(dim, components)
    if fusion in FITTED:
        return blank(fusion, projections, state)
    return build(
        fusion,
        projections,
        targets=len(targets),
        settings=description.settings,
        layers={m: len(recipe.layers) for m, recipe in description.recipes.items()},
    )
