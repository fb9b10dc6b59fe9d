"""Threads that encode at the same time, and the memory that they share."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from affuse.data.records import Utterance
from affuse.extract.caching.encoder_inputs import InputSource
from affuse.extract.caching.input_reading import PreparedInput
from affuse.extract.caching.part_building import Builder, PartInputs
from affuse.extract.encoders import wav2vec2
from affuse.extract.encoding.choices import Choice, Machine
from affuse.extract.encoding.encoder_loading import make_recipe
from affuse.extract.encoding.threads import MemoryBudget

RATE = 16_000
BLOCK = 6_400  # samples of an input below, 0.4 s
WAIT = 60  # seconds after which a thread that never comes is an error


class Gauge:
    """Gauge of concurrent sizes; a thread waits until `company` threads are there."""

    def __init__(self, company=1):
        self.now = self.most = 0
        self.lock = threading.Lock()
        self.company = threading.Barrier(company)

    def enter(self, size):
        with self.lock:
            self.now += size
            self.most = max(self.most, self.now)
        self.company.wait(WAIT)

    def leave(self, size):
        with self.lock:
            self.now -= size


def pass_through(room, gauge, size):
    with room.reserve(size):
        gauge.enter(size)
        gauge.leave(size)


def test_concurrent_batches_stay_within_the_memory_budget():
    room, gauge = MemoryBudget(10), Gauge()
    with ThreadPoolExecutor(8) as pool:
        sizes = [3, 7, 1, 10, 5, 4] * 20
        list(pool.map(lambda size: pass_through(room, gauge, size), sizes))
    assert 0 < gauge.most <= 10
    assert gauge.now == 0


def test_batches_that_fit_run_at_the_same_time():
    room, gauge = MemoryBudget(10), Gauge(company=3)
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda size: pass_through(room, gauge, size), [3, 3, 4]))
    assert gauge.most == 10


def test_a_batch_larger_than_the_budget_runs_alone():
    room, entered = MemoryBudget(10), threading.Event()

    def other():
        with room.reserve(1):
            entered.set()

    with room.reserve(99):
        thread = threading.Thread(target=other)
        thread.start()
        assert not entered.wait(0.1)
    assert entered.wait(WAIT)
    thread.join()


def test_an_error_releases_the_reserved_memory():
    room = MemoryBudget(10)
    with pytest.raises(RuntimeError), room.reserve(10):
        raise RuntimeError
    with room.reserve(10):
        pass


@pytest.mark.parametrize(
    ("threads", "batch", "seconds"),
    [
        (1, None, 180),  # three blocks of a minute
        (4, None, 180),
        (18, None, 180),
        (64, None, 640),  # a batch of ten seconds for each
        (4, 60.0, 1080),
    ],
)
def test_more_threads_than_batches_take_no_more_memory(threads, batch, seconds):
    machine = Machine(threads=threads, batch=batch, progress=False)
    assert machine.concurrent_budget("audio") == seconds


def builder(machine):
    encoder = wav2vec2.Encoder.tiny()
    recipe = make_recipe("toy", Choice("audio", checkpoint="tiny"), encoder, "")
    return Builder(Path(), machine, encoder, recipe)


def inputs(count):
    rng = np.random.default_rng(0)
    for number in range(count):
        source = InputSource(Utterance(str(number)), str(number), BLOCK / RATE)
        samples = (0.1 * rng.standard_normal(BLOCK)).astype(np.float32)
        yield PreparedInput(source, (samples,), ())


def means(machine):
    """Return the means of six inputs, each encoded as a separate batch."""
    opened = PartInputs((), tuple(inputs(6)), {})
    batches = builder(machine).encode(opened, lambda size: None)
    return np.concatenate([batch.layers[0].mean.numpy() for batch in batches])


def test_long_inputs_wait_for_memory(monkeypatch):
    # a batch of 0.05 s makes room for 0.9 s: two of 0.4 s at once, for four threads
    machine = Machine(threads=4, batch=0.05, progress=False)
    assert machine.concurrent_budget("audio") == pytest.approx(0.9)
    wanted = means(replace(machine, threads=1))
    gauge, real = Gauge(company=2), wav2vec2.Encoder.__call__

    def call(self, batch, each):
        gauge.enter(batch.size)
        try:
            return real(self, batch, each)
        finally:
            gauge.leave(batch.size)

    monkeypatch.setattr(wav2vec2.Encoder, "__call__", call)
    np.testing.assert_array_equal(means(machine), wanted)
    assert gauge.most == 2 * BLOCK
