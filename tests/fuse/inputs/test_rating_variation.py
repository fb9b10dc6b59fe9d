"""Ratings that are constant in a part of a fold have no CCC and are refused."""

import dataclasses
import json
import re

import numpy as np
import pytest
from learnable_corpus import corpus, embeddings
from report_runs import info_of, save
from trained_runs import QUICK, train_run

from affuse.data.errors import AffuseError
from affuse.data.runs.run_folder import RunFolder
from affuse.data.runs.run_predictions import read_run, write_predictions
from affuse.data.splits.protocols import folds
from affuse.data.system import digests
from affuse.fuse.commands import design_training
from affuse.fuse.commands.calibrate_command import calibrate
from affuse.fuse.commands.report_command import collect, render
from affuse.fuse.inputs.rating_remedies import suggest_remedy
from affuse.fuse.inputs.rating_variation import (
    demand_folds,
    describe_undefined_ccc,
    is_constant,
)
from affuse.fuse.inputs.tensors import align
from affuse.fuse.models import baselines
from affuse.fuse.models.trainable.design_registry import design_names
from affuse.fuse.robustness.ablation import ablate
from affuse.fuse.training import fitting, run_plan
from affuse.fuse.training.training_request import TrainingData

SESSIONS = {"train": "1", "validation": "4", "test": "5"}  # of session5-strict
WORDS = {"train": "training"}
HELPS = {"train": "session5", "validation": "session5", "test": "speakers"}


def constant_in(part, *, rating="arousal", value=3.0):
    """The corpus, with one rating that is the same in a whole part."""
    whole = corpus()
    wanted = "123" if part == "train" else SESSIONS[part]
    return dataclasses.replace(
        whole,
        utterances=tuple(
            dataclasses.replace(u, ratings={**u.ratings, rating: value})
            if u.session in wanted
            else u
            for u in whole.utterances
        ),
    )


def test_constant_ratings_are_found():
    truth = np.array([[0.1, 0.1], [0.1, 0.2]])
    assert is_constant(truth).tolist() == [True, False]
    assert is_constant(truth[:0]).tolist() == [False, False]
    assert describe_undefined_ccc(truth[:, 1:], ["valence"], part="test") == ""
    alone = describe_undefined_ccc(
        truth[:1], ["valence", "arousal"], part="test", where="fold 'a'"
    )
    assert alone.startswith(
        "fold 'a': the test CCC of valence and arousal is not defined: there is only "
        "one utterance; divide the utterances in another way"
    )


@pytest.mark.parametrize("part", SESSIONS)
def test_constant_ratings_are_refused_before_any_training(tmp_path, monkeypatch, part):
    def spent(*args, **kwargs):
        pytest.fail("time was spent")

    monkeypatch.setattr(design_training, "fit_any_kind", spent)
    monkeypatch.setattr(fitting, "fit_all", spent)
    monkeypatch.setattr(baselines, "fit", spent)
    count = {"train": 180, "validation": 60, "test": 60}[part]
    said = set()
    for fusion in design_names():
        with pytest.raises(AffuseError) as raised:
            train_run(tmp_path, fusion, found=constant_in(part))
        said.add(str(raised.value))
    assert said == {
        f"fold 'session5': the {WORDS.get(part, part)} CCC of arousal is not defined: "
        f"all {count} utterances have the same rating; choose "
        f"--protocol {HELPS[part]}"
    }
    assert not any(tmp_path.iterdir())


def always(value, *, scale=(1, 5), ratings=("dominance",)):
    """The corpus, with ratings that are the same in all of it."""
    found, same = corpus(), dict.fromkeys(ratings, value)
    utterances = (
        dataclasses.replace(u, ratings={**u.ratings, **same}) for u in found.utterances
    )
    return dataclasses.replace(found, utterances=tuple(utterances), scale=scale)


@pytest.mark.parametrize(
    ("found", "advice"),
    [
        (
            always(3.0),
            "dominance cannot .*leave it out .* with --map dominance=$",
        ),
        (always(3.0, scale=(0, 1)), "clipped to its end; extract .* --scale LOWEST HI"),
        (
            always(3.0, ratings=("valence", "arousal", "dominance")),
            "valence and arousal and dominance cannot .*no other rating is left to lea",
        ),
    ],
)
def test_an_always_constant_rating_gets_no_advice_on_division(tmp_path, found, advice):
    with pytest.raises(AffuseError, match=advice) as raised:
        train_run(tmp_path, "early", found=found)
    assert "protocol" not in str(raised.value)
    assert "split_seed" not in str(raised.value)


@pytest.mark.parametrize("part", SESSIONS)
def test_a_sweep_checks_training_and_validation_only(tmp_path, part):
    def planned():
        return run_plan.plan_run(
            TrainingData(constant_in(part), embeddings()),
            fusion="early",
            settings=QUICK,
            runs=tmp_path,
            device="cpu",
            label="",
        )

    if part == "test":
        planned()
    else:
        with pytest.raises(AffuseError, match="CCC of arousal is not defined: all"):
            planned()


@pytest.mark.parametrize(("rows", "part"), [(range(160), "tr"), (range(200, 260), "v")])
def test_a_task_without_a_plan_is_refused(rows, part):
    from affuse.fuse.inputs.tensors import align

    aligned = align(corpus(), embeddings())
    truth = aligned.truth.copy()
    truth[list(rows), 0] = 0.25
    odd = dataclasses.replace(aligned, truth=truth)
    halves = [
        odd.rows(odd.ids[part], features=("text",))
        for part in (slice(160), slice(200, 260))
    ]
    with pytest.raises(AffuseError, match=f"here: the {part}.* CCC of valence is not"):
        fitting.fit(*halves, fusion="text", settings=QUICK, seed=0, where="here")


def forged(folder, name, rows):
    """Make valence constant in some rows of predictions, as no training would."""
    run = read_run(folder)
    p = run.predictions
    truth = p.truth.copy()
    truth[rows(p), 0] = 0.25
    with digests.rewrite_files(folder, [name]):
        write_predictions(folder / name, dataclasses.replace(p, truth=truth), run.info)


def test_calibrate_and_ablate_refuse_constant_ratings(tmp_path):
    folder = train_run(tmp_path)
    forged(folder, RunFolder.predictions, lambda p: np.ones(len(p), bool))
    with pytest.raises(AffuseError, match="fold 'session5': the test CCC of valence"):
        calibrate(folder, level=0.9, by="utterance")
    with pytest.raises(AffuseError, match="all 60 utterances have the same rating"):
        ablate(folder, embeddings())


def test_the_report_shows_no_figure_and_says_why(tmp_path):
    for design in ("text", "early"):
        save(tmp_path, info_of(design))
        run = read_run(tmp_path / info_of(design).name)
        p = run.predictions
        truth = p.truth.copy()
        truth[:, 1] = 0.5
        write_predictions(
            run.path / RunFolder.predictions,
            dataclasses.replace(p, truth=truth),
            run.info,
        )
    (table,) = collect(tmp_path)
    row = json.loads(render([table], "json"))["tables"][0]["rows"][0]
    figures = row["sections"]["all"]["ccc"]
    assert figures["arousal"] == {"value": None, "low": None, "high": None}
    assert figures["mean"]["value"] is None
    assert figures["valence"]["value"] > 0
    words = " ".join(render([table], "text").split())
    assert "CCC not defined (-), nor is a mean that includes it, because" in words
    assert "same rating: arousal in fold '5' (of 40); improvised, arousal in" in words
    assert "p unknown" in words
    assert "because a fold has only one" not in words


def test_a_small_part_without_variation_is_named_and_the_rest_is_scored(tmp_path):
    save(tmp_path, info_of("text"))
    run = read_run(tmp_path / info_of("text").name)
    scripted = np.array(["0" in i for i in run.predictions.id.tolist()])
    forged(run.path, RunFolder.predictions, lambda p: scripted)
    (table,) = collect(tmp_path)
    (row,) = (row for row in table.rows if row.info)
    assert np.isnan(row.sections["scripted"].ratings["valence"].value)
    assert row.sections["all"].mean.value == row.sections["all"].mean.value
    (note,) = (n for n in table.notes if n.startswith("CCC not defined"))
    assert note.endswith(f"scripted, valence in fold '5' (of {scripted.sum() // 2})")


def divided_by_speakers(sizes):
    """Aligned utterances of speakers, each with so many; a speaker's first is low."""
    found = corpus()
    names = [f"s{k}" for k, size in enumerate(sizes) for _ in range(size)]
    kept = found.utterances[: len(names)]
    utterances = tuple(
        dataclasses.replace(u, speaker=name, session="", split="")
        for u, name in zip(kept, names, strict=True)
    )
    return align(dataclasses.replace(found, utterances=utterances), {})


@pytest.mark.parametrize(
    ("sizes", "advice"),
    [
        ([1] * 5, "^add utterances, because training"),
        ([1] * 12, "^choose --folds [34] or --set split_seed=|^choose --folds [34]$"),
        ([1, 1, 30], "^no other protocol, number of folds or seed"),
    ],
)
def test_a_division_is_advised_only_where_it_works(sizes, advice):
    aligned = divided_by_speakers(sizes)
    said = suggest_remedy(aligned, "speakers", 5)
    assert re.search(advice, said), said
    if found := re.search(r"--folds (\d+)", said):
        made = folds(aligned.utterances, "speakers", folds=int(found[1]))
        demand_folds(aligned, made, protocol="speakers", test=True)
