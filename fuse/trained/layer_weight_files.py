"""The learned weights of layers on disk: ``layers.csv`` of each model, and in words."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from affuse.data.errors import DamagedFileError
from affuse.data.runs.run_folder import ModelFolder, RunFolder
from affuse.data.runs.run_predictions import Run
from affuse.data.system.csv_tables import DAMAGED, number, read_rows, whole, write_rows
from affuse.data.system.digests import is_listed
from affuse.data.terminal import printable
from affuse.fuse.trained.model_folders import listed
from affuse.fuse.wording import figure

COLUMNS = ("modality", "rating", "layer", "weight")
SHOWN = 2  # layers of highest weight in a sentence

Weights = Mapping[str, Sequence[Sequence[float]]]  # modality -> (ratings, layers)


def write(
    folder: Path,
    weights: Weights,
    *,
    targets: Sequence[str],
    layers: Mapping[str, Sequence[int]],
) -> None:
    """Publish the weights of one model; nothing if it has none.

    Args:
        folder: of the model
        weights: each row adds up to 1
        targets: names of the ratings
        layers: numbers of each modality's layers, as in its recipe
    """
    rows = [
        (modality, target, layer, f"{weight:.6f}")
        for modality, found in weights.items()
        for target, row in zip(targets, found, strict=True)
        for layer, weight in zip(layers[modality], row, strict=True)
    ]
    if rows:
        write_rows(ModelFolder(folder).layers, COLUMNS, rows)


def average(run: Path) -> dict[tuple[str, str], dict[int, float]]:
    """Mean weights over the models of a run: (rating, modality) -> layer -> weight.

    Empty if layers were not weighed.

    Raises:
        DamagedFileError: naming the line that is damaged
    """
    paths = [path for path in _paths(run) if path.exists() or is_listed(path)]
    found: dict[tuple[str, str], dict[int, float]] = {}
    for path in paths:
        for line, (modality, target, layer, weight) in read_rows(path, COLUMNS):
            means = found.setdefault((target, modality), {})
            try:
                place, share = whole(layer), number(weight) / len(paths)
            except ValueError as error:
                raise DamagedFileError(
                    f"{path}, line {line}: {printable(str(error))}; {DAMAGED}"
                ) from error
            means[place] = means.get(place, 0.0) + share
    return found


def _paths(run: Path) -> Iterator[Path]:
    """Yield where each model that is there keeps its weights of layers."""
    models = listed(run)
    for model in RunFolder(run).models():
        if model.path.is_dir() and (model.path in models or not models):
            yield model.layers


def notes(runs: Sequence[Run], names: Sequence[str]) -> Iterator[str]:
    """A sentence for each run that weighs layers, by the name of its first row."""
    firsts: dict[Path, str] = {}
    for run, name in zip(runs, names, strict=True):
        firsts.setdefault(run.path, name)  # its ensemble has the same models
    for path, name in firsts.items():
        if words := describe(path):
            yield f"Layers of {name}, mean weights: {words}"


def describe(run: Path) -> str:
    """The layers of highest weight, for each rating; ``""`` if they are not weighed."""
    words = []
    for (target, modality), means in average(run).items():
        if len(means) > 1:
            best = sorted(means, key=lambda layer: -means[layer])[:SHOWN]
            said = ", ".join(f"{n} ({figure(means[n], digits=2)})" for n in best)
            words.append(f"{target} {modality} {said} of {len(means)}")
    return "; ".join(words)
