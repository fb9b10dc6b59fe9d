"""What one run will train on what, decided and named before anything is trained."""

import hashlib
import importlib.metadata
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from affuse.data.cache import fold_encoders
from affuse.data.cache.recipe import Recipe
from affuse.data.cache.store import Embeddings
from affuse.data.errors import AffuseError
from affuse.data.name_spellings import unify
from affuse.data.records import Corpus
from affuse.data.runs import sentence_overlap
from affuse.data.runs.run_information import RunInfo
from affuse.data.splits.protocol_assumptions import Division
from affuse.data.splits.protocols import Fold
from affuse.fuse.inputs.fold_division import divided
from affuse.fuse.inputs.fold_embeddings import Own, divide, join
from affuse.fuse.inputs.omissions import wordless
from affuse.fuse.inputs.rating_variation import demand_folds
from affuse.fuse.inputs.tensors import HEAD, Aligned, Rows
from affuse.fuse.models import code_revisions
from affuse.fuse.models.baselines import FITTED, Zeroshot
from affuse.fuse.models.design_files import recorded_file
from affuse.fuse.models.regressor import pick
from affuse.fuse.models.system import modalities
from affuse.fuse.settings import Settings
from affuse.fuse.training.setting_resolution import resolved

FORMAT = 4  # of a run; to be raised when equal settings train other models
PACKAGES = ("numpy", "scikit-learn", "torch")  # whose versions a run records


@dataclass(frozen=True)
class RunPlan:
    """One run, before it is trained."""

    folder: Path
    info: RunInfo
    settings: Settings
    aligned: Mapping[str, Aligned]  # by fold; of the same utterances
    folds: tuple[Fold, ...]
    recipes: Mapping[str, Mapping[str, Recipe]]  # by fold, of what the design takes
    device: str
    division: Division  # what the protocol decided by itself
    wordless: int = 0  # utterances whose text is the empty sentence

    @property
    def common(self) -> Aligned:
        """Utterances and ratings, which all folds share, and features of the first."""
        return self.aligned[self.folds[0].name]

    @property
    def modalities(self) -> tuple[str, ...]:
        """Those that the design takes."""
        return tuple(self.recipes[self.folds[0].name])

    @property
    def digests(self) -> Mapping[str, Any]:
        """Of the recipes, by modality; by fold before, if each has its own."""
        return _digests(self.recipes)

    def rows(self, fold: str, ids: Sequence[str]) -> Rows:
        """Tensors of one part of a fold: those that the design takes, no others."""
        features = inputs(self.info.design, self.modalities)
        return self.aligned[fold].rows(ids, features=features, device=self.device)


def inputs(fusion: str, recipes: Iterable[str]) -> tuple[str, ...]:
    """Features that a model takes, of those in `affuse.fuse.inputs.tensors`."""
    return (HEAD,) if fusion == "zeroshot" else tuple(recipes)


def make(
    corpus: Corpus,
    embeddings: Mapping[str, Embeddings],
    *,
    fusion: str,
    settings: Settings,
    runs: Path,
    device: str,
    label: str,
    own: Own | None = None,
    aligned: Mapping[str, Aligned] | None = None,
) -> RunPlan:
    """Join, divide, and name the run after everything that matters.

    Args:
        corpus: with ratings as released
        embeddings: {modality: rows of its cache}
        fusion: a design or a reference
        settings: without a protocol, the corpus's own
        runs: folder of all runs
        device: where to compute
        label: name of the experiment
        own: embeddings of each fold, if each has its own; `embeddings` are then those
            of any fold
        aligned: corpus and embeddings, if they were joined before

    Raises:
        AffuseError: if modalities, a head, ratings, speakers or splits are missing, or
            a rating is constant in training or validation
    """
    settings = resolved(settings, fusion)
    settings = replace(settings, protocol=settings.protocol or corpus.protocol)
    if not settings.protocol:
        raise AffuseError(
            f"corpus '{corpus.name}' has neither speakers nor a split, so nothing "
            f"divides it; name a column when it is extracted: --map speaker=COLUMN or "
            f"--map split=COLUMN"
        )
    needed = _needed(fusion, embeddings)
    for modality in needed:
        _demand_inputs(corpus, fusion, modality, embeddings)
        pick(embeddings, modality)  # refuses before anything is joined
    own = own or {}
    one = replace(corpus, utterances=unify(corpus.utterances))
    joined = aligned or join(one, embeddings, own, policy=settings.out_of_range)
    any_ = next(iter(joined.values()))
    if fusion == "zeroshot":
        Zeroshot(any_.head, targets=any_.targets)  # refuses before it is begun
    protocol = settings.protocol
    folds, division = divided(corpus, any_, settings)
    demand_folds(any_, folds, protocol=protocol, test=False)
    by_fold = divide(joined, folds)
    recipes = {
        f.name: {m: pick(own.get(f.name, embeddings), m).recipe for m in needed}
        for f in folds
    }
    code = code_revisions.of(fusion)
    digest = _digest(settings, recipes, folds, any_, code)
    info = RunInfo(
        name=f"{corpus.name}-{fusion}-{protocol}-{digest}",
        design=fusion,
        corpus=corpus.name,
        nature=corpus.nature,
        protocol=protocol,
        targets=any_.targets,
        encoders={m: _encoder([r[m] for r in recipes.values()]) for m in needed},
        settings=asdict(settings),
        label=label,
        versions={
            **{name: importlib.metadata.version(name) for name in PACKAGES},
            **code_revisions.packages(fusion),
        },
        shortfall=corpus.shortfall,
        code=code,
        scale=corpus.scale,
        design_file=recorded_file(fusion),
    )
    place = runs / info.name
    empty = wordless(embeddings, any_.ids)
    return RunPlan(
        place, info, settings, by_fold, folds, recipes, device, division, empty
    )


def _digest(
    settings: Settings,
    recipes: Mapping[str, Mapping[str, Recipe]],
    folds: Sequence[Fold],
    aligned: Aligned,
    code: str,
) -> str:
    """Eight hexadecimal digits of all that changes a model or a figure, but seeds."""
    identity = {
        "format": FORMAT,
        "code": code,
        "settings": asdict(settings),
        "recipes": _digests(recipes),
        "folds": [asdict(fold) for fold in folds],
        "truth": hashlib.sha256(aligned.truth.tobytes()).hexdigest(),
    }
    text = json.dumps(identity, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def _digests(recipes: Mapping[str, Mapping[str, Recipe]]) -> Mapping[str, Any]:
    """{modality: digest}, or {fold: {modality: digest}} if folds differ."""
    found = {f: {m: r.digest() for m, r in by.items()} for f, by in recipes.items()}
    first = next(iter(found.values()))
    return first if all(each == first for each in found.values()) else found


def _needed(fusion: str, embeddings: Mapping[str, Embeddings]) -> tuple[str, ...]:
    """Modalities whose embeddings, or whose head, the design takes."""
    if not isinstance(fusion, str):
        raise AffuseError(
            f"{fusion!r} has no name, and a run is read again by its design's name; "
            f"save the class in a file and train it with --design FILE.py, or use "
            f"affuse.FusionRegressor"
        )
    if fusion in FITTED:
        if not embeddings:
            raise AffuseError(
                f"{fusion} needs embeddings, and there are none; extract first"
            )
        return tuple(sorted(embeddings))
    return ("audio",) if fusion == "zeroshot" else modalities(fusion)


def _demand_inputs(
    corpus: Corpus, fusion: str, modality: str, embeddings: Mapping[str, Embeddings]
) -> None:
    """Refuse a design that needs text where no utterance is known to have words.

    Raises:
        AffuseError: naming the design that does without
    """
    if modality != "text" or modality in embeddings:
        return
    if not any(sentence_overlap.key(u) for u in corpus.utterances):
        raise AffuseError(
            f"the corpus '{corpus.name}' has no words, and {fusion} needs text "
            f"embeddings; train on speech alone: --fusion audio"
        )


def _encoder(recipes: Sequence[Recipe]) -> dict[str, object]:
    """What a table says of an encoder, or of those of all folds."""
    shown = ("encoder", "checkpoint", "revision", "layers", "pooling")
    facts = {name: getattr(recipes[0], name) for name in shown}
    names = {fold_encoders.name(recipe) for recipe in recipes}
    runs = {str(fold_encoders.origin(recipe).get("run")) for recipe in recipes}
    by_fold = f"{' and '.join(sorted(runs))} (fine-tuned for each fold)"
    return {**facts, "checkpoint": by_fold if len(names) > 1 else names.pop()}
