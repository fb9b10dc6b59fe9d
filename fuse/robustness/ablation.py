"""What each modality contributes: test CCC with one removed, or of other utterances.

Removed, a modality is what the run takes for missing: left out where its models know
how to do without, else the mean of the fold's training rows. Permuted between the test
utterances it keeps its distribution and loses what it says of each (Breiman, 2001,
Machine Learning 45:5).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from affuse.data.cache.store import Embeddings
from affuse.data.errors import AffuseError
from affuse.data.runs.run_predictions import Run, read_run
from affuse.data.terminal import printable
from affuse.fuse.inputs.fold_embeddings import Own
from affuse.fuse.inputs.rating_variation import demand_defined
from affuse.fuse.inputs.tensors import gather
from affuse.fuse.models.regressor import pick
from affuse.fuse.scoring.failure_notes import sentences
from affuse.fuse.scoring.metrics import ccc
from affuse.fuse.scoring.statistics import folds
from affuse.fuse.trained import model_files
from affuse.fuse.trained.model_folders import demand_widths
from affuse.fuse.trained.prediction import demand_same
from affuse.fuse.wording import count, figure

PERMUTATIONS = 10  # of each modality; the figure is their mean
Features = Mapping[str, Tensor]


@dataclass(frozen=True)
class Ablation:
    """CCC over the test parts of a run, by what was done to the modalities."""

    run: str
    targets: tuple[str, ...]
    figures: Mapping[str, tuple[float, ...]]  # "audio and text", "audio only", ...
    folds: int
    seeds: int
    robust: bool  # whether the models were made to do without a modality
    seed: int  # of the permutations
    failed: tuple[str, ...] = ()  # sentences on models that diverged or are constant

    def lines(self) -> Iterator[str]:
        """Yield the lines of a table, and of what its rows mean."""
        models = f"{count(self.folds, 'fold')} and {count(self.seeds, 'seed')}"
        yield f"{printable(self.run)}: test CCC, mean over {models}"
        named = {printable(name): values for name, values in self.figures.items()}
        width = max(map(len, named))
        heads = [*(name[0].upper() for name in self.targets), "mean", "change"]
        yield " " * width + "".join(f"{head:>8}" for head in heads)
        whole = np.mean(next(iter(self.figures.values())))
        for place, (name, values) in enumerate(named.items()):
            cells = [figure(value) for value in (*values, float(np.mean(values)))]
            change = figure(float(np.mean(values) - whole), sign=True)
            cells.append(change if place else "")
            yield f"{name:<{width}}" + "".join(f"{cell:>8}" for cell in cells)
        yield (
            f"permuted: that modality of another test utterance, mean of "
            f"{PERMUTATIONS} permutations, seed {self.seed}"
        )
        yield from self.failed
        if not self.robust:
            yield (
                "only: the other modality is its training mean, which these models "
                "never met; train with --set modality_dropout=0.3 for a fair figure"
            )


def ablate(
    run: Path,
    embeddings: Mapping[str, Embeddings],
    *,
    own: Own | None = None,
    seed: int = 0,
    device: str = "cpu",
) -> Ablation:
    """Score a run's models on their own test parts, whole and with less.

    Args:
        run: a finished run folder, of a design that takes two modalities
        embeddings: {modality: rows of the cache that the run was trained on}
        own: of each fold, if each has its own; in the place of `embeddings`
        seed: of the permutations
        device: where to compute

    Raises:
        FileNotFoundError: if the run is not finished
        AffuseError: if the run has one modality only, the embeddings are not its own,
            or a rating is constant in the test part of a fold
    """
    done = read_run(run)
    pairs = sorted({*zip(done.predictions.fold, done.predictions.seed, strict=True)})
    for tested in folds(done, "utterance"):
        where = f"{done.info.name}, fold '{tested.name}'"
        demand_defined(tested.truth, done.info.targets, part="test", where=where)
    given = {fold: (own or {}).get(fold, embeddings) for fold, _ in pairs}
    scores: dict[str, dict[str, list[tuple[float, ...]]]] = {}
    for fold, number in pairs:
        module, about = model_files.load(
            model_files.place(run, fold=fold, seed=int(number))
        )
        _demand_several(done, about)
        needed = {m: pick(given[fold], m) for m in about.recipes}
        demand_same(about.recipes, needed, run)
        part = _Part.of(done, fold, needed, device)
        demand_widths(
            module, part.features, model_files.place(run, fold=fold, seed=number)
        )
        found = _score(module.to(device), part, np.random.default_rng(seed))
        for name, values in found.items():
            scores.setdefault(name, {}).setdefault(fold, []).append(values)
    figures = {
        name: np.mean([np.mean(v, axis=0) for v in by_fold.values()], axis=0)
        for name, by_fold in scores.items()
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
    )


@dataclass(frozen=True)
class _Part:
    """The test part of one fold."""

    features: Features
    means: Features  # of the fold's training rows: (1, dim)
    truth: np.ndarray

    @classmethod
    def of(
        cls, run: Run, fold: str, embeddings: Mapping[str, Embeddings], device: str
    ) -> "_Part":
        """By id: ratings from the predictions, features from the cache."""
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
        seen, mean = (
            {m: torch.from_numpy(x[m]).to(device) for m in embeddings}
            for x in (gather(embeddings, test), means)
        )
        return cls(seen, mean, run.predictions.truth[rows])


def _demand_several(run: Run, description: model_files.Description) -> None:
    if len(description.recipes) < 2:
        raise AffuseError(
            f"{run.info.name} takes {' and '.join(description.recipes)} alone, so "
            f"there is nothing to take away; name a run of a fusion design"
        )


def _score(
    module: nn.Module, part: _Part, rng: np.random.Generator
) -> dict[str, tuple[float, ...]]:
    """CCC of each rating, by what was done."""
    names = list(part.features)
    found = {" and ".join(names): _ccc(module, part.features, part.truth)}
    for modality in names:
        seen = _only(module, part, modality)
        found[f"{modality} only"] = _ccc(module, seen, part.truth)
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
        found[f"{modality} permuted"] = tuple(np.mean(each, axis=0).tolist())
    return found


def _only(module: nn.Module, part: _Part, modality: str) -> Features:
    """The features that a model sees where there is one modality only."""
    own = part.features[modality]
    if getattr(module, "robust", False):
        return {modality: own}
    return {
        m: own if m == modality else mean.expand(len(own), -1)
        for m, mean in part.means.items()
    }


def _ccc(module: nn.Module, features: Features, truth: np.ndarray) -> tuple[float, ...]:
    with torch.inference_mode():
        said = module(features).double().cpu().numpy()
    return tuple(ccc(truth[:, k], said[:, k]) for k in range(truth.shape[1]))
