"""Commands name a damaged file of a cache or a run, or print the same numbers.

A usual test run damages three files; ``make test-damage DAMAGES=300 SEED=0`` more.
"""

import logging
import os

import pytest
import random_damage

DAMAGES = int(os.environ.get("AFFUSE_DAMAGES", "3"))
SEED = int(os.environ.get("AFFUSE_SEED", "0"))

log = logging.getLogger(__name__)


@pytest.fixture(scope="module", autouse=True)
def quick():
    """Use 99 permutations in significance tests, to save time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("affuse.fuse.reporting.comparisons.PERMUTATIONS", 99)
        yield


@pytest.fixture(scope="module")
def original(quick, tmp_path_factory):
    folder = tmp_path_factory.mktemp("original")
    random_damage.make(folder)
    return folder


def test_commands_name_a_damaged_file_or_print_the_same(original, tmp_path):
    counts, faults = random_damage.attack(
        original, tmp_path, damages=DAMAGES, seed=SEED, say=log.info
    )
    log.info("%d damages, seed %d: %s", DAMAGES, SEED, dict(counts))
    assert faults == []
    assert counts["named"] >= DAMAGES  # at least one command names each damage


def test_files_of_every_kind_can_be_damaged(original):
    found = random_damage.files_by_kind(original)
    assert {
        *("cache/corpus.json", "cache/current.json", "cache/call"),
        *("cache/part-N.h5", "cache/part-N.h5.sha256", "cache/SHA256SUMS"),
        *("run/run.json", "run/folds.csv", "run/predictions.csv", "run/lint.json"),
        *("run/calibration.json", "run/SHA256SUMS", "run/seed/SHA256SUMS"),
        *("run/seed/model.safetensors", "run/seed/model.json", "run/seed/history.csv"),
    } <= found.keys()
