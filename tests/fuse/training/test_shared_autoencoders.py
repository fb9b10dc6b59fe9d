"""Cache of shared tensors: each is computed once, and the memory is limited."""

import time
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
import torch

from affuse.fuse.training.grouped.shared_tensors import TensorCache

ROW = 400  # bytes of a tensor below


def counting(made):
    """Makers that note their key; a tensor of 100 numbers each."""

    def maker(key):
        def make():
            made.append(key)
            return torch.full((100,), float(key))

        return make

    return maker


def test_threads_that_ask_at_the_same_time_share_one_tensor():
    made, started = [], Barrier(8)
    shared, maker = TensorCache(limit=10 * ROW), counting(made)

    def slowly():
        time.sleep(0.1)
        return maker(1)()

    def ask(_):
        started.wait()
        return shared.get(1, slowly)

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(ask, range(8)))
    assert made == [1]
    assert all(each is found[0] for each in found)


def test_the_least_recently_used_tensor_is_dropped():
    made: list[int] = []
    shared, maker = TensorCache(limit=2 * ROW), counting(made)
    for key in (1, 2, 1, 3, 1, 2):
        assert shared.get(key, maker(key))[0] == key
    # 3 takes the place of 2, for 1 was asked for after it
    assert made == [1, 2, 3, 2]


def test_a_tensor_above_the_limit_is_recomputed_and_drops_no_other():
    made: list[int] = []
    shared, maker = TensorCache(limit=ROW), counting(made)

    def large():
        made.append(2)
        return torch.zeros(101)

    shared.get(1, maker(1))
    for _ in range(2):
        assert len(shared.get(2, large)) == 101
    shared.get(1, maker(1))
    assert made == [1, 2, 2]


def test_an_error_reaches_all_waiting_threads_and_is_not_cached():
    started, made = Barrier(4), list[int]()
    shared, maker = TensorCache(limit=2 * ROW), counting(made)

    def fail():
        time.sleep(0.1)
        raise ValueError("no such fold")

    def ask(_):
        started.wait()
        with pytest.raises(ValueError, match="no such fold"):
            shared.get(1, fail)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(ask, range(4)))
    shared.get(1, maker(1))
    assert made == [1]
