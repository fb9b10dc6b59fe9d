"""What make test-oldest installs is what setup.cfg allows, and nothing is repeated."""

import configparser
import re
import shutil
import subprocess
from pathlib import Path

import h5py
import numpy as np
import pytest

ROOT = Path(__file__).parents[1]
OLD = {"h5py": h5py, "numpy": np}


def bounds():
    """The lowest versions that setup.cfg allows, by package."""
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    lines = setup["options"]["install_requires"].strip().splitlines()
    return dict(line.split(" >= ") for line in lines)


def numbers(version):
    return tuple(map(int, re.findall(r"\d+", version)[:2]))


@pytest.mark.skipif(not shutil.which("make"), reason="needs make")
def test_the_oldest_versions_are_those_of_setup_cfg():
    command = ["make", "--dry-run", "test-oldest", "PYTHON=python3"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    lines = done.stdout.replace("\\\n", " ").splitlines()
    (install,) = (line for line in lines if " pip install " in line)
    pinned = dict(re.findall(r"'([a-z0-9]+)==(.*?)\.\*'", install))
    assert pinned == {name: bounds()[name] for name in OLD}
    (kept,) = (line for line in lines if line.startswith("grep -vE"))
    pattern = re.search(r"'(.*)'", kept)[1]
    constraints = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    left = [line for line in constraints if not re.match(pattern, line)]
    assert {line.split("==")[0] for line in constraints} - {
        line.split("==")[0] for line in left
    } == OLD.keys()


@pytest.mark.parametrize("name", OLD)
def test_these_tests_run_with_a_version_that_setup_cfg_allows(name):
    assert numbers(OLD[name].__version__) >= numbers(bounds()[name])
