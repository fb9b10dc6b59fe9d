"""Commands that encode a corpus as a run needs it, for the error of `predict`."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from affuse.data.cache import cache_selection, fold_encoders, provenance, store
from affuse.data.cache.recipe import Recipe
from affuse.data.cache.store import Cache
from affuse.data.errors import AffuseError
from affuse.data.options.extraction_options import Extract
from affuse.data.options.run_options import RunInput


def demand_alike(recipes: Mapping[str, Mapping[str, Recipe]], again: RunInput) -> None:
    """Refuse a corpus that is encoded, but not as the models of a run need it.

    A modality that is not encoded at all is another matter, for some models do without
    it; so are encoders that were fine-tuned for a fold, see
    `affuse.data.cache.fold_caches.demand`.

    Args:
        recipes: of the run, {fold: {modality: recipe}}
        again: the command that was typed

    Raises:
        AffuseError: naming the first difference; the lines after the sentence are the
            commands that encode the corpus and repeat what was typed
    """
    caches = list(store.find(again.cache, again.corpus))
    if len({c.recipe.corpus for c in caches}) != 1:
        return  # whoever chooses one says what there is
    needed = {r.digest(): r for each in recipes.values() for r in each.values()}
    lacking = [r for r in needed.values() if _differing(r, caches)]
    if not lacking:
        return
    first = lacking[0]
    others = _differing(first, caches)
    near = [c for c in others if c.recipe.checkpoint == first.checkpoint] or others
    difference = _as_trained(near[0], first).difference(first)
    raise AffuseError(
        f"the {first.modality} embeddings of '{caches[0].recipe.corpus}' were "
        f"extracted with {difference} as those of {again.run}; extract again with the "
        f"run's options, and repeat{_unknown(lacking, caches, again.cache)}:",
        *(f"  {command}" for command in _extract(lacking, caches, again.cache)),
        f"  {again}",
    )


def _differing(wanted: Recipe, caches: Sequence[Cache]) -> list[Cache]:
    """Return the caches of a modality if none of them is as wanted."""
    mine = [c for c in caches if c.recipe.modality == wanted.modality]
    fits = any(cache_selection.is_alike(c.recipe, wanted) for c in mine)
    return [] if fits or fold_encoders.origin(wanted) else mine


def _as_trained(found: Cache, trained: Recipe) -> Recipe:
    """Return a recipe that differs from the run's in no corpus, read back as text."""
    recipe = Recipe.parse(found.recipe.text())
    return replace(recipe, corpus=trained.corpus, content=trained.content)


def _extract(
    wanted: Sequence[Recipe], caches: Sequence[Cache], folder: Path
) -> Iterator[Extract]:
    """Yield a command for each modality."""
    corpus = provenance.read_as(cache.path for cache in caches)
    for recipe in wanted:
        made = folder / recipe.corpus / recipe.folder()
        yield provenance.alike(recipe, corpus, folder, made=made)


def _unknown(wanted: Sequence[Recipe], caches: Sequence[Cache], folder: Path) -> str:
    """Return what the user has to fill in; "" if nothing."""
    said = []
    source = provenance.read_as(c.path for c in caches)
    if source.corpus == provenance.UNKNOWN_CORPUS:
        said.append("CORPUS and ROOT are the corpus and its folder")
    for recipe in wanted:
        made = provenance.known(folder / recipe.corpus / recipe.folder())
        if not (made or recipe.revision or recipe.checkpoint in ("mini", "tiny")):
            said.append(f"{recipe.checkpoint} is the folder of that checkpoint")
    return f" ({'; '.join(said)})" if said else ""
