"""What several stacks need is made once, and does not pile up."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
import torch

from fuse.group.shared import Shared

ROW = 400  # bytes of a tensor below


def counting(made):
    """Makers that note their key; a tensor of 100 numbers each."""

    def maker(key):
        def make():
            made.append(key)
            return torch.full((100,), float(key))

        return make

    return maker


def test_threads_that_ask_at_once_share_one():
    made, started = [], Barrier(8)
    shared, maker = Shared(limit=10 * ROW), counting(made)

    def ask(_):
        started.wait()
        return shared.get(1, maker(1))

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(ask, range(8)))
    assert made == [1]
    assert all(each is found[0] for each in found)


def test_what_was_asked_for_longest_ago_is_forgotten():
    made: list[int] = []
    shared, maker = Shared(limit=2 * ROW), counting(made)
    for key in (1, 2, 1, 3, 1, 2):
        assert shared.get(key, maker(key))[0] == key
    # 3 takes the place of 2, for 1 was asked for after it
    assert made == [1, 2, 3, 2]


def test_what_is_larger_than_the_limit_is_made_each_time():
    made: list[int] = []
    shared, maker = Shared(limit=ROW - 1), counting(made)
    for _ in range(2):
        assert shared.get(1, maker(1))[0] == 1
    assert made == [1, 1]


def test_an_error_reaches_whoever_asks_and_takes_no_place():
    made: list[int] = []
    shared, maker = Shared(limit=2 * ROW), counting(made)

    def fail():
        raise ValueError("no such fold")

    shared.get(1, maker(1))
    for _ in range(2):
        with pytest.raises(ValueError, match="no such fold"):
            shared.get(2, fail)
    shared.get(1, maker(1))
    assert made == [1]
