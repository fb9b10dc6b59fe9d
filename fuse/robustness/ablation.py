"""Contribution of each modality: test CCC after its removal or its permutation.

A removed modality is left out if the models were trained with modality dropout.
Otherwise the mean of the fold's training rows replaces it. A permutation between the
test utterances keeps the distribution of a modality, but removes its relation to the
ratings (Breiman, 2001, Machine Learning 45:5).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from affuse.data.cache.store import Embeddings
from affuse.data.errors import AffuseError
from affuse.data.runs.run_predictions import Run, read_run
from affuse.data.terminal import printable
from affuse.fuse.inputs.fold_embeddings import FoldEmbeddings
from affuse.fuse.inputs.rating_variation import demand_defined
from affuse.fuse.inputs.tensors import gather
from affuse.fuse.models.regressor import pick
from affuse.fuse.robustness.modality_weights import (
    SHARE,
    WeightSummary,
    summarise,
    weigh,
)
from affuse.fuse.scoring.failure_notes import sentences
from affuse.fuse.scoring.metrics import ccc
from affuse.fuse.scoring.statistics import folds
from affuse.fuse.trained import model_files
from affuse.fuse.trained.model_folders import demand_widths
from affuse.fuse.trained.recipe_agreement import demand_same_recipes
from affuse.fuse.wording import count, figure

PERMUTATIONS = (
    10  # number of permutations of each modality, over which a CCC is averaged
)
Features = Mapping[str, Tensor]


@dataclass(frozen=True)
class Ablation:
    """Test CCC of a run with all modalities, one removed, and one permuted."""

    run: str
    targets: tuple[str, ...]
    figures: Mapping[str, tuple[float, ...]]  # "audio and text", "audio only", ...
    folds: int
    seeds: int
    robust: bool  # True if the models accept a missing modality
    seed: int  # of the permutations
    failed: tuple[str, ...] = ()  # sentences on models that diverged or are constant
    weights: Mapping[str, WeightSummary] = field(default_factory=dict)  # by modality

    def lines(self) -> Iterator[str]:
        """Yield the lines of a table, and of an explanation of its rows."""
        models = f"{count(self.folds, 'fold')} and {count(self.seeds, 'seed')}"
        yield f"{printable(self.run)}: test CCC, mean over {models}"
        rows = {printable(name): values for name, values in self.figures.items()}
        width = max(map(len, rows))
        heads = [*(name[0].upper() for name in self.targets), "mean", "change"]
        yield " " * width + "".join(f"{head:>8}" for head in heads)
        whole = np.mean(next(iter(self.figures.values())))
        for place, (name, values) in enumerate(rows.items()):
            cells = [figure(value) for value in (*values, float(np.mean(values)))]
            change = figure(float(np.mean(values) - whole), sign=True)
            cells.append(change if place else "")
            yield f"{name:<{width}}" + "".join(f"{cell:>8}" for cell in cells)
        yield from self.notes()

    def notes(self) -> Iterator[str]:
        """Yield the sentences that explain the rows of the table."""
        yield (
            f"permuted: each utterance gets the modality of another test utterance; "
            f"mean of {PERMUTATIONS} permutations, seed {self.seed}"
        )
        yield from self.failed
        if self.weights:
            each = (f"{name} {summary}" for name, summary in self.weights.items())
            yield (
                f"weights by which the design combines the modalities, mean (range of "
                f"{SHARE} % of the test utterances): {', '.join(each)}"
            )
        if not self.robust:
            yield (
                "only: the training mean replaces the other modality, but these models "
                "were not trained for missing modalities; for a fair figure, train "
                "with --set modality_dropout=0.3"
            )


def ablate(
    run: Path,
    embeddings: Mapping[str, Embeddings],
    *,
    fold_embeddings: FoldEmbeddings | None = None,
    seed: int = 0,
    device: str = "cpu",
) -> Ablation:
    """Return the test CCC of a run with modalities removed and permuted.

    Args:
        run: folder of a finished run whose design takes two modalities
        embeddings: {modality: rows of the cache that the run was trained on}
        fold_embeddings: fold-specific embeddings by fold, which replace `embeddings`
        seed: of the permutations
        device: of the computation, "cpu" or "cuda"

    Raises:
        FileNotFoundError: if the run is not finished
        AffuseError: if the run has one modality only, if it was not trained on these
            embeddings, or if a rating is constant in the test part of a fold
    """
    done = read_run(run)
    pairs = sorted({*zip(done.predictions.fold, done.predictions.seed, strict=True)})
    for tested in folds(done, "utterance"):
        where = f"{done.info.name}, fold '{tested.name}'"
        demand_defined(tested.truth, done.info.targets, part="test", where=where)
    by_fold = {fold: (fold_embeddings or {}).get(fold, embeddings) for fold, _ in pairs}
    scores: dict[str, dict[str, list[tuple[float, ...]]]] = {}
    weights = []
    for fold, number in pairs:
        module, about = model_files.load(
            model_files.model_folder(run, fold=fold, seed=int(number))
        )
        _demand_several(done, about)
        needed = {m: pick(by_fold[fold], m) for m in about.recipes}
        demand_same_recipes(about.recipes, needed, run)
        part = _Part.of(done, fold, needed, device)
        demand_widths(
            module, part.features, model_files.model_folder(run, fold=fold, seed=number)
        )
        rows = _score(module.to(device), part, np.random.default_rng(seed))
        weights.append(weigh(module, part.features))
        for name, values in rows.items():
            scores.setdefault(name, {}).setdefault(fold, []).append(values)
    figures = {
        name: np.mean([np.mean(v, axis=0) for v in values.values()], axis=0)
        for name, values in scores.items()
    }
    return Ablation(
        run=done.info.name,
        targets=done.info.targets,
        figures={name: tuple(map(float, values)) for name, values in figures.items()},
        folds=len({fold for fold, _ in pairs}),
        seeds=len({number for _, number in pairs}),
        robust=bool(getattr(module, "robust", False)),
        seed=seed,
        failed=tuple(s for s, _ in sentences(done.predictions, done.info.targets)),
        weights=summarise(weights),
    )


@dataclass(frozen=True)
class _Part:
    """Features and ratings of one fold's test part."""

    features: Features
    means: Features  # means over the training rows of the fold, (1, dim)
    truth: np.ndarray

    @classmethod
    def of(
        cls, run: Run, fold: str, embeddings: Mapping[str, Embeddings], device: str
    ) -> "_Part":
        """Return the test part, with ratings from predictions and cached features."""
        rows = run.predictions.fold == fold
        rows &= run.predictions.seed == run.predictions.seed[rows][0]
        train = [r.id for r in run.folds if (r.fold, r.part) == (fold, "train")]
        test = run.predictions.id[rows].tolist()
        for modality, cache in embeddings.items():
            if lacking := {*train, *test} - set(cache.ids):
                raise AffuseError(
                    f"{run.info.name} was trained on {count(len(lacking), 'utterance')}"
                    f" that the {modality} cache lacks, such as '{min(lacking)}'; "
                    f"extract corpus '{run.info.corpus}' again"
                )
        means = {
            m: x.mean(axis=0, keepdims=True, dtype=np.float64).astype(np.float32)
            for m, x in gather(embeddings, train).items()
        }
        features, mean = (
            {m: torch.from_numpy(x[m]).to(device) for m in embeddings}
            for x in (gather(embeddings, test), means)
        )
        return cls(features, mean, run.predictions.truth[rows])


def _demand_several(run: Run, description: model_files.Description) -> None:
    """Raise an error if a run takes a single modality."""
    if len(description.recipes) < 2:
        raise AffuseError(
            f"{run.info.name} takes {' and '.join(description.recipes)} alone, so "
            f"there is nothing to remove; name a run of a fusion design"
        )


def _score(
    module: nn.Module, part: _Part, rng: np.random.Generator
) -> dict[str, tuple[float, ...]]:
    """Return the CCC of each rating, by the name of a row of the table."""
    names = list(part.features)
    scores = {" and ".join(names): _ccc(module, part.features, part.truth)}
    for modality in names:
        remaining = _single_modality(module, part, modality)
        scores[f"{modality} only"] = _ccc(module, remaining, part.truth)
    orders = [rng.permutation(len(part.truth)) for _ in range(PERMUTATIONS)]
    for modality in names:
        each = [
            _ccc(
                module,
                {**part.features, modality: part.features[modality][order]},
                part.truth,
            )
            for order in orders
        ]
        scores[f"{modality} permuted"] = tuple(np.mean(each, axis=0).tolist())
    return scores


def _single_modality(module: nn.Module, part: _Part, modality: str) -> Features:
    """Return the input of a model for one modality, with means of the others."""
    features = part.features[modality]
    if getattr(module, "robust", False):
        return {modality: features}
    return {
        m: features if m == modality else mean.expand(len(features), -1)
        for m, mean in part.means.items()
    }


def _ccc(module: nn.Module, features: Features, truth: np.ndarray) -> tuple[float, ...]:
    """Return the CCC of each rating."""
    with torch.inference_mode():
        predicted = module(features).double().cpu().numpy()
    return tuple(ccc(truth[:, k], predicted[:, k]) for k in range(truth.shape[1]))
