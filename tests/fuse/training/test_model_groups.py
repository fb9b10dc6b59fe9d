"""Model groups: each model equals the same model trained alone."""

import copy
import dataclasses
import re
from itertools import pairwise

import numpy as np
import pytest
import torch
from learnable_corpus import corpus, embeddings
from torch import nn

from affuse.fuse import losses
from affuse.fuse.inputs.tensors import align
from affuse.fuse.scoring import metrics
from affuse.fuse.settings import Settings
from affuse.fuse.training.fitting import fit_all
from affuse.fuse.training.grouped import batches, shared_codes, validation_scores
from affuse.fuse.training.grouped.adam import Adam
from affuse.fuse.training.grouped.batches import batch_shape
from affuse.fuse.training.grouped.dropout_streams import DropoutMasks, kept_of_256
from affuse.fuse.training.grouped.group_training import GroupTraining
from affuse.fuse.training.grouped.model_group import ModelGroup
from affuse.fuse.training.grouped.model_tasks import ModelTask
from affuse.fuse.training.grouped.shared_codes import CodeCache
from affuse.fuse.training.grouped.task_schedule import ScheduledTask, execute_tasks

QUICK = Settings(
    latent=8, autoencoder_hidden=16, hidden=16, learning_rate=0.01, epochs=3
)


@pytest.fixture(scope="module")
def rows():
    return align(corpus(), embeddings()).all_rows(features=("audio", "text"))


def job(rows, seed=0, *, fusion="early", count=160, **changes):
    train, validation = torch.arange(count), torch.arange(200, 260)
    settings = dataclasses.replace(QUICK, **changes)
    return ModelTask(rows, train, validation, fusion, settings, seed, f"seed {seed}")


def trained(jobs, threads=1):
    found = dict(fit_all(jobs, threads=threads))
    return [found[number] for number in range(len(jobs))]


def same(one, other):
    """Whether two models are equal, bit for bit."""
    states = one.module.state_dict(), other.module.state_dict()
    equal = all(torch.equal(states[0][name], states[1][name]) for name in states[0])
    return equal and one.history == other.history


@pytest.mark.parametrize("fusion", ["early", "late"])
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"training": "pretrain", "pretrain_epochs": 2},
        {"reduce": "pca"},
        {"reduce": "none", "optimizer": "adam"},
    ],
)
def test_a_model_in_a_group_equals_the_model_trained_alone(rows, fusion, changes):
    jobs = [job(rows, seed, fusion=fusion, **changes) for seed in range(3)]
    company = trained(jobs)
    assert not same(company[0], company[1])
    for one, found in zip(jobs, company, strict=True):
        assert same(trained([one])[0], found)


@pytest.mark.parametrize("training", ["joint", "pretrain"])
def test_models_too_large_for_a_group_give_the_same_result(rows, monkeypatch, training):
    """They are called one by one, not stacked, so their products are rounded anew."""
    jobs = [job(rows, seed, training=training, pretrain_epochs=2) for seed in range(2)]
    stacked = trained(jobs)
    monkeypatch.setitem(batches.BATCH_BYTES, "cpu", 1)
    monkeypatch.setattr("affuse.fuse.training.grouped.model_group.vmap", None)
    for one, other in zip(stacked, trained(jobs), strict=True):
        assert not same(one, other)
        found, expected = one.module.state_dict(), other.module.state_dict()
        for name, values in found.items():
            torch.testing.assert_close(values, expected[name], rtol=1e-3, atol=1e-5)


def test_fifty_steps_in_a_group_equal_those_alone(rows):
    jobs = [job(rows, s, fusion="text", epochs=50, patience=50) for s in range(3)]
    alone, found = trained(jobs[1:2])[0], trained(jobs)[1]
    assert len(alone.history) == 50
    for name, values in alone.module.state_dict().items():
        # equal bits on the processors that were tried; this much is promised
        torch.testing.assert_close(
            found.module.state_dict()[name], values, rtol=0, atol=1e-5
        )


def test_order_division_and_threads_do_not_change_a_model(rows):
    jobs = [job(rows, seed) for seed in range(5)]
    company = trained(jobs)
    backwards = trained(jobs[::-1])[::-1]
    threads = trained(jobs, threads=2)
    for k in range(5):
        assert same(company[k], backwards[k])
        assert same(company[k], threads[k])


def test_models_of_a_group_may_have_different_rows(rows):
    counts = (153, 160, 161, 199)
    assert len({batch_shape(count, QUICK) for count in counts}) == 3
    jobs = [job(rows, count=count) for count in counts]
    for one, found in zip(jobs, trained(jobs), strict=True):
        assert same(trained([one])[0], found)


@pytest.mark.parametrize("rows_of_a_batch", [32, 33, 63, 100, 130, 255, 257, 500])
def test_padding_adds_few_rows_to_a_batch(rows_of_a_batch):
    settings = dataclasses.replace(QUICK, batch=rows_of_a_batch)
    count, length = batch_shape(7 * rows_of_a_batch, settings)
    assert count == 7
    assert 0 <= length - rows_of_a_batch <= max(3, rows_of_a_batch / 16)


@pytest.mark.parametrize("fusion", ["early", "gated", "hybrid"])
@pytest.mark.parametrize("batch", [33, 34, 50])
def test_odd_batch_sizes_in_a_group_equal_those_alone(rows, fusion, batch):
    """Rows that were aligned differently in memory were once summed differently."""
    changes = {"batch": batch, "hidden": 128, "reduce": "none", "epochs": 1}
    jobs = [job(rows, k, fusion=fusion, count=3 * batch, **changes) for k in range(3)]
    for one, found in zip(jobs, trained(jobs), strict=True):
        assert same(trained([one])[0], found)


@pytest.mark.parametrize("changes", [{}, {"reduce": "none"}, {"training": "pretrain"}])
def test_copied_and_cached_embeddings_give_the_same_model(rows, monkeypatch, changes):
    """What is projected before is what is projected in each batch."""
    counts = (150, 160)
    jobs = [job(rows, k, count=n, **changes) for k in range(2) for n in counts]
    projected = []
    original = CodeCache.projected
    monkeypatch.setattr(
        CodeCache, "projected", lambda *of: projected.append(of) or original(*of)
    )
    copied = trained(jobs)
    assert projected
    projected.clear()
    monkeypatch.setattr("affuse.fuse.training.grouped.shared_codes.COPY_BYTES", 0)
    for one, other in zip(copied, trained(jobs), strict=True):
        assert same(one, other)
    assert not projected


@pytest.mark.parametrize("training", ["joint", "pretrain"])
def test_late_fusion_with_a_relu_is_the_same_in_a_group(rows, training):
    changes = {"fusion": "late", "training": training, "pretrain_epochs": 2}
    jobs = [job(rows, seed, late_activation="relu", **changes) for seed in range(4)]
    company = trained(jobs)
    for one, found in zip(jobs, company, strict=True):
        assert same(trained([one])[0], found)
    assert not same(trained([job(rows, **changes)])[0], company[0])


def test_models_that_read_one_copy_share_a_group(rows, monkeypatch):
    jobs = [job(rows, seed, count=count) for seed in range(4) for count in (159, 160)]
    room = shared_codes.copy_size(jobs[1], jobs[1].width)
    monkeypatch.setattr("affuse.fuse.training.grouped.shared_codes.COPY_BYTES", room)
    sizes = []

    def prepared(training, numbered, stopped):
        sizes.append(len(numbered))
        assert len({one.fold for _, one in numbered}) == 1
        return original(training, numbered, stopped)

    original = GroupTraining.train_on_copies
    monkeypatch.setattr(GroupTraining, "train_on_copies", prepared)
    monkeypatch.setattr("affuse.fuse.training.grouped.group_tasks.LARGEST_GROUP", 4)
    trained(jobs)
    assert sizes == [4, 4]


def test_models_of_a_group_may_have_different_learning_rates(rows):
    rates = (1e-2, 1e-3, 1e-2, 1e-4)
    jobs = [job(rows, learning_rate=rate, weight_decay=rate) for rate in rates]
    company = trained(jobs)
    assert same(company[0], company[2])
    assert not same(company[0], company[1])
    for one, found in zip(jobs, company, strict=True):
        assert same(trained([one])[0], found)


def test_a_stopped_model_does_not_change(rows):
    jobs = [job(rows, epochs=2), job(rows, 1, epochs=9), job(rows, 2, epochs=4)]
    short, long, middle = trained(jobs)
    assert [len(f.history) for f in (short, long, middle)] == [2, 9, 4]
    for one, found in zip(jobs, (short, long, middle), strict=True):
        assert same(trained([one])[0], found)


@pytest.mark.parametrize("training", ["joint", "pretrain"])
def test_a_diverging_model_does_not_affect_its_group(rows, training):
    changes = {"training": training, "epochs": 12, "pretrain_epochs": 12}
    rate = "learning_rate" if training == "joint" else "pretrain_rate"
    wild = {rate: 1.0, "weight_decay": 100.0}  # times -99 in each step
    jobs = [job(rows, 0, **changes), job(rows, 1, **changes, **wild)]
    good, failed = trained(jobs)
    assert same(good, trained(jobs[:1])[0])
    assert isinstance(failed, ValueError)
    what = "seed 1" if training == "joint" else "seed 1, audio autoencoder"
    pattern = rf"{what}, epoch \d+: the [a-z ]+ is (-?inf|nan); set {rate} below 1"
    assert re.fullmatch(pattern, str(failed))


def test_a_constant_rating_is_named_and_other_models_are_trained(rows):
    odd = dataclasses.replace(rows, truth=rows.truth.clone())
    odd.truth[200:260, 1] = 0.5
    failed, good = trained([dataclasses.replace(job(rows), rows=odd), job(rows)])
    assert str(failed).startswith(
        "seed 0: the validation CCC of arousal is not defined: all 60"
    )
    assert len(good.history) == 3


def test_designs_share_pretrained_autoencoders(rows):
    designs = ("early", "late", "audio")
    changes = {"training": "pretrain", "epochs": 1, "pretrain_epochs": 2}
    jobs = [job(rows, fusion=f, **changes) for f in designs]
    early, late, audio = (f.module.state_dict() for f in trained(jobs))
    shared = [n for n in audio if n.startswith("autoencoders.audio")]
    assert len(shared) == 8
    for name in shared:
        assert torch.equal(early[name], late[name])
        assert torch.equal(early[name], audio[name])
    names = [n for n in early if n.startswith("autoencoders.text")]
    assert all(torch.equal(early[n], late[n]) for n in names)
    other = trained([job(rows, 1, **changes)])[0]
    assert not torch.equal(other.module.state_dict()[shared[0]], early[shared[0]])
    # their rate is one of their own, so a search over the regressor's shares them too
    faster = trained([job(rows, learning_rate=0.1, **changes)])[0]
    assert torch.equal(faster.module.state_dict()[shared[0]], early[shared[0]])


@pytest.mark.parametrize("kind", ["adam", "adamw"])
def test_optimizer_steps_equal_those_of_torch(kind):
    generator = torch.Generator().manual_seed(0)
    rates = [(1e-2, 0.1), (1e-2, 0.1), (1e-3, 0.0)]
    settings = [
        Settings(optimizer=kind, learning_rate=r, weight_decay=d) for r, d in rates
    ]
    begin = torch.randn(3, 5, 7, generator=generator)
    parameters = {
        "used": begin.clone().requires_grad_(),
        "idle": torch.ones(3, 2).requires_grad_(),
    }
    ours = Adam(parameters, settings)
    alone = [begin[k].clone().requires_grad_() for k in range(3)]
    make = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[kind]
    theirs = [
        make([x], lr=r, weight_decay=d) for x, (r, d) in zip(alone, rates, strict=True)
    ]
    for number in range(8):
        gradient = torch.randn(3, 5, 7, generator=generator)
        if number == 4:  # the second model stops
            parameters = {
                n: x.detach()[[0, 2]].requires_grad_() for n, x in parameters.items()
            }
            ours.keep(parameters, [0, 2])
        going = [0, 2] if number >= 4 else [0, 1, 2]
        parameters["used"].grad = gradient[going]
        ours.step()
        assert parameters["used"].grad is None
        for place, k in enumerate(going):
            alone[k].grad = gradient[k]
            theirs[k].step()
            torch.testing.assert_close(
                parameters["used"][place], alone[k], rtol=1e-6, atol=1e-7
            )
    assert torch.equal(parameters["idle"], torch.ones(2, 2))


def test_dropout_masks_do_not_depend_on_the_group():
    company, alone = DropoutMasks([3, 4, 5], "cpu"), DropoutMasks([4], "cpu")
    calls = [((10, 7), 128), ((4,), 200)]
    first = company.draw(calls)
    for mask, own in zip(first, alone.draw(calls), strict=True):
        assert torch.equal(mask[1], own[0])
    first = [mask.clone() for mask in first]
    assert not torch.equal(first[0][0], first[0][1])
    company.keep([1, 2])
    calls = [((9,), 64)]
    assert torch.equal(company.draw(calls)[0][0], alone.draw(calls)[0][0])


@pytest.mark.parametrize("dropout", [0.1, 0.5, 0.9])
def test_the_share_of_dropped_values_equals_the_dropout(dropout):
    values = 40_000
    mask = DropoutMasks([0], "cpu").draw([((values,), kept_of_256(dropout))])[0]
    share = 1 - dropout
    # four deviations of a binomial, and the rounding of the share to 1/256
    bound = 4 * (share * dropout / values) ** 0.5 + 1 / 512
    assert float((mask > 0).float().mean()) == pytest.approx(share, abs=bound)


class Layers(nn.Module):
    """Everything that a stack replaces."""

    def __init__(self):
        super().__init__()
        self.convolution = nn.Conv1d(1, 3, 4, padding="same")
        self.linear = nn.Linear(3 * 6, 2)
        self.dropout = nn.Dropout(0.5)

    def forward(self, features):
        filtered = self.convolution(features["x"][:, None]).flatten(1)
        return {"y": self.linear(self.dropout(filtered))}


def test_a_model_group_computes_what_its_modules_compute():
    torch.manual_seed(0)
    modules = [Layers() for _ in range(3)]
    x = torch.randn(3, 5, 6)
    stack = ModelGroup(modules, DropoutMasks([0, 1, 2], "cpu"))
    found = stack({"x": x}, training=False)["y"]
    for k, module in enumerate(modules):
        expected = module.eval()({"x": x[k]})["y"]
        torch.testing.assert_close(found[k], expected, rtol=1e-5, atol=1e-6)
    stack.keep([2, 0])
    assert torch.equal(stack({"x": x[[2, 0]]}, training=False)["y"], found[[2, 0]])


class TrainingModeDropout(nn.Module):
    """Dropout that draws masks only if its own mode is training."""

    def __init__(self):
        super().__init__()
        self.dropout = nn.Dropout(0.5)

    def forward(self, values):
        return self.dropout(values) if self.training else values


def test_submodules_are_in_training_mode_from_the_first_batch():
    modules = []
    for _ in range(2):
        module = Layers()
        module.dropout = (
            TrainingModeDropout().eval()
        )  # a submodule is not in training mode
        modules.append(module)
    stack = ModelGroup(modules, DropoutMasks([0, 1], "cpu"))
    x = torch.ones(2, 64, 6)
    first, second = (stack({"x": x}, training=True)["y"] for _ in range(2))
    assert len(first[0].unique(dim=0)) > 1  # rows are equal, masks are not
    assert not torch.equal(first, second)
    clean = stack({"x": x}, training=False)["y"]
    assert torch.equal(stack({"x": x}, training=False)["y"], clean)
    torch.testing.assert_close(clean, clean[:, :1].expand_as(clean))


@pytest.mark.parametrize("batch", [3, 9], ids=["fewer", "more"])
@pytest.mark.parametrize("shape", [(), (2,)], ids=["plain", "tokens"])
def test_linear_layers_and_their_gradients_are_those_of_torch(batch, shape):
    """With fewer rows than features the product is turned round."""
    torch.manual_seed(0)

    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.second = nn.Linear(6, 4), nn.Linear(4, 6, bias=False)

        def forward(self, features):
            return {"y": self.second(self.first(features["x"]).relu())}

    modules = [Two() for _ in range(3)]
    x = torch.randn(3, batch, *shape, 6)
    stack, lay = ModelGroup(modules, DropoutMasks([0, 1, 2], "cpu")), list[bool]()
    first = stack.parameters["first.weight"]
    first.register_hook(lambda gradient: lay.append(gradient.is_contiguous()))
    stack({"x": x}, training=True)["y"].square().sum().backward()
    for k, module in enumerate(modules):
        module({"x": x[k]})["y"].square().sum().backward()
        for name, values in module.named_parameters():
            found = stack.parameters[name].grad[k]
            torch.testing.assert_close(found, values.grad, rtol=1e-4, atol=1e-5)
    if batch < 6 and not shape:  # what lies otherwise is copied in each step
        assert lay == [True]


def test_linear_layers_accept_single_vectors():
    class Queried(nn.Module):
        def __init__(self):
            super().__init__()
            self.query, self.key = nn.Parameter(torch.randn(6)), nn.Linear(6, 4)

        def forward(self, features):
            return {"y": self.key(features["x"]) @ self.key(self.query)}

    modules = [Queried() for _ in range(2)]
    x = torch.randn(2, 5, 6)
    stack = ModelGroup(modules, DropoutMasks([0, 1], "cpu"))
    for k, found in enumerate(stack({"x": x}, training=True)["y"]):
        expected = modules[k]({"x": x[k]})["y"]
        torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)


def test_modules_may_share_a_parameter():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.second = nn.Linear(3, 3), nn.Linear(3, 3)
            self.second.weight = self.first.weight

        def forward(self, features):
            return {"y": self.second(self.first(features["x"]))}

    modules = [Twice(), Twice()]
    stack = ModelGroup(modules, DropoutMasks([0, 1], "cpu"))
    x = torch.randn(2, 4, 3)
    for k, found in enumerate(stack({"x": x}, training=True)["y"]):
        expected = modules[k]({"x": x[k]})["y"]
        torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)


def test_dropout_masks_the_gradient_like_the_values():
    module = nn.Sequential(nn.Dropout(0.75))

    class Only(nn.Module):
        def __init__(self):
            super().__init__()
            self.part, self.scale = module, nn.Parameter(torch.ones(1))

        def forward(self, features):
            return {"y": self.part(features["x"]) * self.scale}

    stack = ModelGroup([Only(), copy.deepcopy(Only())], DropoutMasks([0, 1], "cpu"))
    x = torch.ones(2, 8, 8, requires_grad=True)
    found = stack({"x": x}, training=True)["y"]
    found.sum().backward()
    assert set(found.unique().tolist()) == {0.0, 4.0}
    assert torch.equal(x.grad, found.detach())
    assert torch.equal(stack({"x": x}, training=False)["y"], x)


def test_rows_of_weight_zero_do_not_change_a_loss():
    torch.manual_seed(0)
    truth, prediction = torch.randn(2, 3, 9, 2).unbind(0)
    weight = torch.zeros(3, 9)
    weight[:, :6] = 1
    for name in losses.LOSSES:
        loss = losses.loss(name)
        expected = loss(prediction[:, :6], truth[:, :6], None)
        torch.testing.assert_close(loss(prediction, truth, weight), expected)


def test_squared_errors_have_the_gradient_of_the_formula():
    torch.manual_seed(0)
    pair = [torch.randn(4, 3, dtype=torch.float64, requires_grad=True) for _ in "ab"]
    assert torch.autograd.gradcheck(losses.mse, pair)
    torch.testing.assert_close(losses.mse(*pair), (pair[0] - pair[1]).square().mean())


def test_validation_scores_equal_the_reported_metrics():
    rng = np.random.default_rng(0)
    truth = rng.uniform(-1, 1, (2, 25, 3)).astype(np.float32)
    prediction = (0.4 * truth + rng.normal(5, 0.2, truth.shape)).astype(np.float32)
    counts = (25, 18)
    weight = torch.arange(32) < torch.tensor(counts)[:, None]
    padded = [
        torch.nn.functional.pad(torch.from_numpy(x), (0, 0, 0, 7)).view(2, 4, 8, 3)
        for x in (prediction, truth)
    ]
    found = validation_scores.ccc(*padded, weight.float().view(2, 4, 8))
    for k, count in enumerate(counts):
        for target in range(3):
            t, p = truth[k, :count, target], prediction[k, :count, target]
            assert float(found[k, target]) == pytest.approx(
                metrics.ccc(t, p), abs=1e-12
            )


def test_tasks_wait_for_their_dependencies():
    order = []

    def work(name):
        return lambda stopped: order.append(name) or name

    works = [
        ScheduledTask(work("a")),
        ScheduledTask(work("b")),
        ScheduledTask(work("c"), after=frozenset({1})),
        ScheduledTask(work("d")),
    ]
    results = dict(execute_tasks(works, threads=1))
    assert results == {0: "a", 1: "b", 2: "c", 3: "d"}
    assert order == ["a", "b", "c", "d"]  # who waited goes before who did not


def test_an_error_ends_all_tasks_and_restores_the_thread_count():
    before = torch.get_num_threads()
    asked = []

    def broken(stopped):
        raise RuntimeError("no memory")

    def patient(stopped):
        while not stopped():
            asked.append(torch.get_num_threads())

    works = [ScheduledTask(patient), ScheduledTask(broken)]
    with pytest.raises(RuntimeError, match="no memory"):
        list(execute_tasks(works, threads=2))
    assert set(asked) <= {1}
    assert torch.get_num_threads() == before


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_on_a_gpu_a_model_in_a_group_is_close_to_one_trained_alone(rows):
    card = dataclasses.replace(
        rows,
        features={m: x.cuda() for m, x in rows.features.items()},
        truth=rows.truth.cuda(),
    )
    jobs = [job(card, seed) for seed in range(3)]
    for one, found in zip(jobs, trained(jobs), strict=True):
        alone = trained([one])[0]
        pairs = zip(alone.history, found.history, strict=True)
        assert all(a.loss == pytest.approx(b.loss, abs=1e-4) for a, b in pairs)


def test_masks_of_a_seed_continue_its_random_stream():
    masks = DropoutMasks([0], "cpu")
    drawn = [masks.draw([((64,), 128)])[0].clone() for _ in range(3)]
    assert not any(torch.equal(a, b) for a, b in pairwise(drawn))
