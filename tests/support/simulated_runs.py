"""Simulated runs, drawn from populations whose CCC is known."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from affuse.data.runs.run_information import RunInfo
from affuse.data.runs.run_predictions import FoldRow, Predictions, Run

SPREAD = 0.4  # standard deviation of the ratings
SIGMA = 0.8  # standard deviation of the logarithm of cluster sizes
DRAWS = 400_000  # number of seeds over which the true CCC is averaged


@dataclass(frozen=True)
class Design:
    """Design that predicts gain * rating + noise, plus the effects of the seed."""

    gain: float = 0.6
    noise: float = 0.3


@dataclass(frozen=True)
class Population:
    """Distribution of test sets.

    Each fold has other clusters. Ratings and errors are the sum of a cluster effect
    with heavy tails (Student's t, 3 degrees of freedom) and an utterance effect.
    """

    folds: int = 1
    clusters: int = 12  # number of clusters in a fold
    turns: int = 12  # mean number of utterances in a cluster
    seeds: int = 1
    alike: float = 1 / 3  # share of the variance that is between clusters
    heavy: bool = True
    unequal: bool = True  # log-normal sizes
    common: float = 0.6  # share of the variance of the errors that designs share
    drift: float = 0.0  # deviation of the gain over seeds, and of twice the shift
    shared: bool = True  # a seed has the same effects in all folds
    dialogues: int = 0  # number per cluster, which is then a speaker

    def sizes(self, rng):
        """Return the number of utterances in each cluster of one fold."""
        if not self.unequal:
            return np.full(self.clusters, self.turns)
        drawn = self.turns * rng.lognormal(-(SIGMA**2) / 2, SIGMA, self.clusters)
        return np.clip(np.round(drawn), 2, 4 * self.turns).astype(int)

    def parts(self, cluster, dialogue, rng):
        """Return one standardised variable per utterance."""

        def effects(count):
            if not self.heavy:
                return rng.normal(size=count)
            return rng.standard_t(3, size=count) / np.sqrt(3)

        share = self.alike
        found = np.sqrt(share) * effects(cluster.max() + 1)[cluster]
        if self.dialogues:
            found += np.sqrt(share / 2) * effects(dialogue.max() + 1)[dialogue]
            share += share / 2
        return found + np.sqrt(1 - share) * rng.normal(size=len(cluster))


def true_ccc(population, design):
    """Return the CCC of the population, averaged over seeds."""
    rng = np.random.default_rng(99)
    gain = design.gain + population.drift * rng.normal(size=DRAWS)
    shift = population.drift / 2 * rng.normal(size=DRAWS)
    spread = SPREAD**2
    rest = design.noise**2 + shift**2
    return float((2 * gain * spread / (spread + gain**2 * spread + rest)).mean())


def equal_noise(design, gain):
    """Return a design of another gain, with the noise that gives the same CCC."""
    whole = 2 * gain * SPREAD**2 / true_ccc(Population(), design)
    return Design(gain, float(np.sqrt(whole - SPREAD**2 - gain**2 * SPREAD**2)))


def draw(population, designs, rng):
    """Return one run of each design, all on the same utterances."""
    folds = [_fold(population, designs, f"f{k}", rng) for k in range(population.folds)]
    fixed = [_effects(population, rng) for _ in designs]
    return [_run(population, folds, k, fixed[k], rng) for k in range(len(designs))]


def _fold(population, designs, name, rng):
    """Return the utterances of one fold, and the errors of each design."""
    cluster = np.repeat(np.arange(population.clusters), population.sizes(rng))
    within = np.arange(len(cluster)) % max(1, population.dialogues)
    dialogue = cluster * max(1, population.dialogues) + within
    truth = SPREAD * population.parts(cluster, dialogue, rng)
    common = population.parts(cluster, dialogue, rng)
    errors = [
        np.sqrt(population.common) * common
        + np.sqrt(1 - population.common) * population.parts(cluster, dialogue, rng)
        for _ in designs
    ]
    says = [d.gain * truth + d.noise * e for d, e in zip(designs, errors, strict=True)]
    return name, cluster, dialogue, truth, says


def _effects(population, rng):
    """Return the effects of each seed on the gain and on the mean: (2, seeds)."""
    return population.drift * rng.normal(size=(2, population.seeds))


def _run(population, folds, k, fixed, rng):
    """Return the run of the k-th design."""
    rows, columns = [], []
    for name, cluster, dialogue, truth, says in folds:
        ids = np.array([f"{name}_{n:04d}" for n in range(len(truth))])
        more = fixed if population.shared else _effects(population, rng)
        names = zip(ids.tolist(), cluster.tolist(), dialogue.tolist(), strict=True)
        for id_, c, d in names:
            known = (f"{name}_s{c}", f"{name}_d{d}") if population.dialogues else None
            speaker, talk = known or ("", f"{name}_d{c}")
            rows.append(FoldRow(name, "test", id_, speaker, talk))
        for seed, (gain, shift) in enumerate(more.T):
            said = says[k] + gain * truth + shift / 2
            columns.append((ids, [name] * len(ids), [seed] * len(ids), truth, said))
    id_, fold, seed, truth, said = map(np.concatenate, zip(*columns, strict=True))
    predictions = Predictions(id_, fold, seed, truth[:, None], said[:, None])
    return replace(EMPTY, predictions=predictions, folds=tuple(rows))


EMPTY = Run(
    path=Path("runs/simulated"),
    info=RunInfo(
        name="simulated",
        design="early",
        corpus="simulated",
        nature="synthetic",
        protocol="speakers",
        targets=("valence",),
        encoders={},
        settings={},
    ),
    predictions=Predictions(*(np.zeros(0),) * 3, *(np.zeros((0, 1)),) * 2),
    folds=(),
)
