"""Writing of a bundle: models, calibrations, encoders and texts, without any name.

A bundle holds no names of folds, speakers or utterances, no transcripts and no training
data. It is written into a temporary folder, which is renamed when it is complete.
"""

import json
import os
import shutil
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from affuse.data.cache import training_data
from affuse.data.cache.anonymous_recipe import remove_names
from affuse.data.cache.recipe import Recipe
from affuse.data.errors import AffuseError
from affuse.data.runs.bundle_folder import BundleFolder
from affuse.data.runs.bundle_information import (
    BundledEncoder,
    BundleInfo,
    write_bundle_info,
)
from affuse.data.runs.run_folder import ModelFolder
from affuse.data.system import digests
from affuse.data.system.atomic_files import PIECE, publish
from affuse.data.system.environment import version
from affuse.data.system.regular_files import WEIGHTS, open_regular
from affuse.fuse.bundles.bundle_examination import examine
from affuse.fuse.bundles.run_models import RunModels
from affuse.fuse.calibration import calibration_file
from affuse.fuse.trained.model_files import write_description
from affuse.fuse.trained.model_set import LoadedModel


@dataclass(frozen=True)
class EncoderFiles:
    """Encoder that the models need, and the files of it to copy into the bundle."""

    recipe: Recipe  # of this encoder
    licence: str = ""  # identifier; "" if it is not known
    files: tuple[Path, ...] = ()  # of its checkpoint; () to reference it


@dataclass(frozen=True)
class BundleContent:
    """Content of a bundle, complete except for the digests of its files."""

    source: RunModels
    encoders: tuple[EncoderFiles, ...]  # one for each of `RunModels.encoders`
    # {name: content} of more files, such as `BundleFolder.card`
    texts: Mapping[str, bytes] = field(default_factory=dict)

    def info(self) -> BundleInfo:
        """Return the description of the bundle."""
        source, run = self.source, self.source.info
        return BundleInfo(
            version=version(),
            name=run.name,
            design=run.design,
            corpus=run.corpus,
            nature=run.nature,
            protocol=run.protocol,
            targets=source.models.targets,
            scale=run.scale,
            folds=len(source.fold_numbers),
            models=tuple(self.folders()),
            encoders=tuple(_records(self.encoders)),
            members=run.members,
        )

    def folders(self) -> dict[str, LoadedModel]:
        """Return the models by their folders in the bundle."""
        numbers = self.source.fold_numbers
        return {
            BundleFolder.model_name(numbers[model.fold], int(model.seed or 0)): model
            for model in self.source.models.models
        }


def write_bundle(output: Path, content: BundleContent) -> bool:
    """Write a bundle; an interrupted call leaves no folder of that name.

    Args:
        output: new or empty folder, or an identical bundle
        content: of the bundle

    Returns:
        True if it was written, False if `output` is an identical bundle

    Raises:
        AffuseError: if `output` holds anything else, or a file cannot be in a bundle
    """
    return publish_bundle(output, lambda folder: _write_files(folder, content))


def publish_bundle(output: Path, write: Callable[[Path], None]) -> bool:
    """Write a bundle into a temporary folder, check it and give it its name.

    Args:
        output: as for `write_bundle`
        write: writes all files but the digests into a folder

    Returns:
        as `write_bundle`

    Raises:
        AffuseError: as `write_bundle`
    """
    output = Path(os.path.abspath(output))
    partial = output.with_name(f".{output.name}.{uuid.uuid4().hex[:12]}.partial")
    try:
        partial.mkdir(parents=True)
        write(partial)
        files = [path for path in partial.rglob("*") if path.is_file()]
        names = [path.relative_to(partial).as_posix() for path in files]
        digests.list_files(partial, names)
        examine(partial)  # so that no bundle is written that cannot be read
        return _rename(partial, output)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _rename(partial: Path, output: Path) -> bool:
    """Rename a complete bundle; return False if an identical one is there."""
    if output.is_dir() and not any(output.iterdir()):
        output.rmdir()  # some systems cannot rename to an empty folder
    if not os.path.lexists(output):
        os.rename(partial, output)
        return True
    manifests = [BundleFolder(folder).manifest for folder in (partial, output)]
    if manifests[1].is_file():
        mine, theirs = (digests.read(path.parent) for path in manifests)
        if mine == theirs:
            examine(output)
            return False
    raise AffuseError(
        f"{output} exists and is another file or folder; remove it, or write the "
        f"bundle into a new folder"
    )


def _write_files(folder: Path, content: BundleContent) -> None:
    """Write all files of a bundle except the digests."""
    numbers = content.source.fold_numbers
    for name, model in content.folders().items():
        place, origin = ModelFolder(folder / name), ModelFolder(model.folder)
        publish(place.weights, digests.content(origin.weights, limit=WEIGHTS))
        recipes = {m: remove_names(r) for m, r in model.description.recipes.items()}
        fold = str(numbers[model.fold])
        write_description(
            place.path, replace(model.description, fold=fold, recipes=recipes)
        )
    if (record := content.source.calibrations) is not None:
        folds = {str(numbers[name]): each for name, each in record.folds.items()}
        scores = {
            target: replace(figures, by_speaker={})
            for target, figures in content.source.scores.items()
        }
        calibration_file.write(folder, replace(record, folds=folds), scores)
    for encoder, record_ in zip(
        content.encoders, _records(content.encoders), strict=True
    ):
        _copy_encoder(folder / record_.folder, encoder)
    for name, text in content.texts.items():
        publish(folder / name, text)
    write_bundle_info(folder, content.info())


def _records(encoders: Sequence[EncoderFiles]) -> Iterator[BundledEncoder]:
    """Yield the record of each encoder, with a folder if its files are copied."""
    counts: dict[str, int] = {}
    for each in encoders:
        modality = each.recipe.modality
        number = counts.get(modality, 0)
        folder = BundleFolder.encoder_name(modality, number) if each.files else ""
        counts[modality] = number + bool(each.files)
        yield BundledEncoder(
            modality=modality,
            encoder=each.recipe.encoder,
            checkpoint=each.recipe.checkpoint,
            revision=each.recipe.revision,
            weights=each.recipe.weights,
            licence=each.licence,
            folder=folder,
        )


def _copy_encoder(folder: Path, encoder: EncoderFiles) -> None:
    """Copy the files of an encoder, with records of its training without names."""
    for path in encoder.files:
        if path.name != training_data.FILE:
            publish(folder / path.name, copy_pieces(path))
    records = remove_names(encoder.recipe).training.get(training_data.KEY)
    if encoder.files and records:
        text = json.dumps(records, indent=1) + "\n"
        publish(folder / training_data.FILE, text.encode())


def copy_pieces(path: Path) -> Iterator[bytes]:
    """Yield the content of a file in pieces.

    Args:
        path: of the file, which must be regular
    """
    with open_regular(path, limit=WEIGHTS) as file:
        while piece := file.read(PIECE):
            yield piece
