"""Division of inputs into parts and batches."""

import numpy as np
import pytest

from affuse.extract.encoding import batching


@pytest.fixture
def sizes():
    return np.random.default_rng(0).gamma(2.0, 2.0, size=200).round(2).tolist()


def ids(sizes):
    return [f"u{i:03d}" for i in range(len(sizes))]


def test_parts_hold_everything_once_longest_first(sizes):
    found = batching.parts(sizes, ids(sizes), rows=16, size=1e9)
    order = [i for part in found for i in part]
    assert sorted(order) == list(range(len(sizes)))
    assert [sizes[i] for i in order] == sorted(sizes, reverse=True)
    assert [len(part) for part in found] == [16] * 12 + [8]


def test_parts_do_not_depend_on_the_order_of_the_corpus(sizes):
    names = ids(sizes)
    shuffled = np.random.default_rng(1).permutation(len(sizes))
    one = batching.parts(sizes, names, rows=16, size=50.0)
    two = batching.parts(
        [sizes[i] for i in shuffled], [names[i] for i in shuffled], rows=16, size=50.0
    )
    assert [[names[i] for i in part] for part in one] == [
        [names[shuffled[i]] for i in part] for part in two
    ]


@pytest.mark.parametrize("size", [5.0, 20.0, 100.0])
def test_parts_are_bounded_in_size(sizes, size):
    found = batching.parts(sizes, ids(sizes), rows=50, size=size)
    for part in found:
        total = sum(sizes[i] for i in part)
        assert len(part) == 1 or total <= size + 1e-9  # sums of floats
    # no part could have taken the first of the next as well
    for part, after in zip(found, found[1:], strict=False):
        fuller = sum(sizes[i] for i in part) + sizes[after[0]]
        assert len(part) == 50 or fuller > size - 1e-9


def test_no_utterances_give_no_parts():
    assert batching.parts([], [], rows=4, size=1.0) == []


@pytest.mark.parametrize("budget", [1, 40, 100, 10_000])
def test_equal_batches_hold_everything_once_and_fit(budget):
    lengths = np.random.default_rng(0).integers(0, 20, size=300).tolist()
    found = batching.equal_length_batches(lengths, budget=budget)
    assert sorted(i for batch in found for i in batch) == list(range(300))
    for batch in found:
        each = {lengths[i] for i in batch}
        assert len(each) == 1
        assert len(batch) == 1 or each.pop() * len(batch) <= budget


def test_equal_batches_are_as_few_as_possible():
    assert [len(b) for b in batching.equal_length_batches([7] * 10, budget=29)] == [
        4,
        4,
        2,
    ]
