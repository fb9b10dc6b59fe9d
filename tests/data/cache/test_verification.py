"""The command verify checks every file of caches and runs, and names each fault."""

import json
import shutil

import planted_leaks
import pytest
import small_caches
from click.testing import CliRunner

from affuse import cli
from affuse.data.cache.verification import INTERRUPTED, OLDER
from affuse.data.runs.run_folder import RunFolder
from affuse.data.system.digests import MANIFEST


def call(*words):
    return CliRunner().invoke(cli.main, ["verify", *map(str, words)])


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return planted_leaks.make_case(tmp_path_factory.mktemp("made"))


@pytest.fixture
def case(made, tmp_path):
    return planted_leaks.copy_case(made, tmp_path)


def run_verify(case):
    return call("--cache", case.cache, "--runs", case.run.parent)


def test_verify_counts_intact_files_and_parts(case):
    found = run_verify(case)
    assert found.exit_code == 0, found.output
    cache, runs = found.stdout.splitlines()[-2:]
    assert cache.endswith(f" 2 parts below {case.cache}, all intact")
    # the model has five files, the run eight and the manifest of the model
    assert runs == f"14 files below {case.run.parent}, all intact"


def test_cache_verify_prints_the_same_as_verify(case):
    found = CliRunner().invoke(
        cli.main, ["cache", "verify", "--cache", str(case.cache)]
    )
    assert found.exit_code == 0
    assert f"2 parts below {case.cache}, all intact" in found.stdout


def names(case):
    """Return every file of a cache and a run that a manifest lists."""
    roots = (case.cache, case.run)
    files = [path for root in roots for path in root.rglob("*") if path.is_file()]
    return [path for path in files if path.name != RunFolder.work]


def test_verify_names_every_damaged_file(made, tmp_path):
    paths = names(made)
    assert len(paths) >= 20
    for number, path in enumerate(paths):
        root = tmp_path / str(number)
        for folder in (made.cache, made.run.parent):
            shutil.copytree(folder, root / folder.name)
        damaged = root / path.relative_to(made.cache.parent)
        small_caches.flip(damaged, place=(number % 10) / 10)
        found = call("--cache", root / "cache", "--runs", root / "runs")
        assert found.exit_code == 1, damaged
        name = damaged.name.removesuffix(".sha256")
        assert f"{damaged.with_name(name)}" in found.stdout


def test_verify_names_missing_files(case):
    (case.run / "folds.csv").unlink()
    shutil.rmtree(case.unit)
    found = run_verify(case)
    assert found.exit_code == 1
    assert f"{case.run / 'folds.csv'} is missing" in found.stdout
    assert f"{case.unit_name / MANIFEST} is missing" in found.stdout


def test_folders_without_digests_of_older_versions_are_noted(case):
    for path in (*case.cache.rglob(MANIFEST), *case.run.rglob(MANIFEST)):
        path.unlink()
    info = json.loads((case.run / "run.json").read_text())
    del info["code"]
    (case.run / "run.json").write_text(json.dumps(info))
    found = run_verify(case)
    assert found.exit_code == 0
    assert f"{case.run}: {OLDER}" in found.stdout
    assert f"{case.unit}: {OLDER}" in found.stdout
    assert f"{case.cache / 'toy'}: {OLDER}" in found.stdout


def test_files_of_an_interrupted_command_are_noted(case):
    (case.unit / "late.csv").write_text("x\n")
    found = run_verify(case)
    assert found.exit_code == 0
    assert f"{case.unit / 'late.csv'} has {INTERRUPTED}" in found.stdout


@pytest.mark.parametrize("name", ["absent", "empty"])
def test_a_folder_without_caches_or_runs_is_refused(tmp_path, name):
    (tmp_path / "empty").mkdir()
    found = call(tmp_path / name)
    assert found.exit_code == 1
    assert found.stderr.startswith("Error: ")


@pytest.mark.parametrize("group", [(), ("cache",)])
def test_a_new_project_has_nothing_to_verify(tmp_path, monkeypatch, group):
    monkeypatch.chdir(tmp_path)
    found = CliRunner().invoke(cli.main, [*group, "verify"])
    assert found.exit_code == 0
    places = "cache" if group else "cache or runs"
    assert found.stdout == (
        f"nothing to verify: neither a cache nor a run below {places}\n"
    )


@pytest.mark.parametrize("group", [(), ("cache",)])
def test_a_named_cache_folder_without_caches_is_refused(tmp_path, monkeypatch, group):
    monkeypatch.chdir(tmp_path)
    found = CliRunner().invoke(cli.main, [*group, "verify", "--cache", "other"])
    assert found.exit_code == 1
    assert found.stderr.startswith("Error: neither a cache nor a run below other")


def test_verify_takes_a_single_run(case):
    found = call(case.run)
    assert found.exit_code == 0
    assert f"below {case.run}, all intact" in found.stdout


def test_bench_digests_prints_times_and_ratios(case):
    words = ["bench", "digests", str(case.run), "--rounds", "1"]
    found = CliRunner().invoke(cli.main, words)
    assert found.exit_code == 0, found.output
    heads, *lines = found.stdout.splitlines()
    assert heads.split() == ["reading", "with", "digests", "without", "ratio"]
    assert [line.split()[0] for line in lines] == ["tables", "weights"]
    assert all(float(line.split()[-1]) > 0 for line in lines)


def test_a_missing_manifest_of_a_finished_run_is_a_fault(case):
    (case.run / MANIFEST).unlink()
    found = run_verify(case)
    assert found.exit_code == 1
    assert f"{case.run / MANIFEST} is missing" in found.stdout
