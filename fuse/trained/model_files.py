"""Files of one trained model: weights, description, history and predictions.

=================== ===================================================================
``model.safetensors`` weights and statistics: projections, autoencoders, design
``model.json``      `Description`
``history.csv``     validation CCC of each epoch
``pretraining.csv`` loss of each epoch of each pretrained autoencoder
``layers.csv``      learned weights of layers
``validation.csv``  predictions of the fold's validation part, for calibration
``predictions.csv`` predictions of the fold's test part
``SHA256SUMS``      digests of all files, written last: a model with it is complete
=================== ===================================================================
"""

import json
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import safetensors.torch
from torch import nn

from affuse.data.cache import joined_recipe
from affuse.data.cache.recipe import Recipe
from affuse.data.errors import AffuseError, DamagedFileError
from affuse.data.rating_scales import RATINGS
from affuse.data.runs.bundle_folder import model_advice
from affuse.data.runs.run_folder import ModelFolder, RunFolder
from affuse.data.runs.run_predictions import read_predictions
from affuse.data.system import digests
from affuse.data.system.atomic_files import publish
from affuse.data.system.csv_tables import read_rows, write_rows
from affuse.data.system.documents import read_json
from affuse.data.system.schema import ListOf, MapOf, OneOf, Plain, Record, Text, Whole
from affuse.fuse.models import design_files, weight_files
from affuse.fuse.models.fitted import Epoch, Fitted
from affuse.fuse.models.scalar_mix import layer_weights
from affuse.fuse.models.trainable.design_registry import code_difference, find_trainable
from affuse.fuse.models.trainable.saved_model import SavedModel
from affuse.fuse.settings import Settings, change
from affuse.fuse.trained import layer_weight_files

log = logging.getLogger(__name__)

HISTORY_COLUMNS = (
    *("fold", "seed", "epoch", "train_loss", "reconstruction"),
    *(f"validation_{name}" for name in RATINGS),
    "validation_mean",
)
PRETRAINING_COLUMNS = (
    *("modality", "epoch", "train_reconstruction", "validation_reconstruction"),
)
WORD = Text(1_000)
KIND = Record(
    {
        "fusion": Text(200, least=1),
        "fold": Text(200, least=1),
        "seed": Whole(),
        "targets": ListOf(OneOf(RATINGS), most=len(RATINGS), least=1),
        "head": ListOf(WORD, most=100),
        "recipes": MapOf(joined_recipe.AnyRecipe(), most=100),
        "settings": MapOf(Plain(depth=0), most=1_000),
        "parameters": Whole(),
    },
    {"code": WORD},
)


@dataclass(frozen=True)
class Description:
    """Description of a model without its weights."""

    fusion: str  # name of a design of any kind
    fold: str
    seed: int
    targets: tuple[str, ...]  # names of the predicted ratings, in order of columns
    head: tuple[str, ...]  # ratings of the audio checkpoint's head, if cached
    recipes: Mapping[str, Recipe]  # {modality: recipe of its embeddings}
    settings: Settings
    parameters: int  # number of trainable parameters
    code: str = ""  # identity of the design's code; "" in models of older versions


def model_folder(run: Path, *, fold: str, seed: int) -> Path:
    """Return the folder of one model.

    Args:
        run: folder of the run
        fold: name
        seed: of the model
    """
    return RunFolder(run).model(fold, seed).path


def save(folder: Path, fitted: Fitted, description: Description) -> None:
    """Write weights, description and history; equal models give equal bytes.

    Args:
        folder: of the model
        fitted: trained model
        description: of the model
    """
    state = {
        name: values.detach().cpu().contiguous()
        for name, values in fitted.module.state_dict().items()
    }
    place = ModelFolder(folder)
    publish(place.weights, safetensors.torch.save(state))
    write_description(folder, description)
    rows = [_cells(epoch, description) for epoch in fitted.history]
    write_rows(place.history, HISTORY_COLUMNS, rows)
    weights = {m: w.tolist() for m, w in layer_weights(fitted.module).items()}
    layer_weight_files.write(
        folder, weights, targets=description.targets, recipes=description.recipes
    )
    if fitted.pretraining:
        losses = [
            (modality, e.number, f"{e.loss:.6g}", f"{-e.scores[0]:.6g}")
            for modality, history in fitted.pretraining.items()
            for e in history
        ]
        write_rows(place.pretraining, PRETRAINING_COLUMNS, losses)


def write_description(folder: Path, description: Description) -> None:
    """Write the description of a model; equal descriptions give equal bytes.

    Args:
        folder: of the model
        description: of the model
    """
    facts = {
        **asdict(description),
        "recipes": {m: json.loads(r.text()) for m, r in description.recipes.items()},
    }
    text = json.dumps(facts, indent=1) + "\n"
    publish(ModelFolder(folder).description, text.encode())


def _cells(epoch: Epoch, description: Description) -> list[object]:
    """Return the cells of one line of history.csv, empty for missing ratings."""
    scores = dict(zip(description.targets, epoch.scores, strict=True))
    by_rating = [f"{scores[name]:.6f}" if name in scores else "" for name in RATINGS]
    where = [description.fold, description.seed, epoch.number]
    losses = [f"{epoch.loss:.6g}", f"{epoch.reconstruction:.6g}"]
    return [*where, *losses, *by_rating, f"{epoch.score:.6f}"]


def load(folder: Path) -> tuple[nn.Module, Description]:
    """Return a saved model in evaluation mode on the CPU, and its description.

    Args:
        folder: of the model

    Raises:
        FileNotFoundError: if a file is missing
        AffuseError: if a file is damaged, of another version of this project, or the
            code of the design has changed since
    """
    description = describe(folder)
    design_files.demand_file(folder, description.fusion)
    if difference := code_difference(description.code, description.fusion):
        raise AffuseError(
            f"{folder} cannot be used: {difference}; restore the code, or repeat the "
            f"train command, which trains a new run"
        )
    with _name_folder_in_errors(folder):
        saved = SavedModel(
            weight_files.read(ModelFolder(folder).weights),
            targets=description.targets,
            head=description.head,
            layers={m: r.layer_structure for m, r in description.recipes.items()},
            settings=description.settings,
        )
        module = find_trainable(description.fusion).restore(saved)
    return module.eval(), description


def describe(folder: Path) -> Description:
    """Return the description of a model.

    Args:
        folder: of the model

    Raises:
        FileNotFoundError: if there is no such file
        DamagedFileError: if it is damaged, or of another version of this project
    """
    with _name_folder_in_errors(folder):
        values = read_json(
            ModelFolder(folder).description, KIND, advice="it describes no model"
        )
        return Description(
            **{
                **values,
                "targets": tuple(values["targets"]),
                "head": tuple(values["head"]),
                "recipes": joined_recipe.parse_all(values["recipes"]),
                "settings": change(Settings(), values["settings"]),
            }
        )


@contextmanager
def _name_folder_in_errors(folder: Path) -> Iterator[None]:
    """Add the folder of a model to an error that occurs in this context."""
    try:
        yield
    except AffuseError as error:
        raise DamagedFileError(
            f"{folder} holds no model of this version: {error}; {model_advice(folder)}"
        ) from error


def is_complete(folder: Path, targets: Sequence[str], *, quiet: bool = False) -> bool:
    """Return True if a model is complete and all its files can be read.

    Args:
        folder: of the model
        targets: names of its ratings
        quiet: do not log damage, because it has been logged before
    """
    model = ModelFolder(folder)
    try:
        if ModelFolder.predictions not in (digests.read(folder) or {}):
            return False
        load(folder)
        list(read_rows(model.history, HISTORY_COLUMNS))
        for path in (model.validation, model.predictions):
            read_predictions(path, tuple(targets))
    except (OSError, AffuseError) as error:
        if not quiet:
            log.warning("%s; training this model again", error)
        return False
    return True


def recipes(folders: Iterable[Path]) -> dict[str, Mapping[str, Recipe]]:
    """Return the recipes of each fold: {fold: {modality: recipe}}.

    Args:
        folders: of the models; the first model of a fold is read
    """
    firsts: dict[str, Path] = {}
    for folder in folders:
        firsts.setdefault(folder.parent.name, folder)
    return {fold: describe(folder).recipes for fold, folder in firsts.items()}
