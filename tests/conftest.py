"""Settings of all tests (one thread, no network), and fixtures that they share."""

import gc
import os
import sys

import pytest

os.environ["HF_HUB_OFFLINE"] = "1"  # read when the hub's library is imported
os.environ.setdefault("OMP_NUM_THREADS", "1")
# Threads that wait for others sleep. By default they compute in a loop, which takes
# the time of the other test process. torch reads this variable when it is imported.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def pytest_collection_finish():
    """Exclude modules and tests from garbage collection, because they stay in use."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def replace_fsync():
    """Replace `os.fsync`, which waits for the disk, by a check that the file exists."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda file: os.fstat(file) and None)
        yield


@pytest.fixture(autouse=True)
def reset_threads():
    """Undo a command's choice of the number of threads, which would slow later tests.

    Several threads in each of several test processes are slower than one.
    """
    yield
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))


@pytest.fixture
def encoded(monkeypatch):
    """Sizes of the batches that encoders have encoded, in a list that grows."""
    from affuse.extract.encoders import (  # imports torch, so not at the top
        distilbert,
        wav2vec2,
    )

    counts = []
    for kind in (wav2vec2.Encoder, distilbert.Encoder):

        def count(self, batch, each, original=kind.__call__):
            counts.append(len(batch))
            return original(self, batch, each)

        monkeypatch.setattr(kind, "__call__", count)
    return counts


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Function that installs a package with plug-ins, see `fake_distributions`."""
    from fake_distributions import installer  # imports torch, so not at the top

    with installer(tmp_path, monkeypatch) as write:
        yield write
