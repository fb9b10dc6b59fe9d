"""Recipes of the embeddings that a run was trained on, read without its models.

They serve to advise users which run can predict from which embeddings. Stage two itself
uses `affuse.fuse.trained.model_files`, which checks the whole description of a model.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from affuse.data.cache import joined_recipe
from affuse.data.cache.recipe import Recipe
from affuse.data.errors import AffuseError
from affuse.data.runs.run_folder import ModelFolder, RunFolder
from affuse.data.runs.run_information import ADVICE
from affuse.data.system.documents import read_json
from affuse.data.system.schema import MapOf, Plain, Record

RECIPES = MapOf(joined_recipe.AnyRecipe(), most=100)
KIND = Record({"recipes": RECIPES}, others=Plain(depth=4))


def predictors(runs: Path, recipes: Sequence[Recipe]) -> list[Path]:
    """Return the runs that can predict from some embeddings, the newest first.

    Runs that cannot be read are left out.

    Args:
        runs: folder of run folders
        recipes: of the embeddings; their corpus and content are ignored
    """
    folders = RunFolder.find(runs, RunFolder.info)
    usable = [run.path for run in folders if can_predict(run.path, recipes)]
    return sorted(usable, key=lambda run: run.stat().st_mtime_ns, reverse=True)


def can_predict(run: Path, recipes: Sequence[Recipe]) -> bool:
    """Return True if the models of a run can predict from some embeddings.

    Args:
        run: folder of the run
        recipes: of the embeddings, as in `predictors`
    """
    with suppress(OSError, AffuseError):
        needed = [p for each in _recipes(run) for r in each.values() for p in r.parts]
        return bool(needed) and all(
            any(recipe.covers(need) for recipe in recipes) for need in needed
        )
    return False


def caches(run: Path, modality: str) -> tuple[str, ...]:
    """Return the digests of the caches that all folds of a run used for a modality.

    Args:
        run: folder of the run
        modality: name of the modality

    Returns:
        one digest for each encoder; () if the folds used several caches, or they are
        not known
    """
    with suppress(OSError, AffuseError):
        digests = {
            tuple(part.digest() for part in r[modality].parts)
            for r in _recipes(run)
            if modality in r
        }
        return digests.pop() if len(digests) == 1 else ()
    return ()


def _recipes(run: Path) -> Iterator[Mapping[str, Recipe]]:
    """Yield the recipes of each fold by modality, read from the fold's first model."""
    firsts: dict[str, ModelFolder] = {}
    for model in RunFolder(run).models(file=ModelFolder.description):
        firsts.setdefault(model.fold, model)
    for model in firsts.values():
        recipes = read_json(model.description, KIND, advice=ADVICE)["recipes"]
        yield joined_recipe.parse_all(recipes)
