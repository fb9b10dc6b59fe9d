import dataclasses

import pytest
import torch
from learnable_corpus import COUNT, corpus, embeddings

from affuse.fuse.inputs.tensors import align
from affuse.fuse.models.fitted import ccc
from affuse.fuse.settings import Settings
from affuse.fuse.training.fitting import fit

SMALL = Settings(
    latent=8,
    autoencoder_hidden=16,
    hidden=16,
    dropout=0.0,
    input_dropout=0.0,
    learning_rate=0.01,
    epochs=150,
    patience=30,
)


def parts(device="cpu"):
    """Training, validation and test rows of the learnable corpus."""
    aligned = align(corpus(), embeddings())
    cuts = (0, 200, 250), (200, 250, COUNT)
    return [
        aligned.rows(aligned.ids[a:b], features=("audio", "text"), device=device)
        for a, b in zip(*cuts, strict=True)
    ]


def trained(fusion="early", *, seed=0, device="cpu", **changes):
    train, validation, _ = parts(device)
    settings = dataclasses.replace(SMALL, **changes)
    return fit(train, validation, fusion=fusion, settings=settings, seed=seed)


def weights(fitted):
    return torch.cat([x.flatten() for x in fitted.module.state_dict().values()])


@pytest.mark.parametrize(
    ("fusion", "changes"),
    [
        ("audio", {}),
        ("text", {"loss": "mse", "batch": 16, "epochs": 40}),
        ("early", {"reduce": "pca"}),
        ("early", {"training": "pretrain", "pretrain_epochs": 100}),
        pytest.param(
            "early", {"loss": "mix", "optimizer": "adam"}, marks=pytest.mark.slow
        ),
        ("late", {}),
        pytest.param("late", {"reduce": "none"}, marks=pytest.mark.slow),
    ],
)
def test_networks_learn_planted_ratings(fusion, changes):
    test, fitted = parts()[2], trained(fusion, **changes)
    with torch.no_grad():
        found = ccc(test.truth, fitted.module(test.features))
    # noise of .3 beside a signal of about .9 a feature, averaged over 7 or more
    assert min(found) > 0.85


def test_the_weights_of_the_best_epoch_are_returned():
    fitted = trained(epochs=20)
    validation = parts()[1]
    with torch.no_grad():
        found = ccc(validation.truth, fitted.module(validation.features))
    best = max(fitted.history, key=lambda epoch: sum(epoch.scores))
    # the same numbers through a projection that is applied anew
    assert found == pytest.approx(best.scores, abs=1e-6)
    assert fitted.score == pytest.approx(sum(found) / 3, abs=1e-6)


def test_equal_seeds_give_equal_weights_and_others_do_not():
    changes = {"epochs": 4, "dropout": 0.5, "input_dropout": 0.5}
    first, again = trained(**changes), trained(**changes)
    assert torch.equal(weights(first), weights(again))
    assert first.history == again.history
    assert not torch.equal(weights(first), weights(trained(seed=1, **changes)))


def test_earlier_random_draws_do_not_change_a_model():
    first = weights(trained(epochs=2))
    torch.rand(7)
    assert torch.equal(first, weights(trained(epochs=2)))


def test_pretrained_autoencoders_stay_frozen():
    def codecs(**changes):
        state = trained(training="pretrain", **changes).module.state_dict()
        return {n: x for n, x in state.items() if n.startswith("autoencoders")}

    short, long = codecs(epochs=1), codecs(epochs=9, patience=9)
    assert short.keys() == long.keys() != set()
    assert all(torch.equal(short[name], long[name]) for name in short)


def test_pretraining_has_a_separate_history():
    fitted = trained(training="pretrain", pretrain_epochs=5, epochs=3)
    assert list(fitted.pretraining) == ["audio", "text"]
    for history in fitted.pretraining.values():
        assert len(history) == 5
        assert history[-1].loss < history[0].loss
    assert [epoch.reconstruction for epoch in fitted.history] == [0.0, 0.0, 0.0]
    assert trained(epochs=2).pretraining == {}


def test_reconstruction_is_part_of_the_loss():
    light = trained(reconstruction=0.0, epochs=30).history[-1]
    heavy = trained(reconstruction=10.0, epochs=30).history[-1]
    assert heavy.reconstruction < light.reconstruction
    assert heavy.loss > heavy.reconstruction


def test_validation_rows_change_no_statistic():
    train, validation, _ = parts()
    odd = dataclasses.replace(
        validation, features={m: 1e3 * x for m, x in validation.features.items()}
    )
    states = [
        fit(train, rows, fusion="early", settings=SMALL, seed=0).module.state_dict()
        for rows in (validation, odd)
    ]
    for name in states[0]:
        if name.startswith("projections"):
            assert torch.equal(states[0][name], states[1][name])


def test_a_diverging_run_says_where_and_what_to_change():
    train, validation, _ = parts()
    settings = dataclasses.replace(SMALL, loss="mse")
    train.truth[0] = torch.inf
    with pytest.raises(ValueError, match="fold 5, epoch 1: the loss is (inf|nan); set"):
        fit(train, validation, fusion="text", settings=settings, seed=0, where="fold 5")


def test_a_missing_modality_is_named():
    train, validation, _ = parts()
    only = {"text": train.features["text"]}
    rows = dataclasses.replace(train, features=only)
    with pytest.raises(
        ValueError, match="needs audio embeddings, and there is only te"
    ):
        fit(rows, validation, fusion="late", settings=SMALL, seed=0)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_gpu_agrees_with_cpu():
    # one step from equal weights: only the order of float32 sums differs
    on_cpu = trained("late", epochs=1).history[0]
    on_gpu = trained("late", epochs=1, device="cuda").history[0]
    assert on_gpu.loss == pytest.approx(on_cpu.loss, abs=1e-4)
    assert trained("late", device="cuda").score > 0.85
