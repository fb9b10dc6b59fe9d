"""Small sweeps of settings."""

import dataclasses

from learnable_corpus import corpus, embeddings
from trained_runs import QUICK

from affuse.data.options.training_options import Sweep
from affuse.fuse.commands.sweep_command import sweep
from affuse.fuse.sweep.search_space import candidates
from affuse.fuse.training import run_plan as plans
from affuse.fuse.training.training_request import TrainingData

BASE = dataclasses.replace(QUICK, epochs=3)


GRID = (
    "learning_rate=1e-9,0.02",
    "dropout=0.0,0.9",
)  # one of the four combinations is clearly best


def make_plan(tmp_path, *, fusion="text", found=None, caches=None, **changes):
    data = TrainingData(
        corpus() if found is None else found,
        embeddings() if caches is None else caches,
    )
    return plans.plan_run(
        data,
        fusion=fusion,
        settings=dataclasses.replace(BASE, **changes),
        runs=tmp_path / "runs",
        device="cpu",
        label="",
    )


def run_sweep(tmp_path, plan=None, *, grid=GRID, seeds=(0,), said=None, **options):
    return sweep(
        (said if said is not None else []).append,
        make_plan(tmp_path) if plan is None else plan,
        candidates(BASE, grid=grid),
        seeds=seeds,
        options=Sweep(designs=("text",), sweeps=tmp_path / "sweeps", **options),
        progress=False,
    )
