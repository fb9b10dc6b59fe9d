"""Folders of the trained models of a run: which there are, and what they take."""

import logging
from collections.abc import Mapping
from pathlib import Path

from torch import Tensor, nn

from affuse.data.errors import DamagedFileError
from affuse.data.runs.run_folder import ModelFolder, RunFolder
from affuse.data.system import digests
from affuse.fuse.models.projection import Projection

log = logging.getLogger(__name__)


def finished(run: Path) -> list[Path]:
    """Return the folders of all finished models of a run, sorted.

    Where the manifest of the run lists models, these are meant and no others; `warn`
    names the others.

    Raises:
        DamagedFileError: if the run's manifest lists a model that is missing, or was
            replaced
    """
    found = [folder for folder in _written(run) if seed(folder) is not None]
    known = listed(run)
    if not known:
        return found
    if lacking := sorted(known.keys() - set(found)):
        raise DamagedFileError(
            f"{run} lacks {len(lacking)} of the {len(known)} models that "
            f"{digests.MANIFEST} lists, first {lacking[0]}; repeat the train command, "
            f"or remove {run}"
        )
    for folder, digest in known.items():
        path = ModelFolder(folder).manifest
        if not path.is_file() or digests.digest(path) != digest:
            raise DamagedFileError(digests.damage(path))
    return sorted(known)


def warn(run: Path) -> None:
    """Name the models that `finished` leaves out, once for a command.

    They were copied there, or their training was interrupted.
    """
    if others := sorted({*_written(run)} - {*finished(run)}):
        log.warning(
            "%d models are left out, for %s does not list them, first %s; if their "
            "training was interrupted, repeat the train command",
            len(others),
            RunFolder(run).manifest,
            others[0],
        )


def seed(folder: Path) -> int | None:
    """Return the seed that the name of a model's folder states; None for another."""
    return ModelFolder(folder).seed


def _written(run: Path) -> list[Path]:
    """Return all folders of a run that hold what a finished model leaves."""
    there = RunFolder(run).models(file=ModelFolder.predictions)
    return [model.path for model in there]


def listed(run: Path) -> dict[Path, str]:
    """Return the digest of the manifest of each model that a run's manifest lists."""
    names = (digests.read(run) or {}).items()
    found = {run / name: digest for name, digest in names if "/" in name}
    return {path.parent: digest for path, digest in found.items()}


def demand_widths(
    module: nn.Module, features: Mapping[str, Tensor], folder: Path
) -> None:
    """Refuse embeddings of other sizes than a model takes.

    Args:
        module: of a run
        features: {modality: (rows, dim)}
        folder: of the model, for the error

    Raises:
        DamagedFileError: naming the modality and both sizes
    """
    for name, part in module.named_modules():
        modality = name.rpartition(".")[2]
        if isinstance(part, Projection) and modality in features:
            dim = features[modality].shape[1]
            if dim != len(part.mean):
                raise DamagedFileError(
                    f"{folder} takes {len(part.mean)} numbers of {modality}, and an "
                    f"embedding has {dim}; it was trained on others"
                )
