"""How the embeddings of a run were made, read without any model of it.

It is for advice, on which run can predict what; stage two itself asks
`affuse.fuse.trained.model_files`, which checks all of a model's description.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from affuse.data.cache.cache_selection import is_alike
from affuse.data.cache.recipe import KIND as RECIPE
from affuse.data.cache.recipe import Recipe
from affuse.data.errors import AffuseError
from affuse.data.runs.run_folder import ModelFolder, RunFolder
from affuse.data.runs.run_information import ADVICE
from affuse.data.system.documents import read_json
from affuse.data.system.schema import MapOf, Plain, Record

KIND = Record({"recipes": MapOf(RECIPE, most=100)}, others=Plain(depth=4))


def predictors(runs: Path, there: Sequence[Recipe]) -> list[Path]:
    """Return the runs that can predict from certain embeddings, the newest first.

    A run that cannot be read is none of them.

    Args:
        runs: folder of run folders
        there: recipes of embeddings; corpus and content do not matter
    """
    folders = RunFolder.below(runs, RunFolder.info)
    found = [run.path for run in folders if can_predict(run.path, there)]
    return sorted(found, key=lambda run: run.stat().st_mtime_ns, reverse=True)


def can_predict(run: Path, there: Sequence[Recipe]) -> bool:
    """Return True if all that the models of a run take is there; see `predictors`."""
    with suppress(OSError, AffuseError):
        needed = [r for each in _recipes(run) for r in each.values()]
        return bool(needed) and all(
            any(is_alike(recipe, wanted) for recipe in there) for wanted in needed
        )
    return False


def cache(run: Path, modality: str) -> str:
    """Return the digest of the cache that all folds of a run took a modality from.

    It is ``""`` if the folds took several, or the models do not say it.
    """
    with suppress(OSError, AffuseError):
        found = {r[modality].digest() for r in _recipes(run) if modality in r}
        return found.pop() if len(found) == 1 else ""
    return ""


def _recipes(run: Path) -> Iterator[Mapping[str, Recipe]]:
    """Yield how the embeddings of each fold were made, by its first model."""
    firsts: dict[str, ModelFolder] = {}
    for model in RunFolder(run).models(file=ModelFolder.description):
        firsts.setdefault(model.fold, model)
    for model in firsts.values():
        found = read_json(model.description, KIND, advice=ADVICE)["recipes"]
        yield {m: Recipe.parse(json.dumps(r)) for m, r in found.items()}
