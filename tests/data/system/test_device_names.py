import pytest

from affuse.data.system.device_names import choose


@pytest.mark.parametrize("wanted", ["tpu", "", "cuda:", "cuda:x", "CPU"])
def test_what_is_no_device_is_said(wanted):
    with pytest.raises(ValueError, match="choose auto, cpu, cuda or cuda:1"):
        choose(wanted, cards=8)


@pytest.mark.parametrize(("wanted", "cards"), [("cuda", 0), ("cuda:1", 1)])
def test_a_card_that_is_not_here_is_said(wanted, cards):
    with pytest.raises(ValueError, match=f"there are {cards} CUDA devices here"):
        choose(wanted, cards=cards)
