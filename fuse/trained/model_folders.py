"""Folders of the trained models of a run, and a check of their inputs' sizes."""

import logging
from collections.abc import Mapping
from pathlib import Path

from torch import Tensor, nn

from affuse.data.errors import DamagedFileError
from affuse.data.runs.run_folder import ModelFolder, RunFolder
from affuse.data.system import digests
from affuse.fuse.models.projection import Projection

log = logging.getLogger(__name__)


def finished_models(run: Path) -> list[Path]:
    """Return the folders of all finished models of a run, sorted.

    If the manifest of the run lists models, only these are returned;
    `warn_of_unlisted_models` names the others.

    Args:
        run: folder of the run

    Raises:
        DamagedFileError: if the run's manifest lists a model that is missing, or was
            replaced
    """
    written = [folder for folder in _written(run) if seed(folder) is not None]
    manifest = models_in_manifest(run)
    if not manifest:
        return written
    if lacking := sorted(manifest.keys() - set(written)):
        raise DamagedFileError(
            f"{run} lacks {len(lacking)} of the {len(manifest)} models that "
            f"{digests.MANIFEST} lists, first {lacking[0]}; repeat the train command, "
            f"or remove {run}"
        )
    for folder, digest in manifest.items():
        path = ModelFolder(folder).manifest
        if not path.is_file() or digests.digest(path) != digest:
            raise DamagedFileError(digests.damage_message(path))
    return sorted(manifest)


def warn_of_unlisted_models(run: Path) -> None:
    """Log a warning that names the models that `finished_models` leaves out.

    They were copied into the run, or their training was interrupted.

    Args:
        run: folder of the run
    """
    if others := sorted({*_written(run)} - {*finished_models(run)}):
        log.warning(
            "%d models are left out, because %s does not list them, first %s; if their "
            "training was interrupted, repeat the train command",
            len(others),
            RunFolder(run).manifest,
            others[0],
        )


def seed(folder: Path) -> int | None:
    """Return the seed in the name of a model's folder, or None without one.

    Args:
        folder: of the model
    """
    return ModelFolder(folder).seed


def _written(run: Path) -> list[Path]:
    """Return all folders of a run that hold predictions of a model."""
    models = RunFolder(run).models(file=ModelFolder.predictions)
    return [model.path for model in models]


def models_in_manifest(run: Path) -> dict[Path, str]:
    """Return {folder of a model: digest of its manifest} from a run's manifest.

    Args:
        run: folder of the run
    """
    names = (digests.read(run) or {}).items()
    by_file = {run / name: digest for name, digest in names if "/" in name}
    return {path.parent: digest for path, digest in by_file.items()}


def demand_widths(
    module: nn.Module, features: Mapping[str, Tensor], folder: Path
) -> None:
    """Raise an error if the embeddings differ in size from those of the training.

    Args:
        module: of a run
        features: {modality: (rows, dim)}
        folder: of the model, for the error

    Raises:
        DamagedFileError: naming the modality and both sizes
    """
    for modality, part in projections(module).items():
        if modality in features:
            dim = features[modality].shape[1]
            if dim != len(part.mean):
                raise DamagedFileError(
                    f"{folder} takes {modality} embeddings of size {len(part.mean)}, "
                    f"and the cache has size {dim}; it was trained on other embeddings"
                )


def projections(module: nn.Module) -> dict[str, Projection]:
    """Return the projection of each modality that a model takes: {modality: it}.

    Args:
        module: of a run
    """
    return {
        name.rpartition(".")[2]: part
        for name, part in module.named_modules()
        if isinstance(part, Projection)
    }
