"""Reading of a bundle: checked files, models, calibrations and places of encoders."""

from dataclasses import dataclass
from pathlib import Path

from affuse.data.errors import DamagedFileError
from affuse.data.runs.bundle_folder import BundleFolder
from affuse.data.runs.bundle_information import (
    BundleInfo,
    read_bundle_info,
)
from affuse.fuse.adaptation import adaptation_file
from affuse.fuse.adaptation.adaptation import Adaptation
from affuse.fuse.bundles.bundle_examination import examine
from affuse.fuse.bundles.run_models import encoder_key
from affuse.fuse.calibration.applying import read_calibrations
from affuse.fuse.calibration.calibration_fitting import Calibrations
from affuse.fuse.trained.model_set import ModelSet, load_models


@dataclass(frozen=True)
class Bundle:
    """Bundle whose files were checked, with its loaded models."""

    path: Path
    info: BundleInfo
    models: ModelSet
    calibrations: Calibrations | None  # None: the run was not calibrated
    adaptation: Adaptation | None = None  # None: it is not adapted to a user

    @property
    def encoder_folders(self) -> dict[str, str]:
        """Folder of each encoder in the bundle: {digest of its weights: path}."""
        included = [encoder for encoder in self.info.encoders if encoder.folder]
        return {each.weights: str(self.path / each.folder) for each in included}


def read_bundle(folder: Path, device: str = "cpu") -> Bundle:
    """Return a bundle after checking every file; nothing in it is executed.

    Args:
        folder: of the bundle
        device: device that computes the predictions

    Raises:
        FileNotFoundError: if there is no such folder
        AffuseError: if a file is damaged, missing, unexpected or of another version, or
            the code of the design has changed
    """
    names = set(examine(folder))
    info = read_bundle_info(folder)
    _demand_same_files(folder, info, names)
    models = load_models(folder, [folder / name for name in info.models], device)
    _demand_same_models(folder, info, models)
    record = read_calibrations(folder, models)
    adaptation = None
    if BundleFolder.adaptation in names:
        adaptation = adaptation_file.read(folder)
        _demand_same_ratings(folder, adaptation, info, record)
    return Bundle(folder, info, models, record, adaptation)


def _demand_same_ratings(
    folder: Path,
    adaptation: Adaptation,
    info: BundleInfo,
    record: Calibrations | None,
) -> None:
    """Raise an error if an adaptation is of other ratings, or of another level."""
    level = adaptation.level if record is None else record.level
    if (adaptation.targets, adaptation.level) != (info.targets, level):
        raise DamagedFileError(
            f"{folder} is no bundle that can be used: {BundleFolder.adaptation} is for "
            f"other ratings or another level than the bundle; adapt the model again"
        )


def _demand_same_files(folder: Path, info: BundleInfo, names: set[str]) -> None:
    """Raise an error if the description names other folders than there are."""
    described = {*info.models, *(e.folder for e in info.encoders if e.folder)}
    present = {name.rpartition("/")[0] for name in names if "/" in name}
    if differing := sorted(described ^ present):
        state = "lacks" if differing[0] in described else "does not describe"
        raise DamagedFileError(
            f"{folder} is no bundle that can be used: it {state} {differing[0]}; copy "
            f"or download it again"
        )


def _demand_same_models(folder: Path, info: BundleInfo, models: ModelSet) -> None:
    """Raise an error if a model differs from the description of the bundle."""
    known = {encoder.key for encoder in info.encoders}
    for model in models.models:
        facts = model.description
        parts = [part for recipe in facts.recipes.values() for part in recipe.parts]
        if facts.targets != info.targets or facts.fusion != info.design:
            what = "another design or other ratings"
        elif facts.fold != model.fold or facts.seed != model.seed:
            what = "another fold or seed"
        elif any(encoder_key(part) not in known for part in parts):
            what = "an encoder"
        else:
            continue
        raise DamagedFileError(
            f"{folder} is no bundle that can be used: {model.folder} has {what} that "
            f"{BundleFolder.info} does not name; copy or download it again"
        )
