import pytest
import torch

from affuse.fuse.models.modality_dropout import ModalityDropout

COUNT = 20_000


def hidden(share, modalities=2, *, seed=0):
    """Which rows of which modality are hidden: (modalities, rows)"""
    rows = {f"m{k}": torch.full((COUNT, 3), k + 1.0) for k in range(modalities)}
    torch.manual_seed(seed)
    found = ModalityDropout(share, modalities).train()(rows)
    assert list(found) == list(rows)
    for name, x in rows.items():  # a row is there as it was, or not at all
        gone = (found[name] == 0).all(dim=1)
        assert torch.equal(found[name][~gone], x[~gone])
    return torch.stack([(x == 0).all(dim=1) for x in found.values()])


@pytest.mark.parametrize("modalities", [2, 3])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.95])
def test_so_many_utterances_lose_something_and_none_loses_all(share, modalities):
    gone = hidden(share, modalities)
    assert not gone.all(dim=0).any()
    # of 20,000 rows the share has a standard deviation of at most .0036
    assert float(gone.any(dim=0).float().mean()) == pytest.approx(share, abs=0.015)
    each = gone.float().mean(dim=1)
    assert float(each.max() - each.min()) < 0.02  # none is preferred


def test_one_modality_of_two_at_most():
    assert hidden(0.9).sum(dim=0).max() == 1


def test_nothing_is_hidden_from_a_single_modality_or_without_dropout():
    assert not hidden(0.9, 1).any()
    assert not hidden(0.0).any()


def test_hiding_is_for_training_only():
    rows = {"audio": torch.ones(50, 2), "text": torch.ones(50, 2)}
    hide = ModalityDropout(0.9, 2).eval()
    assert all(torch.equal(x, rows[m]) for m, x in hide(rows).items())


def test_masks_may_keep_any_factor():
    # a loop that trains many models scales what is kept by a factor of its own
    rows = {"audio": torch.ones(50, 2), "text": torch.ones(50, 2)}
    hide = ModalityDropout(0.5, 2).train()
    hide.draw.register_forward_hook(lambda *found: found[2] * 1.01)
    found = torch.stack(list(hide(rows).values()))
    assert set(found.unique().tolist()) == {0.0, 1.0}
