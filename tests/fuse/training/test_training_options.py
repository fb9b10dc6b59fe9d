"""EMA, noise, mixup, auxiliary targets and rater agreement in training."""

import dataclasses

import numpy as np
import pytest
import torch
from learnable_corpus import corpus, embeddings, labelled

from affuse.data.errors import AffuseError
from affuse.data.splits.protocols import Fold
from affuse.fuse import losses
from affuse.fuse.inputs.tensors import align
from affuse.fuse.inputs.training_labels import RowLabels, demand_labels
from affuse.fuse.models.feature_noise import FeatureNoise
from affuse.fuse.models.trainable.design_registry import find_trainable
from affuse.fuse.setting_texts import Agreement
from affuse.fuse.settings import Settings
from affuse.fuse.training.fitting import fit_all, fit_any_kind
from affuse.fuse.training.grouped.extra_supervision import cross_entropy, row_weight
from affuse.fuse.training.grouped.mixup import PARTNER, SHARE, MixupPairs, mixed
from affuse.fuse.training.grouped.model_tasks import ModelTask
from affuse.fuse.training.grouped.noise_streams import NoiseStreams
from affuse.fuse.training.grouped.weight_averages import WeightAverages

QUICK = Settings(
    latent=8,
    autoencoder_hidden=16,
    hidden=16,
    learning_rate=0.01,
    epochs=2,
    pretrain_epochs=2,
    batch=64,
)
OPTIONS = [
    {"ema": 0.9},
    {"noise": 0.1},
    {"mixup": 0.2},
    {"auxiliary": "gender:0.1,kind:0.2"},
    {"agreement": "deviation:spread"},
    {"agreement": "raters:raters"},
    {"weighting": "raters"},
]
TOGETHER = {k: v for option in OPTIONS[:-1] for k, v in option.items()}


@pytest.fixture(scope="module")
def rows():
    found = align(labelled(corpus()), embeddings())
    return found.all_rows(features=("audio", "text"))


@pytest.fixture(scope="module")
def plain(rows):
    """A model without options."""
    return trained(job(rows))[0]


def job(rows, seed=0, *, fusion="early", count=160, **changes):
    train, validation = torch.arange(count), torch.arange(200, 260)
    settings = dataclasses.replace(QUICK, **changes)
    return ModelTask(rows, train, validation, fusion, settings, seed, f"seed {seed}")


def trained(*jobs, threads=1):
    found = dict(fit_all(jobs, threads=threads))
    return [found[number] for number in range(len(jobs))]


def same(one, other):
    states = one.module.state_dict(), other.module.state_dict()
    equal = states[0].keys() == states[1].keys() and all(
        torch.equal(values, states[1][name]) for name, values in states[0].items()
    )
    return equal and one.history == other.history


def same_in_company(rows, **changes):
    """Return the first of three models of a group, after comparing two of them."""
    counts = (160, 158, 160)  # rows of a batch are padded
    jobs = [job(rows, k, count=n, **changes) for k, n in enumerate(counts)]
    company = trained(*jobs)
    for one, found in zip(jobs[:2], company[:2], strict=True):
        assert same(trained(one)[0], found)
    return company[0]


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: str(option))
def test_a_model_with_an_option_is_the_same_in_company(rows, plain, option):
    assert not same(same_in_company(rows, **option), plain)


def test_a_model_with_all_options_is_the_same_in_company(rows):
    dropped = {"modality_dropout": 0.3, "layers": "weighted", "loss": "mix"}
    same_in_company(rows, fusion="late", **TOGETHER, **dropped)


def test_a_model_on_frozen_codes_is_the_same_in_company(rows):
    frozen = {**TOGETHER, "training": "pretrain", "auxiliary": ""}
    same_in_company(rows, fusion="late", **frozen)


def test_weights_by_raters_go_with_the_other_options_in_company(rows):
    several = {**TOGETHER, "agreement": "", "weighting": "raters", "loss": "mix"}
    same_in_company(rows, fusion="late", **several)


def test_copied_or_not_the_models_are_the_same(rows, monkeypatch):
    jobs = [job(rows, count=count, **TOGETHER) for count in (150, 160)]
    copied = trained(*jobs)
    monkeypatch.setattr("affuse.fuse.training.grouped.shared_codes.COPY_BYTES", 0)
    for one, other in zip(copied, trained(*jobs), strict=True):
        assert same(one, other)


def test_folds_may_differ_in_their_categories(rows):
    few = dataclasses.replace(job(rows), train=torch.arange(0, 300, 3)[:90])
    labels = (
        rows.labels.classes("kind", few.train),
        rows.labels.classes("speaker", few.train),
    )
    assert [len(one) for one in labels] == [1, 10]
    jobs = [job(rows, count=n, auxiliary="speaker:1") for n in (160, 9)]
    assert jobs[0].group_key != jobs[1].group_key
    assert not any(isinstance(one, AffuseError) for one in trained(*jobs))


def test_heads_are_no_part_of_the_model(rows, plain):
    (helped,) = trained(job(rows, auxiliary="kind:1"))
    assert plain.module.state_dict().keys() == helped.module.state_dict().keys()


def test_equal_agreement_is_the_default_training(rows, plain):
    (even,) = trained(job(rows, agreement="deviation:even"))
    assert same(plain, even)


def test_decision_level_fusion_takes_the_options(rows):
    jobs = [job(rows, fusion="latemean", **each) for each in ({}, TOGETHER)]
    found = dict(fit_any_kind(jobs))
    assert not same(found[0], found[1])
    assert find_trainable("latemean").uses("ema")


# averages


def test_averages_are_those_of_the_formula_and_each_models_own():
    decay, models = 0.8, 3
    values = torch.randn(6, models, 5, generator=torch.Generator().manual_seed(0))
    averages = WeightAverages({"w": torch.full((models, 5), 9.0)}, decay)
    for step in range(4):
        averages.update({"w": values[step]})
    weights = torch.tensor([decay ** (3 - k) for k in range(4)])
    expected = (weights[:, None, None] * values[:4]).sum(0) / weights.sum()
    torch.testing.assert_close(averages.means["w"], expected)
    averages.keep([2])
    averages.update({"w": values[4][[2]]})
    alone = WeightAverages({"w": torch.zeros(1, 5)}, decay)
    for step in range(5):
        alone.update({"w": values[step][[2]]})
    assert torch.equal(averages.means["w"], alone.means["w"])


# noise and mixup


def test_noise_has_the_deviation_and_each_model_its_stream():
    company, alone = NoiseStreams([3, 4, 5], "cpu"), NoiseStreams([4], "cpu")
    drawn = company.draw([(200, 50), (7,)])
    assert float(drawn[0].std()) == pytest.approx(1, abs=0.02)
    for ours, theirs in zip(drawn, alone.draw([(200, 50), (7,)]), strict=True):
        assert torch.equal(ours[1], theirs[0])
    company.keep([1])
    assert torch.equal(company.draw([(9,)])[0], alone.draw([(9,)])[0])


def test_noise_is_for_training_alone():
    layer, values = FeatureNoise(0.5), torch.zeros(100, 100)
    assert float(layer(values).std()) == pytest.approx(0.5, abs=0.03)
    assert torch.equal(layer.eval()(values), values)
    assert torch.equal(FeatureNoise(0.0)(values), values)


def test_pairs_are_of_rows_alone_and_padding_stays():
    filled = torch.arange(8) < torch.tensor([[6, 8], [5, 7]])[..., None]
    pairs = MixupPairs([0, 1], 0.4).epoch([0, 1], filled)
    assert len(pairs) == 2
    for batch, (features, rows) in enumerate(zip(pairs, filled, strict=True)):
        for k in range(2):
            size = int(rows[k].sum())
            partner, share = features[PARTNER][k], features[SHARE][k, :, 0]
            assert sorted(partner[:size].tolist()) == list(range(size)), batch
            assert torch.equal(partner[size:], torch.arange(8)[size:])
            assert torch.all(share[size:] == 1)
            assert 0 <= float(share.min()) < 1
    (alone,) = MixupPairs([1], 0.4).epoch([0], filled[:1, 1:])
    assert torch.equal(alone[PARTNER][0], pairs[0][PARTNER][1])


def test_rows_are_mixed_as_in_the_formula():
    values = torch.randn(2, 4, 3)
    (pair,) = MixupPairs([0, 1], 1.0).epoch([0, 1], torch.ones(1, 2, 4) > 0)
    found = mixed(values, pair)
    for k in range(2):
        share = pair[SHARE][k]
        expected = share * values[k] + (1 - share) * values[k][pair[PARTNER][k]]
        torch.testing.assert_close(found[k], expected)
    assert mixed(values, {}) is values


def test_mixed_ratings_vary_less_by_the_factor():
    alpha, count = 0.5, 40_000
    truth = torch.randn(1, count, 1, generator=torch.Generator().manual_seed(0))
    (pair,) = MixupPairs([0], alpha).epoch([0], torch.ones(1, 1, count) > 0)
    factor = float(mixed(truth, pair).var() / truth.var())
    assert factor == pytest.approx((1 + alpha) / (1 + 2 * alpha), abs=0.02)


# losses


def test_cross_entropy_counts_labelled_rows_alone():
    logits = torch.randn(2, 6, 3, requires_grad=True)
    classes = torch.tensor([0, 1, 2, 0, 1, 2])
    labels = torch.eye(3)[classes].expand(2, 6, 3).clone()
    labels[:, 2] = 0
    weight = torch.tensor([1.0, 1, 1, 1, 0, 0]).expand(2, 6)
    kept = [0, 1, 3]
    found = cross_entropy(logits, labels, weight)
    for k in range(2):
        expected = torch.nn.functional.cross_entropy(logits[k, kept], classes[kept])
        torch.testing.assert_close(found[k], expected)
    nothing = cross_entropy(logits, torch.zeros_like(labels), weight)
    assert torch.equal(nothing, torch.zeros(2))
    nothing.sum().backward()
    assert torch.equal(logits.grad, torch.zeros_like(logits))


def test_weights_of_rows_are_those_of_the_formula():
    variance = torch.tensor([0.0, 1.0, 3.0])[:, None]
    expected = torch.tensor([2.0, 1.0, 0.5])[:, None]
    found = row_weight(variance, torch.tensor([1.0]), torch.tensor([2.0]))
    assert torch.equal(found, expected)


def test_weighted_losses_count_a_row_as_often_as_its_weight():
    p, t = torch.randn(5, 2), torch.randn(5, 2)
    weight = torch.tensor([1.0, 2.0, 3.0, 1.0, 1.0])
    repeated = torch.repeat_interleave(torch.arange(5), weight.long())
    for loss in (losses.ccc_loss, losses.mse, losses.mix(0.3)):
        torch.testing.assert_close(loss(p, t, weight), loss(p[repeated], t[repeated]))


# columns of the corpus


def test_variances_are_squares_or_shares():
    utterances = labelled(corpus(count=4)).utterances
    labels = RowLabels(utterances)
    squares = labels.variances(Agreement("deviation", "spread")).flatten()
    assert squares.tolist() == [0.25, 2.25, 6.25, 0.25]
    shares = labels.variances(Agreement("raters", "raters")).flatten()
    np.testing.assert_allclose(shares, [1 / 2, 1 / 3, 1 / 4, 1 / 5], rtol=1e-6)


@pytest.mark.parametrize(
    ("changes", "columns", "message"),
    [
        (
            {"auxiliary": "mood:1"},
            {"kind": "a"},
            r"'mood': none of the 4 training utterances has it; columns with values "
            r"are gender, speaker, session, kind$",
        ),
        (
            {"auxiliary": "kind:1"},
            {"kind": "a"},
            r"'kind': all 4 training utterances that have it are 'a', so",
        ),
        (
            {"agreement": "deviation:std"},
            {"kind": "a"},
            r"deviation:std: 4 of 4 training utterances have no value in the column",
        ),
        (
            {"agreement": "deviation:kind"},
            {"kind": "a"},
            r"4 of 4 .* no number of at least 0 in .*'kind', such as 'a' of 'u000'",
        ),
        (
            {"agreement": "raters:kind"},
            {"kind": "0"},
            r"no number of at least 1 in the column 'kind', such as '0' of 'u000'",
        ),
    ],
)
def test_columns_that_do_not_serve_are_named(changes, columns, message):
    utterances = [
        dataclasses.replace(u, columns=columns)
        for u in labelled(corpus(count=6)).utterances
    ]
    fold = Fold("1", tuple(u.id for u in utterances[:4]), ("u004",), ("u005",))
    settings = dataclasses.replace(QUICK, **changes)
    with pytest.raises(AffuseError, match=f"^fold '1': .*{message}"):
        demand_labels(utterances, settings, [fold])


def test_only_training_rows_need_a_value():
    utterances = list(labelled(corpus(count=6)).utterances)
    utterances[5] = dataclasses.replace(utterances[5], columns={})
    fold = Fold("1", tuple(u.id for u in utterances[:4]), ("u004",), ("u005",))
    demand_labels(utterances, dataclasses.replace(QUICK, **TOGETHER), [fold])
    other = dataclasses.replace(fold, train=("u005", "u001"))
    with pytest.raises(AffuseError, match=r"1 of 2 training utterances have no value"):
        demand_labels(
            utterances,
            dataclasses.replace(QUICK, agreement="deviation:spread"),
            [other],
        )


def test_rows_without_columns_say_so(rows):
    bare = dataclasses.replace(rows, labels=RowLabels())
    (failed,) = trained(job(bare, auxiliary="gender:1"))
    assert str(failed).startswith("seed 0: these rows have no columns")
