"""Models of a run that are put into a bundle, with the run's facts and calibrations."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from affuse.data.cache.recipe import Recipe
from affuse.data.errors import AffuseError
from affuse.data.runs.run_information import RunInfo, read_info
from affuse.fuse.calibration import calibration_file
from affuse.fuse.calibration.applying import read_calibrations
from affuse.fuse.calibration.calibration_fitting import Calibrations
from affuse.fuse.calibration.calibration_scores import CalibrationScores
from affuse.fuse.trained.model_set import ModelSet
from affuse.fuse.trained.prediction import load_run


@dataclass(frozen=True)
class RunModels:
    """Loaded models of a run, and what a bundle tells of the run."""

    info: RunInfo
    models: ModelSet
    calibrations: Calibrations | None  # None: the run is not calibrated
    scores: Mapping[str, CalibrationScores]  # of the calibration, by rating

    @property
    def fold_numbers(self) -> dict[str, int]:
        """Number that replaces the name of each fold: {name: number}, from 0."""
        names = dict.fromkeys(model.fold for model in self.models.models)
        return {name: number for number, name in enumerate(names)}

    @property
    def encoders(self) -> tuple[Recipe, ...]:
        """One recipe for each encoder that the models need."""
        by_encoder: dict[tuple[str, ...], Recipe] = {}
        for recipes in self.models.recipes.values():
            for recipe in recipes.values():
                for part in recipe.parts:
                    by_encoder.setdefault(encoder_key(part), part)
        return tuple(by_encoder.values())


def encoder_key(recipe: Recipe) -> tuple[str, ...]:
    """Return the facts of a recipe that identify its encoder and weights.

    Args:
        recipe: of one encoder
    """
    origin = recipe.checkpoint, recipe.revision, recipe.weights
    return (recipe.modality, recipe.encoder, *origin)


def load_run_models(run: Path) -> RunModels:
    """Load the models of a run that may be put into a bundle.

    Args:
        run: folder of the run

    Raises:
        FileNotFoundError: if there is no such run, or no finished model in it
        AffuseError: if a file is damaged, the design is in a file of the user, the
            weights hold training data, or the calibration is of other models
    """
    info = read_info(run)
    if info.design_file is not None:
        raise AffuseError(
            f"{run} was trained with the design in a file of yours, "
            f"{info.design_file.path}, and a bundle holds no code; publish the design "
            f"as an installed package with an entry point, and train with its name"
        )
    models = load_run(run)
    for model in models.models:
        if any(
            getattr(m, "holds_training_rows", False) for m in model.module.modules()
        ):
            raise AffuseError(
                f"{run} cannot become a bundle: the weights of '{info.design}' contain "
                f"embeddings of training utterances, which a bundle must not hold; "
                f"choose a run of another design"
            )
        if model.seed is None:
            raise AffuseError(f"{model.folder} has no seed in its name; rename it")
    record = read_calibrations(run, models)
    scores = {} if record is None else calibration_file.read_scores(run)
    return RunModels(info, models, record, scores)
