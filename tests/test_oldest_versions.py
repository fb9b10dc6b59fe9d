"""Each lower bound of setup.cfg is a version that `make test-oldest` installs."""

import re
import shutil
import subprocess
from importlib.metadata import version

import pytest
from locations import ROOT
from packaging.utils import canonicalize_name
from packaging.version import Version
from requirement_lists import REQUIREMENTS

OLDEST = ".constraints-oldest.txt"
MODULES = {"pytest-xdist": "xdist"}  # package to import name, if they differ
# Packages whose licences exclude commercial use. `make setup` installs none of them,
# because whoever installs one accepts its licence.
RESTRICTED = {"opensmile"}
# Packages of 150 MB or more with their dependencies, which only one extra needs. Tests
# that need them are skipped where they are absent.
LARGE = {"faster-whisper", "jiwer", "gradio", "starlette", "uvicorn"}
TOOLS = {"audmetric", "mypy", "pytest", "pytest-xdist", "ruff"}  # for development only
needs_make = pytest.mark.skipif(not shutil.which("make"), reason="needs make")


ALL = {str(found): found for part in REQUIREMENTS.values() for found in part}


def pinned_versions(name):
    """Return the versions of a constraint file by canonical package name."""
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    pairs = [line.split("==") for line in lines if not line.startswith("#")]
    assert len(pairs) == len({package for package, _ in pairs})
    return {canonicalize_name(package): Version(found) for package, found in pairs}


def commands(target):
    """Return the commands that make would run for a target if nothing is installed."""
    words = ["make", "--dry-run", target, "PYTHON=python3", "RUN=false"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.replace("\\\n", " ")


@pytest.mark.parametrize("text", ALL)
def test_a_lower_bound_is_the_version_in_the_oldest_constraints(text):
    (bound,) = (found for found in ALL[text].specifier if found.operator == ">=")
    assert pinned_versions(OLDEST)[canonicalize_name(ALL[text].name)] == Version(
        bound.version
    )


@pytest.mark.parametrize("text", ALL)
def test_newest_and_installed_versions_are_within_the_bounds(text):
    allowed, name = ALL[text].specifier, canonicalize_name(ALL[text].name)
    assert allowed.contains(pinned_versions("constraints.txt")[name])
    if name not in RESTRICTED | LARGE:
        assert allowed.contains(version(name))


def test_both_constraint_files_name_the_same_packages():
    newest = pinned_versions("constraints.txt")
    assert pinned_versions(OLDEST).keys() == newest.keys()
    assert all(
        newest[name] >= oldest for name, oldest in pinned_versions(OLDEST).items()
    )


def test_a_package_has_the_same_bounds_in_all_extras():
    named = sorted(canonicalize_name(found.name) for found in ALL.values())
    assert named == sorted(set(named))
    extras = {str(found) for part in REQUIREMENTS.values() for found in part}
    inside = {str(found) for part in ("", "dev") for found in REQUIREMENTS[part]}
    left_out = {t for t, found in ALL.items() if found.name in RESTRICTED | LARGE}
    assert extras - left_out == inside  # `make test-oldest` installs the extra dev
    assert left_out.isdisjoint(inside)


@needs_make
def test_make_test_oldest_installs_the_oldest_versions():
    (install,) = re.findall("pip install .*", commands("test-oldest"))
    assert "--editable '.[dev]'" in install
    assert f"--constraint {OLDEST}" in install


@needs_make
def test_make_extract_installs_no_development_tools():
    (install,) = re.findall("pip install .*", commands("extract"))
    assert install.split("--editable ")[1].split()[0] == "'.'"
    assert TOOLS.isdisjoint(found.name for found in REQUIREMENTS[""])


@needs_make
@pytest.mark.parametrize("target", ["test", "lint", "type"])
def test_targets_for_development_install_the_extra_dev(target):
    (install,) = re.findall("pip install .*", commands(target))
    assert install.split("--editable ")[1].split()[0] == "'.[dev]'"


def test_make_test_checks_for_every_development_package():
    (tools,) = re.findall("^TOOLS := (.*)", (ROOT / "Makefile").read_text(), re.M)
    wanted = [MODULES.get(found.name, found.name) for found in REQUIREMENTS["dev"]]
    assert tools.split() == sorted(wanted)
