"""A forged run folder ends in an error message within seconds; other runs are shown.

A usual test run tries some of them, ``make test-hostile`` all.
"""

import io
import logging
import os
import shutil
import threading

import forged_runs
import planted_leaks
import pytest
from click.testing import CliRunner

from affuse import cli
from affuse.data.system.digests import MANIFEST

ALL = bool(os.environ.get("AFFUSE_HOSTILE"))
STEP = 1 if ALL else 29  # every STEP-th edit is tried
LONGEST = 10.0  # largest duration of one command in seconds

log = logging.getLogger(__name__)


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    """Cache and valid run; tests forge a copy of the run."""
    return planted_leaks.make_case(tmp_path_factory.mktemp("good"))


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Use 99 permutations in significance tests, to save time."""
    monkeypatch.setattr("affuse.fuse.reporting.comparisons.PERMUTATIONS", 99)


def call(*words):
    """Call a command, which must end within `LONGEST` and without a traceback."""
    found = []
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)

    def run():
        found.append(CliRunner().invoke(cli.main, list(map(str, words))))

    logging.getLogger().addHandler(handler)
    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(LONGEST)
    logging.getLogger().removeHandler(handler)
    assert found, f"{words} took more than {LONGEST:g} s"
    assert found[0].exception is None or isinstance(found[0].exception, SystemExit), (
        words,
        repr(found[0].exception),
    )
    return found[0], found[0].output + stream.getvalue()


def forge_run(good, tmp_path, edit):
    """Write a valid and a forged run; return the path of the forged one."""
    shutil.copytree(good.run.parent, tmp_path / "runs")
    bad = tmp_path / "runs" / "forged"
    shutil.copytree(good.run, bad)
    for path in bad.rglob(MANIFEST):
        path.unlink()
    edit(bad)
    return bad


def test_there_are_at_least_a_hundred_edits(good):
    assert len(forged_runs.edits(good.run)) >= 100


def names(run):
    return list(forged_runs.edits(run))[::STEP]


def test_commands_refuse_forged_runs_and_show_valid_ones(good, tmp_path):
    every = forged_runs.edits(good.run)
    chosen = names(good.run)
    for number, name in enumerate(chosen):
        bad = forge_run(good, tmp_path / str(number), every[name])
        runs = ("--runs", bad.parent)
        try:
            done, said = call("report", *runs)
            assert "early" in done.stdout, said
            _, said = call("lint", "--cache", good.cache, *runs)
            assert str(bad) in said
            call("predict", bad, "--cache", good.cache, "--threads", "1")
            call("ablate", bad, "--cache", good.cache, "--threads", "1")
            call("calibrate", bad)
            call("verify", bad)
        except AssertionError as error:
            raise AssertionError(f"{name}: {error}") from error
        shutil.rmtree(bad.parent.parent, ignore_errors=True)
    log.info("%d hostile runs, six commands each", len(chosen))


@pytest.mark.parametrize("name", ["report", "lint"])
def test_a_run_that_cannot_be_read_is_named_and_the_exit_status_is_1(
    good, tmp_path, name
):
    edit = forged_runs.substitute("predictions.csv", "2", '"')
    bad = forge_run(good, tmp_path, edit)
    more = ("--cache", good.cache) if name == "lint" else ()
    done, said = call(name, *more, "--runs", bad.parent)
    assert done.exit_code == 1
    assert str(bad) in said
    assert good.run.name in done.stdout or "early" in done.stdout
