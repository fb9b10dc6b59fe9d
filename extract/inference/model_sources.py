"""Loading of the model that a user names: a run, a bundle, or a checkpoint's head."""

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from affuse.data.cache import corpus_table
from affuse.data.errors import AffuseError, OptionError
from affuse.data.records import check_name
from affuse.data.runs.bundle_folder import BundleFolder, is_bundle
from affuse.data.runs.bundle_information import BundleInfo
from affuse.data.runs.checkpoint_folder import CheckpointFolder
from affuse.data.runs.run_folder import ModelFolder, RunFolder
from affuse.data.runs.run_information import RunInfo, read_info
from affuse.data.system.digests import digest
from affuse.extract.checkpoints.checkpoint_files import SHORT
from affuse.extract.encoding.choices import Choice, Machine
from affuse.extract.encoding.encoder_loading import (
    encoder_for_checkpoint,
    load,
    make_recipe,
)
from affuse.extract.encoding.gemm_throughput import choose_dtype
from affuse.extract.inference.adapted_rater import AdaptedRater
from affuse.extract.inference.encoder_places import EncoderPlaces
from affuse.extract.inference.head_rater import SCALE, HeadRater
from affuse.extract.inference.hub_bundles import fetch_bundle, holds_bundle
from affuse.extract.inference.loaded_model import LoadedFileModel
from affuse.extract.inference.predicted_segments import ModelFacts
from affuse.extract.inference.recorded_encoders import general_recipe, load_recorded
from affuse.extract.inference.segment_encoding import SegmentEncoder
from affuse.extract.inference.trained_rater import TrainedRater
from affuse.fuse.adaptation.adaptation_sentences import summarise
from affuse.fuse.bundles.bundle_reading import Bundle, read_bundle
from affuse.fuse.calibration.applying import read_calibrations
from affuse.fuse.commands.training_scale import scale_of_run
from affuse.fuse.models.design_files import use_run_files
from affuse.fuse.reporting.table_records import kind_of_ratings
from affuse.fuse.trained.model_set import ModelSet
from affuse.fuse.trained.prediction import load_run

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ModelRequest:
    """Model that a user names, and where its encoders are looked for."""

    name: str  # folder of a run, bundle or checkpoint, or a name on the hub
    machine: Machine = field(default_factory=Machine)
    places: EncoderPlaces = EncoderPlaces()
    design_files: Sequence[Path] = ()  # that define designs of the user


def open_model(request: ModelRequest) -> LoadedFileModel:
    """Load a model with its encoders.

    Args:
        request: name of the model, and places of its encoders

    Raises:
        FileNotFoundError: if there is no such model
        AffuseError: if the model or an encoder is damaged, or cannot be found
    """
    folder = Path(request.name).expanduser()
    if RunFolder(folder).info.is_file():
        return _open_run(folder, request)
    if is_bundle(folder):
        return _open_bundle(folder, request)
    is_hub_name = request.name.count("/") == 1 and not _is_local(folder)
    if is_hub_name and holds_bundle(request.name):
        return _open_bundle(fetch_bundle(request.name), request)
    is_checkpoint = CheckpointFolder(folder).configuration.is_file()
    is_short = request.name in SHORT and not folder.exists()
    if is_checkpoint or is_short or is_hub_name:
        return _open_head(request)
    if folder.is_file():
        raise AffuseError(
            f"{folder} is a file, and no model; name the folder of a run or of a bundle"
        )
    if folder.is_dir():
        raise AffuseError(
            f"{folder} is no run, no bundle and no checkpoint: it has neither "
            f"{RunFolder.info} nor {BundleFolder.info} nor "
            f"{CheckpointFolder.configuration}"
        )
    raise FileNotFoundError(
        f"{request.name} not found; name the folder of a run (in runs) or of a bundle, "
        f"or a speech checkpoint with a regression head, such as audeering"
    )


def _is_local(folder: Path) -> bool:
    """Return True if a path exists, or is a misspelt one beside a run or a bundle."""
    beside = folder.parent.iterdir() if folder.parent.is_dir() else ()
    return folder.exists() or any(
        RunFolder(each).info.is_file() or is_bundle(each) for each in beside
    )


def _open_run(run: Path, request: ModelRequest) -> LoadedFileModel:
    """Load the models of a run, its calibration and its encoders."""
    use_run_files(run, request.design_files)
    info = read_info(run)
    models = load_run(run, request.machine.device)
    calibrations = read_calibrations(run, models)
    rater = TrainedRater(models, calibrations)
    encoders = load_recorded(rater.recipes, request.places, request.machine)
    facts = ModelFacts(
        name=run.resolve().name,
        targets=models.targets,
        corpus=info.corpus,
        nature=info.nature,
        several=_kinds(info),
        scale=_scale(run, info, request.places.cache),
        models=len(models.models),
        level=None if calibrations is None else calibrations.level,
        digest=_digest(run, models),
    )
    return LoadedFileModel(facts, rater, SegmentEncoder.of(encoders, request.machine))


def _open_bundle(folder: Path, request: ModelRequest) -> LoadedFileModel:
    """Load the models of a bundle, its calibration and its encoders."""
    bundle = read_bundle(folder, request.machine.device)
    info = bundle.info
    rater = TrainedRater(bundle.models, bundle.calibrations)
    adaptation = bundle.adaptation
    places = replace(request.places, bundled=bundle.encoder_folders)
    encoders = load_recorded(rater.recipes, places, request.machine)
    facts = ModelFacts(
        name=info.name,
        targets=info.targets,
        corpus=info.corpus,
        nature=info.nature,
        several=_kinds(info),
        scale=info.scale,
        models=len(bundle.models.models),
        level=_level(bundle),
        adaptation="" if adaptation is None else summarise(adaptation),
        digest=digest(BundleFolder(folder).manifest),
    )
    encoder = SegmentEncoder.of(encoders, request.machine)
    if adaptation is None:
        return LoadedFileModel(facts, rater, encoder)
    return LoadedFileModel(facts, AdaptedRater(rater, adaptation), encoder)


def _kinds(info: RunInfo | BundleInfo) -> str:
    """Return the kinds of ratings in words; "" if all corpora have the same kind."""
    if len({member.nature for member in info.members}) < 2:
        return ""
    return kind_of_ratings(info.nature, info.members)


def _level(bundle: Bundle) -> float | None:
    """Return the level of the intervals of a bundle; None without intervals."""
    if bundle.calibrations is not None:
        return bundle.calibrations.level
    adaptation = bundle.adaptation
    return adaptation.level if adaptation and adaptation.has_intervals else None


def _digest(run: Path, models: ModelSet) -> str:
    """Return a digest of all models of a run, and of its calibration."""
    files = [ModelFolder(model.folder).weights for model in models.models]
    calibration = RunFolder(run).calibration
    files += [calibration] if calibration.is_file() else []
    listed = "".join(f"{file.relative_to(run)} {digest(file)}\n" for file in files)
    return hashlib.sha256(listed.encode()).hexdigest()


def _scale(run: Path, info: RunInfo, cache: Path | None) -> tuple[float, float] | None:
    """Return the scale of a run's ratings; a run of an older version has none.

    Then the scale of the cached corpus is used, if there is one with equal ratings.
    """
    if info.scale is not None or cache is None:
        return info.scale
    try:
        check_name(info.corpus)
        corpus = corpus_table.load(cache, info.corpus)
    except (FileNotFoundError, AffuseError):
        return None
    return scale_of_run(run, info, corpus)


def _open_head(request: ModelRequest) -> LoadedFileModel:
    """Load a speech checkpoint with its regression head."""
    for modality, (name, *_) in filter(all, request.places.named.items()):
        raise OptionError(
            f"--{modality}-checkpoint {name} has no effect: {request.name} is a "
            f"checkpoint itself; leave it out"
        )
    machine = request.machine
    choice = Choice(
        modality="audio",
        encoder=encoder_for_checkpoint("audio", request.name, ""),
        checkpoint=request.name,
        dtype=choose_dtype("auto", machine.device),
        head=True,
    )
    encoder = load(choice, machine)
    recipe = general_recipe(make_recipe("files", choice, encoder, ""))
    rater = HeadRater(recipe)
    facts = ModelFacts(
        name=recipe.checkpoint,
        targets=rater.targets,
        corpus="",
        nature="human",
        scale=SCALE,
        digest=recipe.weights,
    )
    encoders = {recipe.digest(): (recipe, encoder)}
    return LoadedFileModel(facts, rater, SegmentEncoder.of(encoders, machine))
