"""For all tests: one thread, no network, and what several of them ask for."""

import gc
import os

import pytest

os.environ["HF_HUB_OFFLINE"] = "1"  # read when the hub's library is imported
os.environ.setdefault("OMP_NUM_THREADS", "1")


def pytest_collection_finish():
    """Spare the garbage collector the modules and tests, which stay to the end."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def no_power_is_cut():
    """Wait for no disk: `os.fsync` only looks whether there is such a file."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda file: os.fstat(file) and None)
        yield


@pytest.fixture
def encoded(monkeypatch):
    """How many inputs went through an encoder, counted as it happens."""
    from affuse.extract.encoders import (  # with torch: not for all tests
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
    """A function that installs a package with plug-ins, see `distributions`."""
    from distributions import installer  # with torch: not for all tests

    with installer(tmp_path, monkeypatch) as write:
        yield write
