"""Learned layer weights: ``layers.csv`` of each model, and sentences for reports."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from affuse.data.cache.recipe import Recipe
from affuse.data.errors import DamagedFileError
from affuse.data.runs.run_folder import ModelFolder, RunFolder
from affuse.data.runs.run_predictions import Run
from affuse.data.system.csv_tables import (
    DAMAGED,
    parse_number,
    parse_whole_number,
    read_rows,
    write_rows,
)
from affuse.data.system.digests import is_listed
from affuse.data.terminal import printable
from affuse.fuse.trained.model_folders import models_in_manifest
from affuse.fuse.wording import figure

COLUMNS = ("modality", "rating", "layer", "weight")
SHOWN = 2  # number of layers that a sentence names

Weights = Mapping[str, Sequence[Sequence[float]]]  # modality -> (ratings, layers)


def write(
    folder: Path,
    weights: Weights,
    *,
    targets: Sequence[str],
    recipes: Mapping[str, Recipe],
) -> None:
    """Write the layer weights of one model, if it has any.

    Args:
        folder: of the model
        weights: {modality: (ratings, layers)}; the weights of each encoder sum to 1
        targets: names of the ratings
        recipes: {modality: recipe of its embeddings}
    """
    rows = [
        (name, target, layer, f"{weight:.6f}")
        for modality, values in weights.items()
        for target, row in zip(targets, values, strict=True)
        for (name, layer), weight in zip(_layers(recipes[modality]), row, strict=True)
    ]
    if rows:
        write_rows(ModelFolder(folder).layers, COLUMNS, rows)


def _layers(recipe: Recipe) -> Iterator[tuple[str, int]]:
    """Yield the modality and the number of each layer of an embedding.

    Where several encoders are joined, the checkpoint follows the modality.
    """
    names = [part.checkpoint for part in recipe.parts]
    for number, part in enumerate(recipe.parts):
        earlier = names[:number].count(part.checkpoint)
        name = part.modality
        name += f" {part.checkpoint}" if len(names) > 1 else ""
        name += f" ({earlier + 1})" if earlier else ""
        yield from ((name, layer) for layer in part.layers)


def average_weights(run: Path) -> dict[tuple[str, str], dict[int, float]]:
    """Return mean weights of layers over the models of a run.

    Args:
        run: folder of the run

    Returns:
        {(rating, modality): {layer: weight}}; empty if the run does not mix layers

    Raises:
        DamagedFileError: naming the line that is damaged
    """
    paths = [path for path in _paths(run) if path.exists() or is_listed(path)]
    result: dict[tuple[str, str], dict[int, float]] = {}
    for path in paths:
        for line, (modality, target, layer, weight) in read_rows(path, COLUMNS):
            means = result.setdefault((target, modality), {})
            try:
                index, share = (
                    parse_whole_number(layer),
                    parse_number(weight) / len(paths),
                )
            except ValueError as error:
                raise DamagedFileError(
                    f"{path}, line {line}: {printable(str(error))}; {DAMAGED}"
                ) from error
            means[index] = means.get(index, 0.0) + share
    return result


def _paths(run: Path) -> Iterator[Path]:
    """Yield the path of layer weights of each model in the run's manifest."""
    models = models_in_manifest(run)
    for model in RunFolder(run).models():
        if model.path.is_dir() and (model.path in models or not models):
            yield model.layers


def notes(runs: Sequence[Run], names: Sequence[str]) -> Iterator[str]:
    """Yield a sentence for each run that mixes layers.

    Args:
        runs: run of each row of a table
        names: name of each row; the first row of a run names the run
    """
    firsts: dict[Path, str] = {}
    for run, name in zip(runs, names, strict=True):
        firsts.setdefault(run.path, name)  # the row of an ensemble has the same models
    for path, name in firsts.items():
        if words := describe(path):
            yield f"Layers of {name}, mean weights: {words}"


def describe(run: Path) -> str:
    """Return a phrase on the layers of highest weight for each rating, or "".

    Args:
        run: folder of the run
    """
    words = []
    for (target, modality), means in average_weights(run).items():
        if len(means) > 1:
            best = sorted(means, key=lambda layer: -means[layer])[:SHOWN]
            listing = ", ".join(f"{n} ({figure(means[n], digits=2)})" for n in best)
            words.append(f"{target} {modality} {listing} of {len(means)}")
    return "; ".join(words)
