"""Missing, additional or exchanged files and models are named in a message."""

import json
import logging
import shutil

import planted_leaks
import pytest
import small_caches
from click.testing import CliRunner

from affuse import cli
from affuse.data.cache import cache_listing, current_content
from affuse.data.cache.cache_folder import CorpusFolder
from affuse.data.errors import AffuseError, DamagedFileError
from affuse.data.runs.leak_record import failing_rules
from affuse.data.runs.run_information import read_info
from affuse.data.system.csv_tables import read_rows
from affuse.data.system.digests import MANIFEST
from affuse.fuse.commands.calibrate_command import calibrate
from affuse.fuse.linting.gathering import gather_finished_run
from affuse.fuse.trained import model_files, prediction


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    return planted_leaks.make_case(tmp_path_factory.mktemp("original"))


@pytest.fixture
def case(original, tmp_path):
    return planted_leaks.copy_case(original, tmp_path)


def predict(case):
    return prediction.predict(case.run, planted_leaks.embeddings()).mean


def test_a_model_that_the_run_does_not_list_is_ignored_with_a_warning(case, caplog):
    before = predict(case)
    other = planted_leaks.train_run(case.run.parent / "other", hidden=4)
    shutil.copytree(other / "session5" / "seed-0", case.run / "session5" / "seed-7")
    shutil.copytree(other / "session5", case.run / "session9")
    with caplog.at_level(logging.WARNING):
        assert (predict(case) == before).all()
    assert caplog.text.count("2 models are left out") == 1
    assert str(case.run / "session5" / "seed-7") in caplog.text


def test_each_command_names_an_unlisted_model_once(case, caplog):
    shutil.copytree(case.unit, case.run / "session5" / "seed-7")
    stray = case.run / "session5" / "seed-7"
    where = ("--cache", str(case.cache))
    for words in (
        ("lint", *where, str(case.run)),
        ("predict", str(case.run), *where),
        ("calibrate", str(case.run)),
    ):
        caplog.clear()
        assert CliRunner().invoke(cli.main, words).exit_code == 0, words
        assert caplog.text.count(f"first {stray}") == 1, words
    done = CliRunner().invoke(cli.main, ["verify", str(case.run)])
    assert done.exit_code == 0
    assert f"{stray} is not listed in" in done.stdout


@pytest.mark.parametrize("name", ["seed-x", "seed-00", "seed-²", "seed-" + "9" * 30])
def test_a_model_folder_without_a_valid_seed_is_ignored(case, caplog, name):
    before = predict(case)
    shutil.copytree(case.unit, case.run / "session5" / name)
    for path in case.run.rglob(MANIFEST):
        path.unlink()  # older versions write no manifest
    assert (predict(case) == before).all()
    assert "1 models are left out" in caplog.text
    assert planted_leaks.train_run(case.run.parent) == case.run


def exchange_model(case):
    other = planted_leaks.train_run(case.run.parent / "other", hidden=4)
    unit = case.unit
    shutil.rmtree(unit)
    shutil.copytree(other / "session5" / "seed-0", unit)


def remove_model(case):
    shutil.rmtree(case.unit)


def remove_manifest(case):
    (case.unit / MANIFEST).unlink()


@pytest.mark.parametrize("edit", [exchange_model, remove_model, remove_manifest])
def test_a_model_that_differs_from_the_manifest_of_its_run_is_refused(case, edit):
    edit(case)
    for use in (predict, lambda c: calibrate(c.run, level=0.9, by="auto")):
        with pytest.raises(DamagedFileError, match="lists"):
            use(case)


def test_a_copied_fold_folder_is_refused(case):
    shutil.copytree(case.run / "session5", case.run / "session9")
    for path in case.run.rglob(MANIFEST):
        path.unlink()
    with pytest.raises(DamagedFileError, match="session9/seed-0 holds the model of"):
        list(gather_finished_run(case.run, case.cache).trained_models())


def test_a_missing_lint_file_is_named(case):
    (case.run / "lint.json").unlink()
    with pytest.raises(DamagedFileError, match=r"lint\.json is missing, and SHA256"):
        failing_rules(case.run)


def test_a_missing_file_of_current_contents_is_named(tmp_path):
    folder = small_caches.fill(tmp_path, rows=(1,))
    current_content.mark_current(folder, small_caches.RECIPE)
    assert current_content.read_current_folders(folder.parent)
    (folder.parent / CorpusFolder.current).unlink()
    with pytest.raises(DamagedFileError, match=r"current\.json is missing, and SHA"):
        current_content.read_current_folders(folder.parent)


def test_lint_fails_for_a_run_without_run_json(case):
    (case.run / "run.json").unlink()
    words = ["lint", "--runs", str(case.run.parent), "--cache", str(case.cache)]
    found = CliRunner().invoke(cli.main, words)
    assert found.exit_code == 1
    assert "run.json" in found.stdout


def test_training_refuses_a_linked_fold_folder(case, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    shutil.rmtree(case.run / "session5")
    (case.run / "session5").symlink_to(elsewhere)
    with pytest.raises(AffuseError, match="session5 is a link"):
        planted_leaks.train_run(case.run.parent)
    assert list(elsewhere.iterdir()) == []


def test_a_table_with_an_endless_line_is_refused(tmp_path):
    with (tmp_path / "a.csv").open("wb") as file:
        file.truncate(2**31)
    with pytest.raises(DamagedFileError, match="a line without an end"):
        list(read_rows(tmp_path / "a.csv", ("id",)))


def test_a_model_of_another_run_is_trained_again(case, caplog):
    other = planted_leaks.train_run(case.run.parent / "other", hidden=4)
    shutil.rmtree(case.unit)
    shutil.copytree(other / "session5" / "seed-0", case.unit_name)
    with caplog.at_level(logging.WARNING):
        assert planted_leaks.train_run(case.run.parent) == case.run
    assert "holds a model of another run; training it again" in caplog.text
    assert model_files.describe(case.unit).settings.hidden == planted_leaks.QUICK.hidden


def test_no_digest_is_written_for_a_damaged_run_json(case, monkeypatch):
    """This holds even if training stops before the tables are joined."""
    path = case.run / "run.json"
    whole = json.loads(path.read_text())
    path.write_text(path.read_text().replace('"parameters": ', '"parameters": 9'))

    def stopped(plan):
        raise KeyboardInterrupt

    monkeypatch.setattr("affuse.fuse.commands.design_training.join_results", stopped)
    with pytest.raises(KeyboardInterrupt):
        planted_leaks.train_run(case.run.parent)
    assert read_info(case.run).parameters in (0, whole["parameters"])


def test_caches_are_listed_although_the_file_of_current_contents_is_damaged(tmp_path):
    """It is then unknown which of two caches of different content is current."""
    recipes = [small_caches.recipe(content=content) for content in ("a" * 16, "b" * 16)]
    for recipe in recipes:
        current_content.mark_current(
            small_caches.fill(tmp_path, of=recipe, rows=(1,)), recipe
        )
    (tmp_path / "toy" / CorpusFolder.current).write_text("{")
    *lines, damage = cache_listing.listing(tmp_path)
    assert {line.split()[0] for line in lines} == {r.digest() for r in recipes}
    assert "current.json is damaged" in damage
