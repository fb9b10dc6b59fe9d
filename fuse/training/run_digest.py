"""Digest of all that affects the models of a run; the name of a run ends with it."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from affuse.data import single_ratings
from affuse.data.cache.recipe import Recipe
from affuse.data.splits.protocols import Fold
from affuse.fuse.inputs.tensors import AlignedCorpus
from affuse.fuse.setting_history import identity
from affuse.fuse.setting_texts import EQUAL
from affuse.fuse.settings import Settings

FORMAT = 4  # of a run; raise it when equal settings train different models


def run_digest(
    settings: Settings,
    recipes: Mapping[str, Mapping[str, Recipe]],
    folds: Sequence[Fold],
    aligned: AlignedCorpus,
    code: str,
) -> str:
    """Return 8 hexadecimal digits of all that affects models or scores but seeds.

    Single ratings are part of it only if they weight the loss, so that a run keeps its
    name if its corpus gets single ratings later.

    Args:
        settings: of the run
        recipes: {fold: {modality: recipe}}
        folds: of the run
        aligned: utterances and ratings, which folds share
        code: identity of the design's code
    """
    facts = {
        "format": FORMAT,
        "code": code,
        "settings": identity(settings),
        "recipes": recipe_digests(recipes),
        "folds": [asdict(fold) for fold in folds],
        "truth": hashlib.sha256(aligned.truth.tobytes()).hexdigest(),
    }
    if settings.weighting != EQUAL:
        raters = [single_ratings.as_lists(u.raters) for u in aligned.utterances]
        facts["raters"] = raters
    text = json.dumps(facts, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def recipe_digests(recipes: Mapping[str, Mapping[str, Recipe]]) -> Mapping[str, Any]:
    """Return {modality: digest}, or {fold: {modality: digest}} if folds differ.

    Args:
        recipes: {fold: {modality: recipe}}
    """
    by_fold = {f: {m: r.digest() for m, r in by.items()} for f, by in recipes.items()}
    first = next(iter(by_fold.values()))
    return first if all(one == first for one in by_fold.values()) else by_fold
