import math

import pytest
import torch
from torch import nn

from affuse.fuse.losses import SMALLEST_BATCH
from affuse.fuse.models.fitted import ccc
from affuse.fuse.settings import Settings
from affuse.fuse.training.grouped.batches import (
    BatchSource,
    BatchTask,
    batch_shape,
    divide_into_batches,
)
from affuse.fuse.training.grouped.loop import torch_seed, train_group


def order(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("rows", [1, 2, 127, 129, 255, 256, 257, 1000, 8062])
@pytest.mark.parametrize("batch", [128, 300])
def test_batches_contain_every_row_once(rows, batch):
    batches = divide_into_batches(torch.arange(rows), Settings(batch=batch), order())
    sizes = [len(b) for b in batches]
    assert sorted(torch.cat(batches).tolist()) == list(range(rows))
    assert max(sizes) - min(sizes) <= 1
    assert min(sizes) >= min(rows, SMALLEST_BATCH)
    count, length = batch_shape(rows, Settings(batch=batch))
    assert len(sizes) == count
    assert 0 <= length - max(sizes) < 16
    if rows < 2 * SMALLEST_BATCH:
        assert len(sizes) == 1


def test_batches_of_the_squared_error_may_be_small():
    batches = divide_into_batches(
        torch.arange(100), Settings(batch=8, loss="mse"), order()
    )
    assert {len(b) for b in batches} == {8, 9}


def test_the_order_is_new_in_each_epoch_and_the_same_for_each_seed():
    generator = order(3)
    first = divide_into_batches(torch.arange(50), Settings(), generator)[0].tolist()
    second = divide_into_batches(torch.arange(50), Settings(), generator)[0].tolist()
    assert first != second
    assert (
        divide_into_batches(torch.arange(50), Settings(), order(3))[0].tolist() == first
    )


class Rising(nn.Module):
    """Module of two weights, of which the loss depends on one."""

    def __init__(self):
        super().__init__()
        self.used, self.idle = nn.Parameter(torch.zeros(1)), nn.Parameter(torch.ones(1))

    def forward(self, features):
        return {"used": self.used + 0 * features["x"][:, 0]}


class PlannedScores:
    """Objective that increases a weight, with planned scores; it stores scored weights.

    Args:
        scores: for each epoch, the score of each model
        loss: value that is added to the loss of the first of two models
    """

    def __init__(self, scores, loss=None):
        self.told, self.loss, self.seen = iter(scores), loss, []

    def losses(self, found, truth, weight):
        lost = -found["used"].mean(dim=1)
        if self.loss is not None and len(lost) == 2:
            lost = lost + torch.tensor([self.loss, 0.0])
        return [lost, torch.zeros_like(lost)]

    def note(self, found, weight):
        return found["used"][:, 0]

    def scores(self, noted, truth, weight):
        self.seen.append(noted[:, 0].tolist())
        return torch.tensor(next(self.told), dtype=torch.float64)[:, None]


def train_on_planned_scores(objective, *, models=1, epochs=6, **changes):
    """Return modules and the outcomes of their training."""
    tasks = [
        BatchTask(
            Rising(),
            torch.arange(10),
            torch.arange(10, 13),
            settings=Settings(**changes),
            epochs=epochs,
            seed=k,
            where=f"text, fold a, seed {k}",
        )
        for k in range(models)
    ]
    source = BatchSource({"x": torch.ones(13, 1)}, torch.zeros(13, 1))
    return [t.module for t in tasks], train_group(tasks, source, objective)


def test_the_best_checkpoint_is_restored_and_patience_ends_training():
    objective = PlannedScores([[-0.8], [-0.2], [-0.5], [-0.3], [0.9]])
    (module,), (trained,) = train_on_planned_scores(objective, patience=2)
    assert [e.scores[0] for e in trained.history] == [-0.8, -0.2, -0.5, -0.3]
    assert [e.number for e in trained.history] == [1, 2, 3, 4]
    assert module.used.item() == objective.seen[1][0]


def test_patience_and_best_checkpoint_are_separate_for_each_model():
    objective = PlannedScores([[0.5, 0.1], [0.4, 0.2], [0.3, 0.3], [0.4], [0.2], [0.1]])
    modules, trained = train_on_planned_scores(objective, models=2, patience=2)
    assert [e.score for e in trained[0].history] == [0.5, 0.4, 0.3]
    assert [e.score for e in trained[1].history] == [0.1, 0.2, 0.3, 0.4, 0.2, 0.1]
    assert modules[0].used.item() == objective.seen[0][0]
    assert modules[1].used.item() == objective.seen[3][0]


def test_parameters_without_a_gradient_stay_unchanged():
    (module,), _ = train_on_planned_scores(PlannedScores([[0.0]] * 6), weight_decay=0.5)
    assert module.idle.item() == 1.0


@pytest.mark.parametrize("optimizer", ["adam", "adamw"])
def test_each_optimizer_reduces_the_loss(optimizer):
    objective = PlannedScores([[float(k)] for k in range(6)])
    train_on_planned_scores(objective, optimizer=optimizer)
    seen = [values[0] for values in objective.seen]
    assert seen == sorted(seen)
    assert seen[0] > 0


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_loss_that_is_not_finite_ends_one_model_only(value):
    objective = PlannedScores([[0.0, 0.5], [0.4], [0.3]], loss=value)
    _, trained = train_on_planned_scores(objective, models=2, epochs=3)
    assert trained[0].error == (
        f"text, fold a, seed 0, epoch 1: the loss is {value}; set learning_rate "
        f"below 0.001"
    )
    assert trained[1].error == ""
    assert len(trained[1].history) == 3


def test_a_score_that_is_not_finite_is_an_error():
    _, (trained,) = train_on_planned_scores(PlannedScores([[0.1], [math.nan]]))
    assert "seed 0, epoch 2: the validation score is nan" in trained.error


def test_a_training_can_be_stopped():
    task = BatchTask(
        Rising(),
        torch.arange(2),
        torch.arange(2),
        Settings(),
        epochs=1,
        seed=0,
        where="",
    )
    source = BatchSource({"x": torch.ones(2, 1)}, torch.zeros(2, 1))
    with pytest.raises(InterruptedError, match="was stopped"):
        train_group([task], source, PlannedScores([[0.0]]), stopped=lambda: True)


def test_torch_seed_restores_the_random_state():
    torch.manual_seed(5)
    expected = torch.rand(2)
    torch.manual_seed(5)
    with torch_seed(1, torch.device("cpu")):
        mine = torch.rand(1)
    assert torch.equal(torch.rand(2), expected)
    with torch_seed(1, torch.device("cpu")):
        assert torch.equal(torch.rand(1), mine)


def test_scores_are_of_each_rating():
    truth = torch.tensor([[0.0, 0.0], [1.0, 1.0], [2.0, 2.0]])
    prediction = torch.stack([truth[:, 0], -truth[:, 1] + 2], dim=1)
    assert ccc(truth, prediction) == (1.0, -1.0)


def test_an_undefined_score_names_the_rating():
    constant = torch.ones(4, 2)
    with pytest.raises(
        ValueError, match="validation CCC of valence and arousal is not defined: al"
    ):
        ccc(constant, constant)
