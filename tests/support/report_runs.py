"""Run folders with generated predictions, for tests of the report."""

import dataclasses

import numpy as np
import pytest

from affuse.data.options.report_options import ReportContents
from affuse.data.rating_scales import RATINGS
from affuse.data.runs import fold_table
from affuse.data.runs import run_information as info_file
from affuse.data.runs import run_predictions as p
from affuse.fuse.commands.report_command import collect, render
from affuse.fuse.reporting.table_records import ReportTable, TableRow, Versus
from affuse.fuse.scoring.intervals import Interval
from affuse.fuse.scoring.statistics import Estimate

AUDIO = {"checkpoint": "hub/w2v2", "layers": [12], "pooling": "mean"}


TEXT = {"checkpoint": "bert", "layers": [4, 5, 6], "pooling": "mean+std"}


SPEAKERS = {"train": "1F", "validation": "1M", "test": "5F"}


def info_of(design, **changed):
    """Return the description of a run; designs `audio` and `text` have one modality."""
    both = {"audio": AUDIO, "text": TEXT}
    found = info_file.RunInfo(
        name=f"iemocap-{design}-session5-0123abcd",
        design=design,
        corpus="iemocap",
        nature="human",
        protocol="session5",
        targets=RATINGS,
        encoders={design: both[design]} if design in both else both,
        settings={"latent": 128, "seeds": [0, 1]},
        parameters=1234,
        versions={"numpy": "2"},
    )
    return dataclasses.replace(found, **changed)


def save(runs, info, *, gain=0.6, n=40, seeds=2, speakers=SPEAKERS, known=True):
    """Write a run whose predictions are `gain` times the truth, plus noise."""
    truth = np.random.default_rng(1).normal(0, 0.4, (60, 3))[:n]
    truth = truth[:, : len(info.targets)]
    rng = np.random.default_rng(round(100 * gain))
    ids = np.array([f"d{i // 2:02d}_{i:02d}" for i in range(n)])
    place = {"fold": np.repeat("5", n), "truth": truth}
    units = [
        p.Predictions(
            id=ids,
            seed=np.repeat(seed, n),
            predicted=gain * truth + rng.normal(0, 0.2, truth.shape),
            **place,
        )
        for seed in range(seeds)
    ]
    joined = {
        f.name: np.concatenate([getattr(unit, f.name) for unit in units])
        for f in dataclasses.fields(p.Predictions)
    }
    rows = [
        fold_table.FoldRow("5", part, part, speakers[part])
        for part in ("train", "validation")
    ]
    rows += [
        fold_table.FoldRow(
            "5", "test", i, speakers["test"], i[:-3], "0" in i if known else None
        )
        for i in ids.tolist()
    ]
    info_file.write_info(runs / info.name, info)
    fold_table.write_folds(runs / info.name, rows)
    found = p.Predictions(**joined)
    p.write_predictions(runs / info.name / "predictions.csv", found, info)


def text_of(runs, **chosen):
    return render(collect(runs, ReportContents(**chosen)), "text")


@pytest.fixture
def runs(tmp_path):
    for design, gain in {"late": 0.9, "text": 0.5, "audio": 0.3, "early": 0.8}.items():
        save(tmp_path, info_of(design), gain=gain)
    return tmp_path


def example(detail="", versus=""):
    """Return a table with fixed figures, so that the expected text is known."""

    def estimate(n, seeds, *values):
        found = [Interval(v, v - 0.031, v + 0.028) for v in values]
        return Estimate(
            ratings=dict(zip(RATINGS, found[:3], strict=True)),
            mean=found[3],
            utterances=n,
            folds=1,
            seeds=seeds,
            unit="dialogue",
            clusters=31,
        )

    rows = (
        TableRow(
            "ridge",
            "",
            {"all": estimate(2170, 1, 0.204, -0.01, 0.442, 0.396)},
            info_of("ridge"),
        ),
        TableRow(
            "early",
            detail,
            {
                "all": estimate(2170, 5, 0.732, 0.73, 1.0, 0.6907),
                "scripted": estimate(1000, 5, 0.8, 0.7, 0.6, 0.7),
            },
            info_of("early"),
            {"all": Versus(versus, Interval(0.043, 0.02, 0.066))} if versus else {},
        ),
    )
    return ReportTable(
        corpus="iemocap",
        nature="synthetic",
        protocol="session5",
        targets=RATINGS,
        rows=rows,
        encoders=("text: bert, layer 6, mean pooling",),
        shared=("train+validation",),
        comparisons=("early - text: +.043 [+.020, +.066], better",),
        notes=("Speakers: shared between training and validation",),
    )
