import dataclasses

import numpy as np
import pytest
import torch
from learnable_corpus import corpus, embeddings
from trained_runs import train_run

from affuse.data.runs.run_predictions import read_run
from affuse.fuse.inputs.tensors import align, groups
from affuse.fuse.models.decisions import DECISIONS
from affuse.fuse.models.fitted import Fitted, ccc
from affuse.fuse.models.trainable import decision_fitting
from affuse.fuse.settings import Settings
from affuse.fuse.trained import model_files
from affuse.fuse.training.fitting import fit, fit_all, fit_any_kind, single_task

SMALL = Settings(
    latent=8,
    autoencoder_hidden=16,
    hidden=16,
    dropout=0.0,
    input_dropout=0.0,
    learning_rate=0.03,
    epochs=12,
)


def parts():
    """Sessions 1 to 3 to train on, 4 to stop with, 5 to test on."""
    aligned = align(corpus(), embeddings())
    by_session = [
        [u.id for u in aligned.utterances if u.session in wanted]
        for wanted in ("123", "4", "5")
    ]
    return [aligned.rows(ids, features=("audio", "text")) for ids in by_session]


def fitted(fusion, train, validation, *, loop=fit_all, **changes):
    settings = dataclasses.replace(SMALL, **changes)
    job = single_task(train, validation, fusion=fusion, settings=settings, seed=0)
    ((_, found),) = decision_fitting.fit_decision_fusion([job], loop)
    return found


@pytest.mark.parametrize("fusion", DECISIONS)
def test_decision_designs_learn_planted_ratings(fusion):
    train, validation, test = parts()
    found = fitted(fusion, train, validation)
    with torch.no_grad():
        scores = ccc(test.truth, found.module(test.features))
        assert min(scores) > 0.7
        assert found.history[0].scores == pytest.approx(
            ccc(validation.truth, found.module(validation.features))
        )


def test_latemean_is_the_mean_of_separately_trained_designs():
    train, validation, test = parts()
    found = fitted("latemean", train, validation, epochs=3)
    said = []
    for fusion in ("audio", "text"):
        settings = dataclasses.replace(SMALL, epochs=3)
        alone = fit(train, validation, fusion=fusion, settings=settings, seed=0)
        said.append(alone.module(test.features))
    with torch.no_grad():
        torch.testing.assert_close(found.module(test.features), sum(said) / 2)


def test_inner_models_predict_groups_that_they_were_not_trained_on(monkeypatch):
    train, validation, _ = parts()
    trained_on, asked = [], []
    said = decision_fitting._SharedBases._predictions

    def watched(jobs):
        trained_on.extend(job.train.tolist() for job in jobs)
        return fit_all(jobs)

    def predicted(panel, model, places):
        asked.append(places.tolist())
        return said(panel, model, places)

    monkeypatch.setattr(decision_fitting._SharedBases, "_predictions", predicted)
    fitted("lateccc", train, validation, loop=watched, epochs=1)
    everyone = list(range(len(train.truth)))
    assert trained_on[:2] == [everyone, everyone]  # the models that are kept
    inner, asked = trained_on[2:], asked[:5]
    assert len(inner) == 10
    for fold, outside in enumerate(asked):
        for inside in inner[2 * fold : 2 * fold + 2]:
            heard = {train.groups[row] for row in inside}
            assert heard.isdisjoint({train.groups[row] for row in outside})
    assert sorted(sum(asked, [])) == everyone


def test_decision_designs_share_equal_unimodal_models():
    train, validation, _ = parts()
    settings = dataclasses.replace(SMALL, epochs=2)
    counts = []

    def counted(jobs):
        counts.append(len(jobs))
        return fit_all(jobs)

    jobs = [
        single_task(train, validation, fusion=fusion, settings=settings, seed=0)
        for fusion in DECISIONS
    ]
    jobs = [dataclasses.replace(job, rows=jobs[0].rows) for job in jobs]
    found = dict(decision_fitting.fit_decision_fusion(jobs, counted))
    assert counts == [12]
    for number, fusion in enumerate(DECISIONS):
        single = fitted(fusion, train, validation, epochs=2)
        assert found[number].score == pytest.approx(single.score, abs=1e-6)


def test_an_overfitted_model_gets_no_weight():
    # text is noise of so many features that every training rating can be remembered
    train, _, _ = parts()
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(len(train.truth), 150, generator=generator)
    train = dataclasses.replace(train, features={**train.features, "text": noise})
    # stopped by what it was trained on, so that nothing keeps it from doing so
    found = fitted("lateccc", train, train, reduce="none", epochs=30, patience=30)
    found = found.module
    with torch.no_grad():
        heart = ccc(train.truth, found.bases["text"](train.features))
        weights = found.weigh.weight.abs()
        own = torch.eye(3, dtype=torch.bool)
    assert min(heart) > 0.9  # of what it was trained on it knows everything
    assert (weights[:, 3:][own] < 0.2 * weights[:, :3][own]).all()
    assert not weights[:, :3][~own].any()  # of its own rating only


def test_inner_folds_divide_no_group():
    named = [name for name in "aaabbcddddeeffg"]
    folds = decision_fitting.divide(named)
    assert len(folds) == 5
    for rest, held in folds:
        assert {named[r] for r in rest}.isdisjoint({named[r] for r in held})
    assert sorted(np.concatenate([held for _, held in folds])) == list(range(15))
    assert len(decision_fitting.divide(["a", "b", "a"])) == 2
    with pytest.raises(ValueError, match="only one such group; choose latemean"):
        decision_fitting.divide(["a", "a"])


def test_groups_are_speakers_then_dialogues_then_utterances():
    some = corpus().utterances[:20]
    assert groups(some) == tuple(u.speaker for u in some)
    nameless = [dataclasses.replace(u, speaker="") for u in some]
    assert groups(nameless) == tuple(u.dialogue for u in some)
    alone = [dataclasses.replace(u, speaker="1F") for u in some]
    assert groups(alone) == tuple(u.dialogue for u in some)
    bare = [dataclasses.replace(u, dialogue="") for u in nameless]
    assert groups(bare) == tuple(u.id for u in some)


def test_a_saved_model_predicts_the_same(tmp_path):
    folder = train_run(tmp_path, "stacking", epochs=2)
    module, description = model_files.load(next(folder.glob("*/seed-0")))
    assert description.parameters == sum(p.numel() for p in module.parameters())
    test = parts()[2]
    with torch.no_grad():
        said = module(test.features).numpy()
    # written with nine digits
    np.testing.assert_allclose(said, read_run(folder).predictions.predicted, atol=1e-6)


def test_networks_and_decision_designs_are_trained_in_one_call():
    train, validation, _ = parts()
    settings = dataclasses.replace(SMALL, epochs=2)
    jobs = [
        single_task(train, validation, fusion=fusion, settings=settings, seed=0)
        for fusion in ("latemean", "text")
    ]
    found = dict(fit_any_kind(jobs))
    single = fit(train, validation, fusion="text", settings=settings, seed=0)
    assert found[1].score == pytest.approx(single.score, abs=1e-6)
    mean = fitted("latemean", train, validation, epochs=2)
    assert found[0].score == pytest.approx(mean.score, abs=1e-6)


def test_indivisible_training_rows_fail_only_designs_with_inner_folds():
    train, validation, _ = parts()
    train = dataclasses.replace(train, groups=("one speaker",) * len(train.truth))
    settings = dataclasses.replace(SMALL, epochs=1)
    what = {"settings": settings, "seed": 0, "where": "fold 1"}
    mean = single_task(train, validation, fusion="latemean", **what)
    jobs = [dataclasses.replace(mean, fusion=fusion) for fusion in DECISIONS]
    found = dict(decision_fitting.fit_decision_fusion(jobs, fit_all))
    assert isinstance(found.pop(DECISIONS.index("latemean")), Fitted)
    assert len(found) == 2
    for error in found.values():
        assert isinstance(error, ValueError)
        assert str(error).startswith("fold 1: weights of decisions are fitted on")
    assert isinstance(
        dict(decision_fitting.fit_decision_fusion(jobs[1:2], fit_all))[0], ValueError
    )
