import math

import pytest
import torch
from torch import nn

from fuse.loop import Best, ccc, divide, minimise, seeded
from fuse.losses import SMALLEST_BATCH
from fuse.settings import Settings


def order(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("rows", [1, 2, 127, 129, 255, 256, 257, 1000, 8062])
@pytest.mark.parametrize("batch", [128, 300])
def test_batches_take_every_row_once(rows, batch):
    batches = divide(rows, Settings(batch=batch), order())
    sizes = [len(b) for b in batches]
    assert sorted(torch.cat(batches).tolist()) == list(range(rows))
    assert max(sizes) - min(sizes) <= 1
    assert min(sizes) >= min(rows, SMALLEST_BATCH)
    if rows < 2 * SMALLEST_BATCH:
        assert len(sizes) == 1


def test_batches_of_the_squared_error_may_be_small():
    batches = divide(100, Settings(batch=8, loss="mse"), order())
    assert {len(b) for b in batches} == {8, 9}


def test_the_order_is_new_in_each_epoch_and_the_same_for_each_seed():
    generator = order(3)
    first = divide(50, Settings(), generator)[0].tolist()
    second = divide(50, Settings(), generator)[0].tolist()
    assert first != second
    assert divide(50, Settings(), order(3))[0].tolist() == first


def test_the_best_may_be_negative_and_is_a_copy():
    model, best = nn.Linear(1, 1, bias=False), Best()
    for weight, score in ((1.0, -0.9), (2.0, -0.5), (3.0, -0.7)):
        nn.init.constant_(model.weight, weight)
        best.update(score, model)
    assert (best.score, best.age) == (-0.5, 1)
    assert best.state["weight"].item() == 2.0


class Scripted:
    """A weight that rises by a little each step, and scores that are told."""

    def __init__(self, scores, loss=None):
        self.model = nn.ParameterDict({"used": torch.zeros(1), "idle": torch.ones(1)})
        self.told, self.loss, self.seen = iter(scores), loss, []

    def losses(self, batch):
        loss = -self.model["used"].sum() if self.loss is None else self.loss
        return loss, torch.zeros(())

    def scores(self):
        self.seen.append(self.model["used"].item())
        return (next(self.told),)

    def minimise(self, **changes):
        return minimise(
            self.model,
            self.losses,
            self.scores,
            rows=10,
            epochs=6,
            settings=Settings(**changes),
            seed=0,
            where="text, fold a, seed 3",
        )


def test_the_best_epoch_is_kept_and_patience_ends():
    task = Scripted([-0.8, -0.2, -0.5, -0.3, 0.9])
    history = task.minimise(patience=2)
    assert [epoch.scores[0] for epoch in history] == [-0.8, -0.2, -0.5, -0.3]
    assert [epoch.number for epoch in history] == [1, 2, 3, 4]
    assert task.model["used"].item() == task.seen[1]


def test_what_the_loss_does_not_reach_stays():
    task = Scripted([0.0] * 6)
    task.minimise(weight_decay=0.5)
    assert task.model["idle"].item() == 1.0


@pytest.mark.parametrize("optimizer", ["adam", "adamw"])
def test_either_optimizer_goes_downhill(optimizer):
    task = Scripted(range(6))
    task.minimise(optimizer=optimizer)
    assert task.seen == sorted(task.seen)
    assert task.seen[0] > 0


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_loss_that_is_not_finite_ends_the_run(value):
    task = Scripted([0.0], loss=torch.tensor(value, requires_grad=True))
    sentence = (
        "text, fold a, seed 3, epoch 1: the loss is .*set learning_rate below 0.0"
    )
    with pytest.raises(ValueError, match=sentence):
        task.minimise()


def test_seeds_do_not_touch_what_others_draw():
    torch.manual_seed(5)
    expected = torch.rand(2)
    torch.manual_seed(5)
    with seeded(1, torch.device("cpu")):
        mine = torch.rand(1)
    assert torch.equal(torch.rand(2), expected)
    with seeded(1, torch.device("cpu")):
        assert torch.equal(torch.rand(1), mine)


def test_scores_are_of_each_rating():
    truth = torch.tensor([[0.0, 0.0], [1.0, 1.0], [2.0, 2.0]])
    prediction = torch.stack([truth[:, 0], -truth[:, 1] + 2], dim=1)
    assert ccc(truth, prediction) == (1.0, -1.0)


def test_an_undefined_score_names_the_rating():
    constant = torch.ones(4, 2)
    with pytest.raises(
        ValueError, match="validation CCC of valence is not defined: al"
    ):
        ccc(constant, constant)
