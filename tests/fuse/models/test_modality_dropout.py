import pytest
import torch

from affuse.fuse.models.modality_dropout import ModalityDropout

COUNT = 20_000


def dropped_embeddings(share, modalities=2, *, seed=0):
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
def test_the_stated_share_loses_a_modality_and_none_loses_all(share, modalities):
    gone = dropped_embeddings(share, modalities)
    assert not gone.all(dim=0).any()
    # of 20,000 rows the share has a standard deviation of at most .0036
    assert float(gone.any(dim=0).float().mean()) == pytest.approx(share, abs=0.015)
    each = gone.float().mean(dim=1)
    assert float(each.max() - each.min()) < 0.02  # none is preferred


def test_at_most_one_of_two_modalities_is_dropped():
    assert dropped_embeddings(0.9).sum(dim=0).max() == 1


def test_nothing_is_dropped_from_a_single_modality_or_at_share_zero():
    assert not dropped_embeddings(0.9, 1).any()
    assert not dropped_embeddings(0.0).any()


def test_modalities_are_dropped_in_training_only():
    rows = {"audio": torch.ones(50, 2), "text": torch.ones(50, 2)}
    hide = ModalityDropout(0.9, 2).eval()
    assert all(torch.equal(x, rows[m]) for m, x in hide(rows).items())


def test_the_scaling_of_dropout_does_not_change_embeddings():
    # the training of model groups scales kept values by a slightly different factor
    rows = {"audio": torch.ones(50, 2), "text": torch.ones(50, 2)}
    hide = ModalityDropout(0.5, 2).train()
    hide.draw.register_forward_hook(lambda *found: found[2] * 1.01)
    found = torch.stack(list(hide(rows).values()))
    assert set(found.unique().tolist()) == {0.0, 1.0}
