import dataclasses

import numpy as np
import pytest
import torch
from learnable_corpus import corpus, embeddings
from sklearn.decomposition import PCA
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import Ridge
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVR

from affuse.data.rating_scales import RATINGS
from affuse.fuse.inputs import chunks
from affuse.fuse.inputs.tensors import HEAD, Rows, align
from affuse.fuse.models import baselines
from affuse.fuse.models.baselines import (
    FITTED,
    PENALTIES,
    Zeroshot,
    _linear,
    apply_zeroshot,
    fit_ridge,
    pcaridge,
    svr,
)
from affuse.fuse.models.baselines._choice import choose
from affuse.fuse.models.baselines._linear import Joined, decompose
from affuse.fuse.models.fitted import ccc
from affuse.fuse.models.projection import Projection
from affuse.fuse.models.trainable.design_registry import design_names, find_trainable
from affuse.fuse.scoring.affine import IDENTITY, concordant
from affuse.fuse.scoring.metrics import pearson


def parts(*features, rows=200, device="cpu"):
    aligned = align(corpus(), embeddings())
    ids = aligned.ids
    return [
        aligned.rows(part, features=features, device=device)
        for part in (ids[:rows], ids[200:250])
    ]


def noisy_parts():
    """Return parts whose embeddings explain only some of the ratings' variance."""
    train, validation = parts("audio", "text")
    rng = np.random.default_rng(3)
    return [
        dataclasses.replace(
            rows,
            features={
                name: x + torch.from_numpy(rng.normal(0, 6, x.shape).astype(np.float32))
                for name, x in rows.features.items()
            },
        )
        for rows in (train, validation)
    ]


def spectrum(x, y):
    """Return the decomposition of rows that are given in chunks."""
    spans = list(chunks.spans(len(x), 8 * x.shape[1]))
    return decompose(lambda: (x[span] for span in spans), y, x.shape[1])


@pytest.mark.parametrize("most", [7, chunks.MOST_ROWS])
@pytest.mark.parametrize("shape", [(40, 6), (10, 25)])  # primal and dual
def test_every_penalty_has_the_closed_form(monkeypatch, shape, most):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=shape), rng.normal(size=(shape[0], 2))
    x, y = x - x.mean(0), y - y.mean(0)
    monkeypatch.setattr(chunks, "MOST_ROWS", most)
    of = spectrum(torch.from_numpy(x), torch.from_numpy(y))
    found = of.weights(len(of.values))
    assert found.shape == (len(PENALTIES), shape[1], 2)
    for weights, penalty in zip(found, PENALTIES, strict=True):
        expected = Ridge(penalty * len(x), fit_intercept=False, solver="svd").fit(x, y)
        np.testing.assert_allclose(weights.numpy(), expected.coef_.T, atol=1e-9)


@pytest.mark.parametrize("shape", [(40, 6), (10, 25)])
def test_few_components_equal_those_of_a_pca(shape):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=shape), rng.normal(size=(shape[0], 2))
    x, y = x - x.mean(0), y - y.mean(0)
    found = spectrum(torch.from_numpy(x), torch.from_numpy(y)).weights(4)
    pca = PCA(4, svd_solver="full").fit(x)
    for weights, penalty in zip(found, PENALTIES, strict=True):
        small = Ridge(penalty * len(x), fit_intercept=False, solver="svd")
        expected = pca.components_.T @ small.fit(pca.transform(x), y).coef_.T
        np.testing.assert_allclose(weights.numpy(), expected, atol=1e-9)


def test_directions_without_variance_get_no_weight():
    x = torch.zeros(9, 3, dtype=torch.float64)
    x[:, 0] = torch.arange(9) - 4.0
    x[:, 1] = -2 * x[:, 0]
    found = spectrum(x, x[:, :1])
    assert len(found.values) == 1
    weights = found.weights(1)[0, :, 0]  # of the least penalty
    expected = torch.tensor([0.2, -0.4, 0.0], dtype=torch.float64)
    torch.testing.assert_close(weights, expected, rtol=0, atol=1e-4)
    assert spectrum(0 * x, x).weights(0).abs().sum() == 0


@pytest.mark.parametrize("reference", ["ridge", "pcaridge"])
@pytest.mark.parametrize("rows", [200, 12])  # more than features, and fewer
def test_one_eigendecomposition_serves_a_fold(monkeypatch, reference, rows):
    train, validation = parts("audio", "text", rows=rows)
    calls, original = [], torch.linalg.eigh
    monkeypatch.setattr(
        torch.linalg, "eigh", lambda x: calls.append(len(x)) or original(x)
    )
    baselines.fit(reference, train, validation)
    assert calls == [min(rows, 19)]  # two layers of 6 features, and one of 7


@pytest.mark.parametrize("reference", FITTED)
def test_baselines_learn_a_linear_relation(reference):
    train, validation = parts("audio", "text")
    fitted = baselines.fit(reference, train, validation)
    with torch.no_grad():
        found = ccc(validation.truth, fitted.module(validation.features))
    assert min(found) > 0.9
    # weights are rounded from float64 to float32 between the two
    assert found == pytest.approx(fitted.history[0].scores, abs=1e-5)


@pytest.mark.parametrize("reference", FITTED)
def test_the_map_gives_validation_the_mean_and_deviation_of_its_ratings(reference):
    train, validation = noisy_parts()
    raw, lined = (
        baselines.fit(reference, train, validation, mapped=mapped)
        for mapped in (False, True)
    )
    truth = validation.truth.double()
    with torch.no_grad():
        said = lined.module(validation.features).double()
        timid = raw.module(validation.features).double()
    torch.testing.assert_close(said.mean(0), truth.mean(0), rtol=0, atol=1e-5)
    spread, expected = said.std(0, correction=0), truth.std(0, correction=0)
    torch.testing.assert_close(spread, expected, rtol=1e-4, atol=0)
    assert (timid.std(0, correction=0) < 0.9 * expected).all()
    for k, score in enumerate(lined.history[0].scores):
        assert score == pytest.approx(pearson(truth[:, k], said[:, k]), abs=1e-5)
    assert min(np.subtract(lined.history[0].scores, raw.history[0].scores)) > 0.01


def candidates_of(name, train, validation):
    """Predictions of scikit-learn's models, one for each penalty: (candidates, n, 3)"""
    model = baselines.fit(name, train, validation).module
    x, unseen = (
        model.join(rows.features).double().numpy() for rows in (train, validation)
    )
    y = train.truth.double().numpy()
    if name == "svr":
        costs = [(c, e) for c in svr.COSTS for e in svr.TUBES]
        turn = Nystroem(gamma=1 / model.size, n_components=len(x), random_state=0)
        machines = [
            LinearSVR(
                C=c,
                epsilon=e,
                loss="squared_epsilon_insensitive",
                dual=False,
                tol=1e-8,
            )
            for c, e in costs
        ]
        said = [
            [
                make_pipeline(turn, machine).fit(x, (t - t.mean()) / t.std())
                .predict(unseen) * t.std() + t.mean()
                for t in y.T
            ]
            for machine in machines
        ]  # fmt: skip
        return model, np.array(said).transpose(0, 2, 1)
    sizes = [x.shape[1]] if name == "ridge" else list(pcaridge._sizes(x.shape[1]))
    said = []
    for size in sizes:
        pca = PCA(size, svd_solver="full").fit(x)
        for penalty in PENALTIES:
            ridge = Ridge(penalty * len(x)).fit(pca.transform(x), y)
            said.append(ridge.predict(pca.transform(unseen)))
    return model, np.array(said)


@pytest.mark.parametrize("reference", FITTED)
def test_scikit_learn_chooses_the_same_by_correlation_and_maps_it(reference):
    train, validation = noisy_parts()
    model, said = candidates_of(reference, train, validation)
    truth = validation.truth.double().numpy()
    with torch.no_grad():
        found = model(validation.features).numpy()
    for k in range(3):
        each = [pearson(truth[:, k], one[:, k]) for one in said]
        best = said[int(np.argmax(each)), :, k]
        expected = concordant(truth[:, k], best)(best)
        np.testing.assert_allclose(found[:, k], expected, atol=2e-4)


def test_a_candidate_without_variance_loses_and_does_not_crash():
    truth = torch.tensor([[0.0], [0.5], [1.0], [0.2]])
    validation = Rows({}, truth, targets=("valence",))
    constant = torch.full_like(truth, 0.3)
    nearly = constant.double() + 1e-15 * truth.double()  # rounding, which correlates
    weak, against = truth.roll(1, 0) + 0.9 * truth, -truth
    said = torch.stack([x.double() for x in (constant, nearly, weak, against)])
    found = choose(validation, said, mapped=True)
    assert found.candidates.tolist() == [2]
    assert found.scores[0] == pytest.approx(pearson(truth[:, 0], weak[:, 0]))
    assert choose(validation, said[[0, 1, 3]], mapped=True).candidates.tolist() == [2]
    alone = choose(validation, said[:1], mapped=True)
    assert alone.lines == (IDENTITY,)
    assert alone.scores == (0.0,)


def test_without_the_map_a_candidate_is_scored_as_it_is():
    truth = torch.linspace(-1, 1, 9)[:, None].double()
    validation = Rows({}, truth, targets=("valence",))
    timid = 0.2 * truth
    bold = truth + 0.4 * torch.tensor([1.0, -1.0] * 4 + [1.0])[:, None]
    said = torch.stack([timid, bold])
    assert choose(validation, said, mapped=False).candidates.tolist() == [1]
    assert choose(validation, said, mapped=True).candidates.tolist() == [0]


@pytest.mark.parametrize("reference", FITTED)
def test_a_blank_module_loads_the_weights(reference):
    train, validation = parts("audio", "text")
    module = baselines.fit(reference, train, validation).module
    projections = {m: Projection(x.shape[1]) for m, x in train.features.items()}
    again = baselines.blank(reference, projections, module.state_dict())
    again.load_state_dict(module.state_dict())
    assert torch.equal(again(validation.features), module(validation.features))


@pytest.mark.parametrize("reference", FITTED)
def test_predictions_do_not_depend_on_other_utterances(reference):
    module = baselines.fit(reference, *parts("text")).module
    rows = parts("text")[1].features["text"]
    alone = module({"text": rows[3:4]})
    torch.testing.assert_close(module({"text": rows})[3:4], alone, rtol=0, atol=1e-5)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("reference", FITTED)
def test_gpu_agrees_with_cpu(reference):
    train, validation = parts("audio", "text")
    expected = baselines.fit(reference, train, validation)
    rows = parts("audio", "text", device="cuda")
    found = baselines.fit(reference, *rows)
    assert found.module.linear.weight.device.type == "cuda"
    assert found.score == pytest.approx(expected.score, abs=1e-5)
    predicted = found.module(rows[1].features).cpu()
    torch.testing.assert_close(
        predicted, expected.module(validation.features), rtol=0, atol=1e-4
    )


def test_ridge_chooses_a_penalty_for_each_rating():
    # valence is what the one feature says; arousal is noise, best left at its mean
    rng = np.random.default_rng(0)
    feature = torch.from_numpy(rng.normal(size=(60, 1)).astype(np.float32))
    noise = torch.from_numpy(rng.normal(size=(60, 20)).astype(np.float32))
    truth = torch.cat([feature, noise[:, :1].roll(1, 0)], dim=1)
    x = torch.cat([feature, noise], dim=1)
    halves = [
        Rows({"text": x[rows]}, truth[rows]) for rows in (slice(30), slice(30, 60))
    ]
    fitted = fit_ridge(*halves)
    assert fitted.history[0].scores[0] > 0.99
    weights = fitted.module.linear.weight.abs().sum(dim=1)
    assert weights[0] > weights[1]


@pytest.mark.parametrize("reference", FITTED)
def test_validation_ratings_affect_only_the_choice(monkeypatch, reference):
    monkeypatch.setattr(_linear, "PENALTIES", PENALTIES[12:13])
    monkeypatch.setattr(pcaridge, "COMPONENTS", (4,))
    monkeypatch.setattr(svr, "COSTS", (1.0,))
    monkeypatch.setattr(svr, "TUBES", (0.1,))
    train, validation = parts("text")
    poisoned = dataclasses.replace(
        validation,
        features={"text": 1e6 + validation.features["text"]},
        truth=-validation.truth,
    )
    good, bad = (
        baselines.fit(reference, train, rows, mapped=False).module.state_dict()
        for rows in (validation, poisoned)
    )
    assert good.keys() == bad.keys()
    assert all(torch.equal(good[name], bad[name]) for name in good)
    # with the map a line besides, of a slope above 0: the direction is the same
    other = dataclasses.replace(validation, truth=0.1 * validation.truth - 0.3)
    lined = baselines.fit(reference, train, other).module.linear.weight
    raw = good["linear.weight"]
    assert not torch.allclose(lined, raw, rtol=1e-2)
    likeness = torch.cosine_similarity(lined.double(), raw.double())
    torch.testing.assert_close(likeness, torch.ones_like(likeness))


def test_components_are_chosen_on_validation():
    # eight strong directions hold the rating; the many others are noise
    rng = np.random.default_rng(0)
    signal, noise = rng.normal(size=(80, 8)), rng.normal(size=(80, 40))
    mixed = 3 * signal @ rng.normal(size=(8, 40)) + noise
    x = torch.from_numpy(mixed.astype(np.float32))
    truth = torch.from_numpy(signal[:, :1].astype(np.float32))
    halves = [Rows({"text": x[r]}, truth[r]) for r in (slice(40), slice(40, 80))]
    fitted = baselines.fit("pcaridge", *halves, mapped=False)
    assert fitted.score > 0.9
    weights = fitted.module.linear.weight.detach().numpy()
    first = PCA(8).fit(fitted.module.join(halves[0].features).numpy()).components_
    # of 8, 16 and 32 components the signal's own are chosen
    np.testing.assert_allclose(weights @ first.T @ first, weights, atol=1e-5)


def test_few_rows_make_the_kernel_exact():
    train, _ = parts("audio", "text")
    model = svr.Kernel(Joined.projected(train), landmarks=200, targets=3)
    x = model.join(train.features)
    turn = svr._span(model, x)
    mapped = model.alike(x) @ turn
    expected = rbf_kernel(x.double().numpy(), gamma=1 / 19)
    # distances by matrix products lose half of float64's digits near 0
    np.testing.assert_allclose((mapped @ mapped.T).numpy(), expected, atol=1e-6)


def test_svr_agrees_with_scikit_learn(monkeypatch):
    monkeypatch.setattr(svr, "LANDMARKS", 40)
    monkeypatch.setattr(svr, "COSTS", (10.0,))
    monkeypatch.setattr(svr, "TUBES", (0.1,))
    train, validation = parts("audio", "text")
    fitted = baselines.fit("svr", train, validation, mapped=False)
    x = fitted.module.join(train.features).double().numpy()
    unseen = fitted.module.join(validation.features).double().numpy()
    machine = make_pipeline(
        Nystroem(gamma=1 / 19, n_components=40, random_state=0),
        LinearSVR(
            C=10.0,
            epsilon=0.1,
            loss="squared_epsilon_insensitive",
            dual=False,
            tol=1e-8,
        ),
    )
    for k, y in enumerate(train.truth.double().numpy().T):
        machine.fit(x, (y - y.mean()) / y.std())
        expected = machine.predict(unseen) * y.std() + y.mean()
        found = fitted.module(validation.features)[:, k].detach().numpy()
        np.testing.assert_allclose(found, expected, atol=1e-5)


def test_of_many_rows_few_landmarks_choose_and_all_are_fitted(monkeypatch):
    monkeypatch.setattr(svr, "LANDMARKS", 40)
    monkeypatch.setattr(svr, "SCOUTS", 10)
    solved, solutions = [], svr._solutions

    def watched(mapped, y, grids):
        solved.append((mapped.shape[1], [list(grid) for grid in grids]))
        return solutions(mapped, y, grids)

    monkeypatch.setattr(svr, "_solutions", watched)
    model = baselines.fit("svr", *parts("audio", "text")).module
    (few, grids), (many, chosen) = solved
    assert (few, many, len(model.landmarks)) == (10, 40, 40)
    assert [len(grid) for grid in grids] == [len(svr.COSTS) * len(svr.TUBES)] * 3
    assert [len(grid) for grid in chosen] == [1, 1, 1]
    solved.clear()
    baselines.fit("svr", *parts("audio", rows=40))  # no more rows than landmarks
    assert [(n, len(grids[0])) for n, grids in solved] == [(40, len(grids[0]))]


def test_svr_learns_a_nonlinear_relation():
    rng = np.random.default_rng(0)
    x = torch.from_numpy(rng.normal(size=(300, 3)).astype(np.float32))
    rows = [
        Rows({"text": part}, part[:, :1] * part[:, 1:2], targets=("valence",))
        for part in (x[:200], x[200:])
    ]
    scores = {name: baselines.fit(name, *rows).score for name in FITTED}
    assert scores["svr"] > 0.8
    assert max(scores["ridge"], scores["pcaridge"]) < 0.4


def test_every_baseline_has_a_place_in_the_table():
    references = [name for name in design_names() if find_trainable(name).is_baseline]
    assert references == [*FITTED, "zeroshot"]
    assert {"ridge", "pcaridge", "svr"} <= set(FITTED)


def test_zeroshot_matches_ratings_by_name():
    train, validation = parts(HEAD)
    head = ("arousal", "dominance", "valence")
    fitted = apply_zeroshot(train, validation, head=head, targets=RATINGS)
    # the head of these embeddings is the truth; float32 holds it to 1e-7
    found = fitted.module(validation.features)
    torch.testing.assert_close(found, validation.truth, rtol=0, atol=1e-6)
    assert fitted.score == pytest.approx(1, abs=1e-6)
    assert list(fitted.module.parameters()) == []


def test_zeroshot_of_some_ratings():
    model = Zeroshot(("arousal", "valence"), targets=("valence",))
    assert model({HEAD: torch.tensor([[0.0, 0.75]])}).tolist() == [[0.5]]


@pytest.mark.parametrize("head", [(), ("arousal", "valence")])
def test_zeroshot_without_a_head_says_how_to_get_one(head):
    sentence = r"dominance, and the cache holds .*; extract audio with --head"
    with pytest.raises(ValueError, match=sentence):
        Zeroshot(head, targets=RATINGS)


def test_an_undefined_ccc_names_its_rating():
    alike = Rows({"text": torch.ones(6, 1)}, torch.zeros(6, 1), targets=("arousal",))
    with pytest.raises(ValueError, match="validation CCC of arousal is not defined"):
        fit_ridge(alike, alike)
    with pytest.raises(ValueError, match="training CCC of arousal is not defined"):
        baselines.fit("ridge", alike, alike)
