"""Plan of one run: its data, folds, settings and name, decided before training."""

import importlib.metadata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from affuse.data.cache import fold_encoders
from affuse.data.cache.joined_recipe import SEPARATOR
from affuse.data.cache.recipe import Recipe
from affuse.data.errors import AffuseError
from affuse.data.name_spellings import unify
from affuse.data.runs import sentence_overlap
from affuse.data.runs.run_information import RunInfo
from affuse.data.splits.protocol_assumptions import Division
from affuse.data.splits.protocols import Fold
from affuse.fuse.inputs.fold_division import divide_into_folds
from affuse.fuse.inputs.fold_embeddings import assign_to_folds, join_folds
from affuse.fuse.inputs.omissions import count_wordless
from affuse.fuse.inputs.rating_variation import demand_folds
from affuse.fuse.inputs.tensors import AlignedCorpus, Rows
from affuse.fuse.inputs.training_labels import demand_labels
from affuse.fuse.models import code_revisions
from affuse.fuse.models.design_files import design_file
from affuse.fuse.models.regressor import pick
from affuse.fuse.models.trainable.design_protocol import TrainableDesign
from affuse.fuse.models.trainable.design_registry import find_trainable
from affuse.fuse.setting_scopes import recorded
from affuse.fuse.settings import Settings
from affuse.fuse.training.run_digest import recipe_digests, run_digest
from affuse.fuse.training.setting_resolution import resolve_settings
from affuse.fuse.training.training_request import TrainingData

PACKAGES = ("numpy", "scikit-learn", "torch")  # whose versions a run records


@dataclass(frozen=True)
class RunPlan:
    """Run before it is trained."""

    folder: Path
    info: RunInfo
    settings: Settings
    aligned: Mapping[str, AlignedCorpus]  # {fold: data}, all of the same utterances
    folds: tuple[Fold, ...]
    recipes: Mapping[str, Mapping[str, Recipe]]  # {fold: {modality: recipe}}
    device: str
    division: Division  # automatic decisions of the protocol
    without_words: int = 0  # number of utterances whose text is the empty sentence

    @property
    def common(self) -> AlignedCorpus:
        """Utterances and ratings, which folds share, and features of the first fold."""
        return self.aligned[self.folds[0].name]

    @property
    def modalities(self) -> tuple[str, ...]:
        """Modalities that the design takes."""
        return tuple(self.recipes[self.folds[0].name])

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the models' inputs, see `affuse.fuse.inputs.tensors`."""
        return find_trainable(self.info.design).features(self.modalities)

    @property
    def digests(self) -> Mapping[str, Any]:
        """Digests of recipes by modality, or by fold and modality if folds differ."""
        return recipe_digests(self.recipes)

    def rows(self, fold: str, ids: Sequence[str]) -> Rows:
        """Return tensors of one part of a fold, of the design's inputs only.

        Args:
            fold: its name
            ids: of the utterances
        """
        aligned = self.aligned[fold]
        return aligned.rows(ids, features=self.features, device=self.device)


def plan_run(
    data: TrainingData,
    *,
    fusion: str,
    settings: Settings,
    runs: Path,
    device: str,
    label: str,
) -> RunPlan:
    """Return the plan of a run, named after all that affects its models.

    Args:
        data: corpus and embeddings
        fusion: name of a design of any kind
        settings: of the run; without a protocol, that of the corpus applies
        runs: folder of all runs
        device: to compute on
        label: name of the experiment

    Raises:
        AffuseError: if modalities, a head, ratings, speakers or splits are missing, a
            rating is constant in training or validation, or a column or single ratings
            that the settings need are missing
    """
    corpus, embeddings, by_fold = data.corpus, data.embeddings, data.fold_embeddings
    settings = resolve_settings(settings, fusion)
    settings = replace(settings, protocol=settings.protocol or corpus.protocol)
    if not settings.protocol:
        raise AffuseError(
            f"corpus '{corpus.name}' has neither speakers nor a split, so it cannot be "
            f"divided; name a column when it is extracted: --map speaker=COLUMN or "
            f"--map split=COLUMN"
        )
    design = _find_named_design(fusion)
    needed = design.modalities(embeddings.keys())
    for modality in needed:
        _demand_inputs(data, fusion, modality)
        pick(embeddings, modality)  # raises before embeddings are joined
    unified = replace(corpus, utterances=unify(corpus.utterances))
    joined = data.aligned or join_folds(
        unified, embeddings, by_fold, policy=settings.out_of_range
    )
    any_ = next(iter(joined.values()))
    design.demand_head(any_.head, any_.targets)  # raises before the run is written
    protocol = settings.protocol
    folds, division = divide_into_folds(corpus, any_, settings)
    demand_folds(any_, folds, protocol=protocol, test=False)
    if design.uses("auxiliary"):  # as all networks do, and no baseline
        demand_labels(any_.utterances, settings, folds)
    aligned = assign_to_folds(joined, folds)
    recipes = {
        f.name: {m: pick(by_fold.get(f.name, embeddings), m).recipe for m in needed}
        for f in folds
    }
    code = design.code_revision()
    digest = run_digest(settings, recipes, folds, any_, code)
    info = RunInfo(
        name=f"{corpus.name}-{fusion}-{protocol}-{digest}",
        design=fusion,
        corpus=corpus.name,
        nature=corpus.nature,
        protocol=protocol,
        targets=any_.targets,
        encoders={m: _encoder([r[m] for r in recipes.values()]) for m in needed},
        settings=recorded(settings),
        label=label,
        versions={
            **{name: importlib.metadata.version(name) for name in PACKAGES},
            **_packages(design),
        },
        shortfall=corpus.shortfall,
        code=code,
        scale=corpus.released_scale,
        design_file=design_file(fusion),
        members=corpus.members,
    )
    made = runs / info.name, info, settings, aligned, folds, recipes, device, division
    return RunPlan(*made, count_wordless(embeddings, any_.ids))


def _find_named_design(fusion: str) -> TrainableDesign:
    """Return the design of a name.

    Raises:
        AffuseError: if it is a class rather than a name
    """
    if not isinstance(fusion, str):
        raise AffuseError(
            f"{fusion!r} has no name, and runs are found by the name of their design; "
            f"save the class in a file and train it with --design FILE.py, or use "
            f"affuse.FusionRegressor"
        )
    return find_trainable(fusion)


def _packages(design: TrainableDesign) -> dict[str, str]:
    """Return versions of installed packages that a design and its bases come from."""
    names = design.bases or (design.name,)
    return {k: v for name in names for k, v in code_revisions.packages(name).items()}


def _demand_inputs(data: TrainingData, fusion: str, modality: str) -> None:
    """Raise an error if a design needs text and no utterance is known to have words.

    Raises:
        AffuseError: naming a design that does not need text
    """
    if modality != "text" or modality in data.embeddings:
        return
    if not any(sentence_overlap.sentence_digest(u) for u in data.corpus.utterances):
        raise AffuseError(
            f"the corpus '{data.corpus.name}' has no words, and {fusion} needs text "
            f"embeddings; train on speech alone: --fusion audio"
        )


def _encoder(recipes: Sequence[Recipe]) -> dict[str, object]:
    """Return the facts on a modality's encoders that tables show, joined over folds."""
    by_member = zip(*(r.parts for r in recipes), strict=True)
    members = [_one_encoder(each) for each in by_member]
    if len(members) == 1:
        return members[0]
    shown = ("encoder", "checkpoint")
    joined = {n: SEPARATOR.join(str(m[n]) for m in members) for n in shown}
    return {**joined, "encoders": members}


def _one_encoder(recipes: Sequence[Recipe]) -> dict[str, object]:
    """Return the facts on one encoder, joined over folds."""
    columns = ["encoder", "checkpoint", "revision", "layers", "pooling"]
    columns += ["transcripts"] if recipes[0].transcripts else []
    facts = {name: getattr(recipes[0], name) for name in columns}
    names = {fold_encoders.name(recipe) for recipe in recipes}
    runs = {str(fold_encoders.origin(recipe).get("run")) for recipe in recipes}
    by_fold = f"{' and '.join(sorted(runs))} (fine-tuned for each fold)"
    return {**facts, "checkpoint": by_fold if len(names) > 1 else names.pop()}
